"""A mix of one adapter or several in one GGUF file, which llama.cpp and what is built on it play; numpy is enough.

What a desk on a llama-server plays is baked out of the very files that the server has loaded. The file is read back
before it gets its name, and held against what the mix says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..disk import telling
from ..engines.llama_server.gguf_adapter import read_gguf_adapter
from ..engines.llama_server.numbers import read_tensor
from ..engines.llama_server.pair import Pair, joined
from ..engines.llama_server.part import parts_of
from ..engines.llama_server.whole_adapter import write_pairs
from ..files import aside_of
from ..mix import Mix
from ..mix_check import check_mix
from .combine import combined
from .draft import Draft
from .fold import draft_of
from .llama_layout import LlamaWeights, llama_weights_of_parts, pairs_of
from .plan import refuse_fades
from .resize import Keep, resized
from .start import spelled_out
from .ways import Form, Recipe
from .writing import AS_USUAL, Writing

if TYPE_CHECKING:
    from ..desk import Desk

#: What a file may be off: what its type rounds away. More is a fault, and nothing is written.
_ROUNDING = {"float16": 4e-3, "float32": 1e-5}


@dataclass(frozen=True, kw_only=True)
class BakedFile:
    """A GGUF adapter that was written.

    Attributes:
        path: where it is.
        way: "folded", "concatenated", "svd" or "resized".
        rank: the largest of its targets.
        targets: how many it has.
        silent: how many were at gain 0.
        parameters: how many numbers it holds.
        size: in bytes.
        kept: the share of the exact sum's energy that is in it; None where it is all of it by design.
        error: the norm of what it adds less what the mix says, against that of the latter, found by reading it back.
            What was left out on purpose counts too.
    """

    path: Path
    way: str
    rank: int
    targets: int
    silent: int
    parameters: int
    size: int
    kept: float | None
    error: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {**self.__dict__, "path": str(self.path)}


def bake_gguf(
    sources: Sequence[LlamaWeights],
    mix: Mix,
    path: Path | str,
    *,
    keep: Keep | None = None,
    dtype: str = "float32",
    recipe: Recipe | None = None,
    overwrite: bool = False,
    writing: Writing = AS_USUAL,
) -> BakedFile:
    """Writes adapters at their gains in a mix, and as much of them as is heard, as one GGUF file.

    >>> bake_gguf([read_llama_weights("loras/pirate", "smollm2.gguf")], mix, "pirate-soft.gguf")

    Args:
        sources: the adapters; several are put side by side, and their ranks add up.
        mix: the gains, and of one adapter the rank and the energy that are heard.
        path: the file to write.
        keep: instead of all that is heard: a rank, or a share of the energy.
        dtype: "float32" or "float16".
        recipe: how several are combined, if not exactly.
        overwrite: whether a file that is there already is replaced.
        writing: who follows it, and may call it off.

    Raises:
        Cancelled: it was called off; nothing was written.
        ValueError: the mix fades or names what is not there, the adapters are for different models, a number is too
            large for the type.
        FileExistsError: there is a file.
        OSError: it cannot be written; a full disk is named.
    """
    path = Path(path).expanduser().absolute()
    draft = _draft(sources, mix, keep, recipe, writing)
    pairs = pairs_of(draft, sources)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
    if path.exists():
        read_gguf_adapter(path)  # what is no adapter is not replaced
    aside = aside_of(path)
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            base = next((one.base for one in sources if one.base), "")
            write_pairs(aside, sources[0].architecture, pairs, dtype, path.stem, base)
            error = _off(aside, sources, mix)
            expected = max(0.0, 1 - (1.0 if draft.kept is None else draft.kept)) ** 0.5
            if not abs(error - expected) <= _ROUNDING[dtype] + 0.02 * expected:
                raise ValueError(f"what was written is off by {error:.2g} of what the mix says: nothing was kept of it")
            size = aside.stat().st_size
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return BakedFile(
        path=path,
        way=draft.way,
        rank=max(pair.rank for pair in pairs),
        targets=draft.targets,
        silent=draft.silent,
        parameters=sum(pair.parameters for pair in pairs),
        size=size,
        kept=draft.kept,
        error=error,
    )


def bake_desk_gguf(desk: Desk, mix: Mix, names: Sequence[str], path: Path | str, **options: Any) -> BakedFile:
    """What a desk on a llama-server plays of these adapters, as one GGUF file; `options` as `bake_gguf` takes them.

    Raises:
        ValueError: the engine is another one, its files cannot be read on this machine, or as `bake_gguf`.
        FileExistsError, OSError: as `bake_gguf`.
    """
    desk.check(mix)
    refuse_fades(mix, names)
    sources = sources_of(desk, names)
    return bake_gguf(sources, spelled_out(parts_of(desk) or (), mix, names), path, **options)


def sources_of(desk: Desk, names: Sequence[str]) -> list[LlamaWeights]:
    """The adapters of a desk on a llama-server, as that plays them.

    Raises:
        ValueError: the engine is another one, or its files cannot be read on this machine.
    """
    desk.check_adapters(names)
    parts = parts_of(desk)
    if parts is None:
        raise ValueError("only what plays on a llama-server is baked out of its files: bake from the adapter's folder")
    return [llama_weights_of_parts([part for part in parts if part.adapter == name]) for name in names]


def _draft(
    sources: Sequence[LlamaWeights], mix: Mix, keep: Keep | None, recipe: Recipe | None, writing: Writing
) -> Draft:
    parts = [one.weights for one in sources]
    names = [weights.name for weights in parts]
    if odd := next((one for one in sources if one.architecture != sources[0].architecture), None):
        raise ValueError(
            f"{names[0]!r} is for {sources[0].architecture!r} models, and {odd.weights.name!r} for {odd.architecture!r}"
        )
    check_mix(mix, {weights.name: weights.adapter for weights in parts})
    refuse_fades(mix, names)
    if keep is not None or any(mix[name].on and not mix[name].whole for name in names):
        return resized(parts, mix, Keep.of(mix, names, keep, {}), writing)
    if len(parts) == 1 and recipe is None:
        return draft_of(parts[0], mix.gain, Form(uniform=False))
    return combined(parts, mix, recipe or Recipe("cat", uniform=False), writing)


# Read back


def _off(path: Path, sources: Sequence[LlamaWeights], mix: Mix) -> float:
    """The norm of the difference between what a file adds and what the mix says, against that of the latter.

    The products are never formed: the difference is one product too, of the matrices side by side.
    """
    written = {pair.target: pair for pair in _read_back(path, sources)}
    wanted: dict[str, list[Pair]] = {}
    for one in sources:
        for pair in pairs_of(draft_of(one.weights, mix.gain, Form(uniform=False)), [one]):
            wanted.setdefault(pair.target, []).append(pair)
    if written.keys() != wanted.keys():
        raise ValueError(f"{path} does not hold the targets that were written")
    off = whole = 0.0
    for target, pairs in wanted.items():
        whole += _squared(pairs, [1.0] * len(pairs))
        off += _squared([*pairs, written[target]], [*[1.0] * len(pairs), -1.0])
    return math.sqrt(max(0.0, off) / whole) if whole else math.sqrt(max(0.0, off))


def _read_back(path: Path, sources: Sequence[LlamaWeights]) -> list[Pair]:
    file = read_gguf_adapter(path)
    alpha = float(file.fields["adapter.lora.alpha"])
    targets = {name: target for one in sources for target, tensors in one.tensors.items() for name in tensors}
    found = []
    for tensor in (name.removesuffix(".lora_a") for name in file.tensors if name.endswith(".lora_a")):
        numbers = tuple(read_tensor(path, file.tensors[f"{tensor}.lora_{which}"]) for which in "ab")
        rank = numbers[1].shape[-1]
        found.append(Pair(targets[tensor], tensor, None, rank, alpha / rank, lambda both=numbers: both, 0))  # type: ignore[misc]
    return joined(found)


def _squared(pairs: Sequence[Pair], signs: Sequence[float]) -> float:
    """The squared norm of the sum of these products."""
    a, b = [], []
    for pair, sign in zip(pairs, signs, strict=True):
        own_a, own_b = (one.astype(np.float64) for one in pair.read())
        a.append(own_a.T if pair.tensor == "token_embd.weight" else own_a)
        b.append(sign * pair.scaling * own_b)
    left, right = np.concatenate(b, axis=-1), np.concatenate(a, axis=-2)
    return float((np.matmul(left.mT, left) * np.matmul(right, right.mT)).sum())
