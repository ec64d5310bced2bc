"""`bake`, `combine` and `merge`: mixes written to disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from ..lora_ops.bakery.plan import fades_until
from ..lora_ops.bakery.ways import Combination, Form, Recipe, Way
from ..lora_ops.mix import Mix
from . import arguments as asking
from .gguf import GGUF, Check, bake_gguf
from .live_model import desk_of
from .options import Output, Playing, shared
from .output import progress, say, show_facts, show_json, size

if TYPE_CHECKING:
    from ..lora_ops.bakery.written import Baked, Written


KeepRanks = Annotated[
    bool, typer.Option("--keep-ranks", help="Leave smaller ranks as they are (rank_pattern): vLLM reads it since 0.32.")
]


@dataclass(frozen=True)
class Forming:
    """How one adapter is written."""

    way: Annotated[
        Way,
        typer.Option(help="folded: gains in the weights, which everything reads. patterned: gains in alpha, for PEFT."),
    ] = "folded"
    drop_silent: Annotated[bool, typer.Option("--drop-silent", help="Leave silent targets out (folded).")] = False
    keep_ranks: KeepRanks = False

    def form(self) -> Form:
        """The same, for the bakery."""
        return Form(self.way, uniform=not self.keep_ranks, drop_silent=self.drop_silent)


@dataclass(frozen=True)
class Combining:
    """How several become one: `kind` is PEFT's name of it."""

    kind: Annotated[
        Combination, typer.Option("--type", help="cat is exact, and its ranks add up; svd is the nearest at a --rank.")
    ] = "cat"
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the result, for types that end in svd.")] = None
    density: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Part of the numbers to keep, above 0: types with ties, dare and prune need it."
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="For dare, which drops at random.")] = 0
    keep_ranks: KeepRanks = False

    def recipe(self) -> Recipe:
        """The same, for the bakery."""
        return Recipe(self.kind, self.rank, self.density, seed=self.seed, uniform=not self.keep_ranks)


@shared
def bake(
    adapter: asking.OneAdapter,
    output: Output,
    playing: Playing,
    forming: Forming,
    model: asking.Model = None,
    gguf: GGUF = None,
    check: Check = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write one adapter, at the gains of a mix, as a new adapter that needs no desk.

    With `--model`, stock PEFT reads the result once, and its logits are compared with the desk's. DoRA needs it: its
    magnitudes at another gain depend on the base model.

    Examples:

    * `bake loras/pirate -o loras/pirate-soft --gain 0.5`

    * `bake loras/pirate -o loras/pirate-mlp -m profile.json --model demo`

    * `bake loras/pirate -o pirate-soft.gguf --gain 0.5 --gguf smollm2.gguf`
    """
    if gguf is not None:
        given = {"--model": model, "--way patterned": forming.way == "patterned", "--drop-silent": forming.drop_silent}
        others = [option for option, value in given.items() if value]
        bake_gguf([adapter], gguf, output, playing.of, others, check, as_json)
        return
    _needs_gguf(check)
    from ..lora_ops.bakery.bake import bake as bake_loaded
    from ..lora_ops.bakery.bake import bake_weights
    from ..lora_ops.shelf.adapter_weights import read_weights

    [(name, source)] = asking.named([adapter]).items()
    gains, form, place = _gains(playing, [name]), forming.form(), output.place()
    if model is None:
        baked = bake_weights(read_weights(source, name), gains, *place, form, output.writing())
    else:
        desk, _ = desk_of(model, {name: source}, playing.device, playing.dtype, as_json)
        baked = bake_loaded(desk, gains, name, *place, form, output.writing(sources={name: source}))
    _tell(baked, as_json, compared=model is not None)


@shared
def combine(
    adapters: asking.Adapters,
    output: Output,
    playing: Playing,
    combining: Combining,
    model: asking.Model = None,
    gguf: GGUF = None,
    check: Check = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write several LoRA adapters, each target at its gain, as one.

    With `--model`, stock PEFT reads the result once, and its logits are compared with the desk's.

    Examples:

    * `combine loras/pirate loras/butler -o loras/both -g pirate=0.5 -g butler=0.8`

    * `combine a=loras/one b=loras/two -o loras/small --type svd --rank 8 --model demo`

    * `combine loras/pirate loras/butler -o both.gguf --gguf smollm2.gguf --check`
    """
    if gguf is not None:
        recipe = replace(combining.recipe(), uniform=False)
        others = ["--model"] if model else []
        bake_gguf(adapters, gguf, output, playing.of, others, check, as_json, recipe)
        return
    _needs_gguf(check)
    from ..lora_ops.bakery.combine import combine as combine_loaded
    from ..lora_ops.bakery.combine import combine_weights
    from ..lora_ops.shelf.adapter_weights import read_weights

    folders = asking.named(adapters)
    gains, recipe, place = _gains(playing, list(folders)), combining.recipe(), output.place()
    if model is None:
        parts = [read_weights(path, name) for name, path in folders.items()]
        with progress("combining", as_json) as told:
            baked = combine_weights(parts, gains, *place, recipe, output.writing(progress=told))
    else:
        desk, _ = desk_of(model, folders, playing.device, playing.dtype, as_json)
        with progress("combining", as_json) as told:
            writing = output.writing(sources=folders, progress=told)
            baked = combine_loaded(desk, gains, list(folders), *place, recipe, writing)
    _tell(baked, as_json, compared=model is not None)


@shared
def merge(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    output: Output,
    playing: Playing,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not load what was written to compare it with the desk.")
    ] = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write base model and adapters, at the gains of a mix, as one whole model with its tokenizer.

    Stock transformers then loads it once, where memory holds it twice, and its logits are compared with the desk's.

    Example: `merge loras/pirate --model ~/models/SmolLM2-135M-Instruct -o ~/models/pirate --gain 0.5`
    """
    from ..lora_ops.bakery.merge import merge as merge_loaded

    folders = asking.named(adapters)
    names, gains, place = list(folders), _gains(playing, list(folders)), output.place()
    desk, tokenizer = desk_of(model, folders, playing.device, playing.dtype, as_json)
    with progress("merging", as_json) as told:
        writing = output.writing(sources=folders, check=not no_check, progress=told)
        merged = merge_loaded(desk, gains, *place, tokenizer, names, writing)
    if as_json:
        show_json(merged.to_dict())
        return
    show_facts(
        {
            "written": str(merged.folder),
            "adapters": ", ".join(merged.names),
            "changed modules": str(merged.targets),
            "size": size(merged.size),
            "difference": _difference(merged, "stock transformers"),
        }
    )


def _needs_gguf(check: bool) -> None:
    if check:
        raise ValueError("--check has a llama-server play a GGUF file: name the base model's with --gguf")


def _gains(playing: Playing, names: list[str]) -> Mix:
    """The mix of these adapters, at one token of a reply."""
    mix = playing.of(names)
    if (last := fades_until(mix, names)) is not None:
        raise ValueError(
            "the mix fades over a reply, and what is on disk cannot: choose the token whose gains it keeps by "
            f"--at-token (from token {last} on they stand still)"
        )
    return mix


def _tell(baked: Baked, as_json: bool, compared: bool) -> None:
    if as_json:
        show_json(baked.to_dict())
        return
    facts = {
        "written": str(baked.folder),
        "way": baked.way,
        "rank": str(baked.rank),
        "targets": f"{baked.targets}{baked.silence}",
        "size": f"{size(baked.size)}, {baked.parameters:,} parameters",
        "difference": _difference(baked, "stock PEFT"),
    }
    if baked.kept is not None:
        facts["kept"] = f"{baked.kept:.2%} of the squared norm of the exact sum"
    for runtime, reasons in sorted(baked.objections.items()):
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    show_facts(facts)
    if not compared:
        say("Name the base model with --model to have it compared with what the desk plays.")


def _difference(made: Written, reader: str) -> str:
    if made.greatest_difference is None:
        return f"not compared ({made.why_unchecked})"
    return f"{made.greatest_difference:.2g} at most, in logits of up to {made.greatest_logit:.3g}, read by {reader}"
