"""`bake`, `combine` and `merge`: mixes written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import asking
from .loading import desk_of
from .showing import progress, say, show_facts, show_json, size

if TYPE_CHECKING:
    import torch

    from ..lora_ops.bakery.baking import Baked


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


class Stored(str, Enum):
    """The type of the numbers that are written."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


StoredAs = Annotated[
    Stored | None,
    typer.Option("--store", help="Type of the numbers; as they are if not given.", show_default=False),
]
KeepRanks = Annotated[
    bool, typer.Option("--keep-ranks", help="Leave smaller ranks as they are (rank_pattern), which vLLM cannot read.")
]


def bake(
    adapter: asking.OneAdapter,
    out: asking.Out,
    mix: asking.MixFile = None,
    gain: asking.Gains = None,
    way: Annotated[
        Way,
        typer.Option(help="folded: gains in the weights, which everything reads. patterned: gains in alpha, for PEFT."),
    ] = Way.folded,
    drop_silent: Annotated[bool, typer.Option("--drop-silent", help="Leave silent targets out (folded).")] = False,
    keep_ranks: KeepRanks = False,
    store: StoredAs = None,
    model: asking.Model = None,
    device: asking.Device = "auto",
    dtype: asking.Dtype = "auto",
    at_token: asking.Token = None,
    overwrite: asking.Overwrite = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write one adapter, at the gains of a mix, as a new adapter that needs no desk.

    With `--model`, stock PEFT reads the result once, and its logits are compared with the desk's. DoRA needs it: its
    magnitudes at another gain depend on the base model.

    Examples: `bake loras/pirate -o loras/pirate-soft --gain 0.5`,
    `bake loras/pirate -o loras/pirate-mlp -m profile.json --model demo`
    """
    from ..lora_ops.bakery.baking import bake as baking
    from ..lora_ops.bakery.baking import bake_weights
    from ..lora_ops.shelf.adapter_weights import read_weights

    [(name, source)] = asking.named([adapter]).items()
    gains = asking.mix_from(mix, gain, [name], at_token)
    folder, new = asking.place(out)
    options: dict[str, Any] = {"overwrite": overwrite, "drop_silent": drop_silent, "uniform": not keep_ranks}
    options["dtype"] = _torch_dtype(store)
    if model is None:
        baked = bake_weights(read_weights(source, name), gains, folder, new, way.value, **options)
    else:
        desk, _ = desk_of(model, {name: source}, device, dtype, as_json)
        baked = baking(desk, gains, name, folder, new, way.value, source=source, **options)
    _tell(baked, as_json)


def combine(
    adapters: asking.Adapters,
    out: asking.Out,
    mix: asking.MixFile = None,
    gain: asking.Gains = None,
    kind: Annotated[
        Type, typer.Option("--type", help="cat is exact, and its ranks add up; svd is the nearest at a --rank.")
    ] = Type.cat,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the result, for types that end in svd.")] = None,
    density: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Part of the numbers to keep, for ties, dare and prune.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For dare, which drops at random.")] = 0,
    keep_ranks: KeepRanks = False,
    store: StoredAs = None,
    model: asking.Model = None,
    device: asking.Device = "auto",
    dtype: asking.Dtype = "auto",
    at_token: asking.Token = None,
    overwrite: asking.Overwrite = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write several LoRA adapters, each target at its gain, as one.

    Examples: `combine loras/pirate loras/butler -o loras/both -g pirate=0.5 -g butler=0.8`,
    `combine a=loras/one b=loras/two -o loras/small --type svd --rank 8 --model demo`
    """
    from ..lora_ops.bakery.combining import Recipe, combine_weights
    from ..lora_ops.bakery.combining import combine as combining
    from ..lora_ops.shelf.adapter_weights import read_weights

    folders = asking.named(adapters)
    gains = asking.mix_from(mix, gain, list(folders), at_token)
    folder, new = asking.place(out)
    recipe = Recipe(kind.value, rank=rank, density=density, seed=seed, uniform=not keep_ranks)
    options: dict[str, Any] = {"overwrite": overwrite, "dtype": _torch_dtype(store)}
    if model is None:
        parts = [read_weights(path, name) for name, path in folders.items()]
        with progress("combining", as_json) as told:
            baked = combine_weights(parts, gains, folder, new, recipe, progress=told, **options)
    else:
        desk, _ = desk_of(model, folders, device, dtype, as_json)
        with progress("combining", as_json) as told:
            baked = combining(
                desk, gains, list(folders), folder, new, recipe, sources=folders, progress=told, **options
            )
    _tell(baked, as_json)


def merge(
    adapters: asking.Adapters,
    out: asking.Out,
    model: asking.NeededModel,
    mix: asking.MixFile = None,
    gain: asking.Gains = None,
    store: StoredAs = None,
    device: asking.Device = "auto",
    dtype: asking.Dtype = "auto",
    at_token: asking.Token = None,
    overwrite: asking.Overwrite = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write base model and adapters, at the gains of a mix, as one whole model with its tokenizer.

    Example: `merge loras/pirate --model ~/models/SmolLM2-135M-Instruct -o ~/models/pirate --gain 0.5`
    """
    from ..lora_ops.bakery.merging import merge as merging

    folders = asking.named(adapters)
    gains = asking.mix_from(mix, gain, list(folders), at_token)
    folder, new = asking.place(out)
    desk, tokenizer = desk_of(model, folders, device, dtype, as_json)
    with progress("merging", as_json) as told:
        merged = merging(
            desk,
            gains,
            folder,
            new,
            tokenizer,
            names=list(folders),
            overwrite=overwrite,
            sources=folders,
            dtype=_torch_dtype(store),
            progress=told,
        )
    if as_json:
        show_json(merged.to_dict())
        return
    show_facts(
        {
            "written": str(merged.folder),
            "adapters": ", ".join(merged.names),
            "changed modules": str(merged.targets),
            "size": size(merged.size),
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
        "targets": f"{baked.targets}" + (f", of which {baked.silent} silent" if baked.silent else ""),
        "size": f"{size(baked.size)}, {baked.parameters:,} parameters",
        "difference": _difference(baked),
    }
    if baked.kept is not None:
        facts["kept"] = f"{baked.kept:.2%} of the squared norm of the exact sum"
    for runtime, reasons in _sorted(baked.objections).items():
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    show_facts(facts)
    if baked.greatest_difference is None and baked.why_unchecked == "not asked for":
        say("Name the base model with --model to have it compared with what the desk plays.")


def _difference(baked: Baked) -> str:
    if baked.greatest_difference is None:
        return f"not compared ({baked.why_unchecked})"
    return f"{baked.greatest_difference:.2g} at most, in logits of up to {baked.greatest_logit:.3g}, read by stock PEFT"


def _sorted(objections: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(objections.items()))


def _torch_dtype(store: Stored | None) -> torch.dtype | None:
    if store is None:
        return None
    import torch

    found: torch.dtype = getattr(torch, store.value)
    return found
