"""`learn`: finds the mix that speaks like some replies, on a model and adapters that are loaded for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..hosts.standalone.folders import folders
from ..lora_ops.fader import Fader
from ..lora_ops.files import write_aside
from ..lora_ops.mix import Mix
from . import arguments as asking
from .interrupt import interrupted
from .live_model import ROOT, desk_of, model_name
from .options import Playing, shared
from .output import bar, progress, say, show_facts, show_json, show_table

if TYPE_CHECKING:
    from ..lora_ops.desk import Desk
    from ..lora_ops.learning.examples import Example
    from ..lora_ops.learning.learned import Learned
    from ..lora_ops.learning.preferences import Preference

_SHOWN = 12
_RECORDS, _PROFILES = "records.sqlite", "profiles"


@dataclass(frozen=True)
class Source:
    """What is learned from."""

    examples: Annotated[
        Path | None,
        typer.Option(
            "--examples",
            "-e",
            metavar="FILE",
            help="JSONL of chats: messages, prompt and completion, or ShareGPT's conversations.",
            show_default=False,
        ),
    ] = None
    votes: Annotated[
        bool, typer.Option("--votes", help="Learn from the votes in kept experiments with this model, not from a file.")
    ] = False
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSONL like --examples: replies that stay as likely as the base makes them.",
            show_default=False,
        ),
    ] = None
    keep_own: Annotated[
        bool, typer.Option("--keep-own", help="The same of what the base itself says to a few everyday questions.")
    ] = False
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where votes and profiles are kept (TextGen: its extension's folder).",
            show_default="our own page's",
        ),
    ] = None

    @property
    def folder(self) -> Path:
        """Where votes and profiles are."""
        return self.data.expanduser() if self.data else folders(ROOT).user_data

    def check(self) -> None:
        """Refuses what is no source.

        Raises:
            ValueError: neither or both are given, or texts to keep alone.
        """
        if self.examples is None and not self.votes:
            alone = " Texts to keep alone teach nothing: the base itself keeps them best." if self.keep else ""
            raise ValueError(f"there is nothing to learn from: name a file with --examples, or say --votes.{alone}")
        if self.examples is not None and self.votes:
            raise ValueError("learn from --examples or from --votes, not from both at once")

    def read(self, model: str) -> tuple[list[Example], list[Preference]]:
        """The examples, or the votes of experiments with this model.

        Raises:
            ValueError: a file is not understood, or there is no vote.
        """
        if self.examples is not None:
            from ..lora_ops.learning.examples import check_enough

            found = _examples(self.examples)
            check_enough(len(found))  # before a model is loaded for minutes
            return found, []
        return [], _votes(self.folder / _RECORDS, model)


@dataclass(frozen=True)
class Result:
    """Where the mix goes."""

    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Where the mix goes, for --mix.", show_default=False)
    ] = None
    save_profile: Annotated[
        str | None,
        typer.Option(
            "--save-profile",
            metavar="NAME",
            help="Keep the mix as a profile, which the page shows.",
            show_default=False,
        ),
    ] = None
    bake: Annotated[
        Path | None,
        typer.Option(
            "--bake",
            metavar="FOLDER",
            help="Write the adapter at that mix as a new one; several are combined (cat).",
            show_default=False,
        ),
    ] = None
    overwrite: asking.Overwrite = False

    def check(self, profiles: Path) -> None:
        """Refuses what would take the place of something, before anything is learned.

        Raises:
            FileExistsError: of that name there is something already.
            ValueError: a name cannot be that of a file.
        """
        from ..lora_ops.files import safe_name

        named = self.save_profile and profiles / f"{safe_name(self.save_profile)}.json"
        for path in (self.save, self.bake, named):
            if path and path.expanduser().exists() and not self.overwrite:
                raise FileExistsError(f"{path} exists already")

    def write(self, mix: Mix, desk: Desk, sources: Mapping[str, Path], model: str, profiles: Path) -> list[str]:
        """Puts the mix where it was asked for; tells where, in sentences."""
        told = []
        if self.save is not None:
            write_aside(self.save, json.dumps(mix.to_dict(), indent=2) + "\n")
            told.append(f"The mix is in {self.save}: use it with --mix.")
        if self.save_profile is not None:
            from ..lora_ops.profiles import Profile, Profiles

            kept = Profiles(profiles).save(Profile.of(self.save_profile, desk, mix, model=model), self.overwrite)
            told.append(f"The mix is kept as the profile “{kept.name}”.")
        if self.bake is not None:
            told.append(f"The adapter is in {_baked(desk, mix, sources, self.bake, self.overwrite)}.")
        return told


@shared
def learn(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    playing: Playing,
    source: Source,
    result: Result,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="masters, kinds, layers, targets, or one fader, as [ADAPTER]:PART; few numbers come first.",
            show_default="all but targets",
        ),
    ] = None,
    silent: Annotated[
        bool, typer.Option("--few", help="As few targets as possible: pull gains to 0, not to 1.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many steps for each of --over.")] = 8,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is held out.")] = 0,
    as_json: asking.AsJson = False,
) -> None:
    """Learn where the faders should stand for the model to speak like some replies; no weight changes.

    Some examples are held out, and tell what the mix is worth. Ctrl+C ends it with the best mix
    so far, and twice with nothing written.

    Examples:

    * `learn loras/pirate --model demo --examples pirate.jsonl --over kinds --over layers --save fits.json`

    * `learn loras/pirate --model demo --votes --over masters --save-profile "as voted"`

    * `learn loras/pirate --model demo -e pirate.jsonl --over targets --keep-own --bake loras/pirate-fits`
    """
    source.check()
    profiles = source.folder / _PROFILES
    result.check(profiles)
    from ..lora_ops.optional_packages import needed

    needed("scipy.optimize", "learning")  # before a model is loaded for minutes
    name = model_name(model)
    wanted, votes = source.read(name)
    kept = _examples(source.keep) if source.keep is not None else []
    sources = asking.named(adapters)
    levels = [_over(word, list(sources)) for word in over or ()]
    start = playing.of(list(sources))
    desk, tokenizer = desk_of(model, sources, playing.device, playing.dtype, as_json)
    if source.keep_own:
        kept = [*kept, *_own(desk, tokenizer, as_json)]
    more: dict[str, Any] = {"pull": "silent"} if silent else {}
    if levels:
        more["over"] = levels
    found = _learned(
        desk, tokenizer, wanted, votes, as_json, keep=kept, seed=seed, mix=start, steps=steps, **more
    )  # fmt: skip
    told = result.write(found.mix, desk, sources, name, profiles) if found.learned else []
    if as_json:
        show_json(found.to_dict())
        return
    _show(found, desk, "vote" if source.votes else "token")
    for sentence in told:
        say(sentence)


def _learned(
    desk: Desk, tokenizer: Any, wanted: Sequence[Example], votes: Sequence[Preference], quiet: bool, **more: Any
) -> Learned:
    from ..lora_ops.learning.learn import learning, learning_from_votes

    run = learning_from_votes(desk, tokenizer, votes, **more) if votes else learning(desk, tokenizer, wanted, **more)
    with progress("learning", quiet) as told, interrupted(run.stop):
        for update in run:
            told(update.step, update.of)
    return run.result


def _examples(file: Path) -> list[Example]:
    from ..lora_ops.learning.examples import read_examples

    return read_examples(file.read_bytes(), file.name)


def _votes(file: Path, model: str) -> list[Preference]:
    """The votes that say which reply is better, in kept experiments with this model."""
    from ..lora_ops.learning.preferences import preferences
    from ..lora_ops.results.records import Records

    if not file.exists():
        raise ValueError(f"there are no votes in {file.parent}: vote on the page first, or name its --data folder")
    records = Records(file)
    kept = [records.load(summary.id) for summary in records.list() if not summary.problem]
    if found := preferences(kept, model):
        return found
    others = sorted({record.model for record in kept if preferences([record])})
    raise ValueError(
        f"there are no votes in {file} on replies of {model}"
        + (f", but on those of {', '.join(others)}" if others else ": vote on the page first")
    )


def _over(word: str, adapters: Sequence[str]) -> str | Fader:
    return asking.fader_from(word, adapters) if ":" in word else word


def _own(desk: Desk, tokenizer: Any, quiet: bool) -> list[Example]:
    from ..lora_ops.learning.own_replies import own_replies

    with progress("what the base says", quiet) as told:
        return own_replies(desk, tokenizer, progress=told)


def _baked(desk: Desk, mix: Mix, sources: Mapping[str, Path], out: Path, overwrite: bool) -> Path:
    from ..lora_ops.bakery.bake import bake
    from ..lora_ops.bakery.combine import combine
    from ..lora_ops.bakery.ways import Recipe
    from ..lora_ops.bakery.writing import Writing

    whole, writing = out.expanduser().absolute(), Writing(overwrite, sources=dict(sources))
    names = list(sources)
    if len(names) == 1:
        return bake(desk, mix, names[0], whole.parent, whole.name, "folded", writing).folder
    return combine(desk, mix, names, whole.parent, whole.name, Recipe("cat"), writing).folder


def _show(found: Learned, desk: Desk, each: str) -> None:
    from ..lora_ops.learning.learned import gains_by_target

    low, high = found.interval
    turns = ", each in its turn" if found.in_turn else ""
    facts = {"held out": f"{len(found.held_out)} {'votes' if each == 'vote' else 'examples'}{turns}"}
    if found.before == found.before:  # else nothing is known of it
        facts |= {
            "before": f"{found.before:.4f} nats per {each}",
            "after": f"{found.after:.4f} nats per {each}",
        }
    if found.learned:
        sure = f", with 90 % confidence {low:.4f} to {high:.4f}" if low == low else ""
        facts["gained"] = f"{found.before - found.after:.4f}{sure}"
    show_facts(facts)
    say(found.note or f"learned in {found.seconds:.0f} s")
    if found.economies:
        say(found.economies)
    if not found.learned:
        return
    for adapter, gains in gains_by_target(found.mix, desk.adapters).items():
        for title, order in (("hurt most", 1), ("helped most", -1)):
            moved = [(name, gain) for name, gain in gains.items() if (gain - 1) * order < 0]
            rows: list[Any] = sorted(moved, key=lambda one: one[1] * order)[:_SHOWN]
            if rows:
                show_table(
                    (f"{adapter}: {title}", "gain", ""), [(name, f"{gain:.3f}", bar(gain / 2)) for name, gain in rows]
                )
