"""`learn`: finds the mix that speaks like some replies, on a model and adapters that are loaded for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lora_ops.files import write_aside
from . import arguments as asking
from .live_model import desk_of
from .options import Playing, shared
from .output import bar, progress, say, show_facts, show_json, show_table

if TYPE_CHECKING:
    from ..lora_ops.desk import Desk
    from ..lora_ops.learning.learned import Learned, Update

_SHOWN = 12


@shared
def learn(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    playing: Playing,
    examples: Annotated[
        Path,
        typer.Option(
            "--examples",
            "-e",
            metavar="FILE",
            help="JSONL of chats: messages, prompt and completion, or ShareGPT's conversations.",
            show_default=False,
        ),
    ],
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSONL like --examples: replies that stay as likely as the base makes them.",
            show_default=False,
        ),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(help="masters, kinds, layers, targets; few numbers come first.", show_default="all but targets"),
    ] = None,
    silent: Annotated[
        bool, typer.Option("--few", help="As few targets as possible: pull gains to 0, not to 1.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many steps for each of --over.")] = 8,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is held out.")] = 0,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Where the mix goes, for --mix.", show_default=False)
    ] = None,
    overwrite: asking.Overwrite = False,
    as_json: asking.AsJson = False,
) -> None:
    """Learn where the faders should stand for the model to speak like some replies; no weight changes.

    A quarter of the examples is held out, and tells what the mix is worth. Bake it with `bake --mix FILE`.

    Example: `learn loras/pirate --model demo --examples pirate.jsonl --over kinds --over layers --save fits.json`
    """
    if save is not None and save.exists() and not overwrite:
        raise FileExistsError(f"{save} exists already")
    from ..lora_ops.learning.examples import read_examples
    from ..lora_ops.learning.learn import OVER
    from ..lora_ops.learning.learn import learn as learning
    from ..lora_ops.optional_packages import needed

    needed("scipy.optimize", "learning")  # before a model is loaded for minutes
    wanted = read_examples(examples.read_bytes(), examples.name)
    kept = read_examples(keep.read_bytes(), keep.name) if keep is not None else []
    folders = asking.named(adapters)
    start = playing.of(list(folders))
    desk, tokenizer = desk_of(model, folders, playing.device, playing.dtype, as_json)
    with progress("learning", as_json) as told:

        def follow(update: Update) -> None:
            told(update.step, update.of)

        found = learning(
            desk, tokenizer, wanted, keep=kept, over=over or OVER, seed=seed, mix=start,
            pull="silent" if silent else "loaded", steps=steps, progress=follow,
        )  # fmt: skip
    if save is not None and found.learned:
        write_aside(save, json.dumps(found.mix.to_dict(), indent=2) + "\n")
    if as_json:
        show_json(found.to_dict())
        return
    _show(found, desk)
    if save is not None and found.learned:
        say(f"The mix is in {save}: use it with --mix.")


def _show(found: Learned, desk: Desk) -> None:
    from ..lora_ops.learning.learned import gains_by_target

    low, high = found.interval
    facts = {
        "held out": f"{len(found.held_out)} examples",
        "before": f"{found.before:.4f} nats per token",
        "after": f"{found.after:.4f} nats per token",
    }
    if found.learned:
        facts["gained"] = f"{found.before - found.after:.4f}, with 90 % confidence {low:.4f} to {high:.4f}"
    show_facts(facts)
    say(found.note or f"learned in {found.seconds:.0f} s")
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
