"""`bake`, `combine` and `merge`: mixes written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import arguments as asking
from .gguf import GGUF, bake_gguf
from .live_model import desk_of
from .options import Playing, Writing, shared
from .output import progress, say, show_facts, show_json, size

if TYPE_CHECKING:
    from ..lora_ops.bakery.bake import Baked
    from ..lora_ops.bakery.merge import Merged


class Way(str, Enum):
    """How `bake` writes gains."""

    folded = "folded"
    patterned = "patterned"


class Type(str, Enum):
    """How `combine` adds adapters up: PEFT's names."""

    cat = "cat"
    linear = "linear"
    svd = "svd"
    ties = "ties"
    ties_svd = "ties_svd"
    dare_linear = "dare_linear"
    dare_linear_svd = "dare_linear_svd"
    dare_ties = "dare_ties"
    dare_ties_svd = "dare_ties_svd"
    magnitude_prune = "magnitude_prune"
    magnitude_prune_svd = "magnitude_prune_svd"


KeepRanks = Annotated[
    bool, typer.Option("--keep-ranks", help="Leave smaller ranks as they are (rank_pattern): vLLM reads it since 0.32.")
]


@shared
def bake(
    adapter: asking.OneAdapter,
    writing: Writing,
    playing: Playing,
    way: Annotated[
        Way,
        typer.Option(help="folded: gains in the weights, which everything reads. patterned: gains in alpha, for PEFT."),
    ] = Way.folded,
    drop_silent: Annotated[bool, typer.Option("--drop-silent", help="Leave silent targets out (folded).")] = False,
    keep_ranks: KeepRanks = False,
    model: asking.Model = None,
    gguf: GGUF = None,
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
        given = {"--model": model, "--way patterned": way is Way.patterned, "--drop-silent": drop_silent}
        bake_gguf(
            adapter,
            gguf,
            writing.out,
            playing.of,
            store=writing.store,
            overwrite=writing.overwrite,
            others=[option for option, value in given.items() if value],
            as_json=as_json,
        )
        return
    from ..lora_ops.bakery.bake import bake as baking
    from ..lora_ops.bakery.bake import bake_weights
    from ..lora_ops.shelf.adapter_weights import read_weights

    [(name, source)] = asking.named([adapter]).items()
    gains = playing.of([name])
    folder, new = writing.place()
    options = {**writing.options(), "drop_silent": drop_silent, "uniform": not keep_ranks}
    if model is None:
        baked = bake_weights(read_weights(source, name), gains, folder, new, way.value, **options)
    else:
        desk, _ = desk_of(model, {name: source}, playing.device, playing.dtype, as_json)
        baked = baking(desk, gains, name, folder, new, way.value, source=source, **options)
    _tell(baked, as_json)


@shared
def combine(
    adapters: asking.Adapters,
    writing: Writing,
    playing: Playing,
    kind: Annotated[
        Type, typer.Option("--type", help="cat is exact, and its ranks add up; svd is the nearest at a --rank.")
    ] = Type.cat,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the result, for types that end in svd.")] = None,
    density: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Part of the numbers to keep, above 0: types with ties, dare and prune need it."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="For dare, which drops at random.")] = 0,
    keep_ranks: KeepRanks = False,
    model: asking.Model = None,
    as_json: asking.AsJson = False,
) -> None:
    """Write several LoRA adapters, each target at its gain, as one.

    With `--model`, stock PEFT reads the result once, and its logits are compared with the desk's.

    Examples:

    * `combine loras/pirate loras/butler -o loras/both -g pirate=0.5 -g butler=0.8`

    * `combine a=loras/one b=loras/two -o loras/small --type svd --rank 8 --model demo`
    """
    from ..lora_ops.bakery.combine import combine as combining
    from ..lora_ops.bakery.combine import combine_weights
    from ..lora_ops.bakery.summing import Recipe
    from ..lora_ops.shelf.adapter_weights import read_weights

    folders = asking.named(adapters)
    gains = playing.of(list(folders))
    recipe = Recipe(kind.value, rank=rank, density=density, seed=seed, uniform=not keep_ranks)
    folder, new = writing.place()
    options = writing.options()
    if model is None:
        parts = [read_weights(path, name) for name, path in folders.items()]
        with progress("combining", as_json) as told:
            baked = combine_weights(parts, gains, folder, new, recipe, progress=told, **options)
    else:
        desk, _ = desk_of(model, folders, playing.device, playing.dtype, as_json)
        with progress("combining", as_json) as told:
            baked = combining(
                desk, gains, list(folders), folder, new, recipe, sources=folders, progress=told, **options
            )
    _tell(baked, as_json)


@shared
def merge(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    writing: Writing,
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
    from ..lora_ops.bakery.merge import merge as merging

    folders = asking.named(adapters)
    names, gains = list(folders), playing.of(list(folders))
    folder, new = writing.place()
    desk, tokenizer = desk_of(model, folders, playing.device, playing.dtype, as_json)
    options: dict[str, Any] = {**writing.options(), "sources": folders, "check": not no_check}
    with progress("merging", as_json) as told:
        merged = merging(desk, gains, folder, new, tokenizer, names=names, progress=told, **options)
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


def _tell(baked: Baked, as_json: bool) -> None:
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
    for runtime, reasons in _sorted(baked.objections).items():
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    show_facts(facts)
    if baked.greatest_difference is None and baked.why_unchecked == "not asked for":
        say("Name the base model with --model to have it compared with what the desk plays.")


def _difference(made: Baked | Merged, reader: str) -> str:
    if made.greatest_difference is None:
        return f"not compared ({made.why_unchecked})"
    return f"{made.greatest_difference:.2g} at most, in logits of up to {made.greatest_logit:.3g}, read by {reader}"


def _sorted(objections: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(objections.items()))
