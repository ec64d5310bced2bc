"""A mix as one plain LoRA adapter on disk, in the form that servers take: one rank, alpha = r, gains folded in.

What several adapters add to a module adds up by putting their matrices side by side; the ranks add up with them. Where
fewer components are heard, or the server takes no such rank, the strongest remain (Eckart and Young 1936).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...energy import needed
from ...optional_packages import needed as package
from .source import CannotServe, Sizes, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...mix import Faders, Mix

_PREFIX = "base_model.model."
Pair = tuple["NDArray[Any]", "NDArray[Any]"]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        rank: of all of it.
        left_out: the share of the squared norm that a limit on the rank left out; 0 where all is in it.
    """

    rank: int
    left_out: float


def is_silent(sources: Sequence[Source], mix: Mix) -> bool:
    """Whether nothing of these is heard in a mix, so that the base model alone says the same."""
    return not any(
        gain * target.scaling
        for source in sources
        for target, gain in zip(source.adapter.targets, mix[source.name].gains(source.adapter.targets), strict=True)
    )


def write_mix(
    sources: Sequence[Source],
    mix: Mix,
    folder: Path,
    most_rank: int | None = None,
    tied: Sequence[Sequence[str]] = (),
    sizes: Sizes | None = None,
) -> Written:
    """Writes a mix into a folder, which exists and is empty.

    Args:
        sources: what it is a mix of.
        mix: without fades; a silent one is one module's zeros.
        folder: where to.
        most_rank: the largest rank that the server takes, if that is known.
        tied: kinds of which the server wants all in a layer, or none: what is silent there is written as zeros.
        sizes: of the base model's modules, as far as they are known.

    Raises:
        CannotServe: the adapters are for different models, or it is not known how large zeros are to be.
        OSError: it cannot be written.
    """
    save = package("safetensors.numpy", "writing adapters for a server").save_file
    pairs = _summed(sources, mix) or _nothing(sources[0])
    _complete(pairs, sources, tied, sizes or {})
    energy, kept = 0.0, 0.0
    if most_rank is not None:
        for name, (a, b) in pairs.items():
            if len(a) > most_rank:
                left, values, right = components(a, b)
                energy, kept = energy + float(values @ values), kept + float(values[:most_rank] @ values[:most_rank])
                pairs[name] = _product(left, values, right, most_rank)
    rank = max(len(a) for a, _ in pairs.values())
    tensors: dict[str, Any] = {}
    for name, (a, b) in pairs.items():
        more = rank - len(a)  # zeros add nothing, and one rank for all is what every server takes
        tensors[f"{_PREFIX}{name}.lora_A.weight"] = _stored(np.pad(a, ((0, more), (0, 0))))
        tensors[f"{_PREFIX}{name}.lora_B.weight"] = _stored(np.pad(b, ((0, 0), (0, more))))
    save(tensors, str(folder / "adapter_model.safetensors"), metadata={"format": "pt"})
    text = json.dumps(_config(sources, pairs, rank), indent=2)
    (folder / "adapter_config.json").write_text(text, encoding="utf-8")
    return Written(rank, 1 - kept / energy if energy else 0.0)


def _summed(sources: Sequence[Source], mix: Mix) -> dict[str, Pair]:
    """What each module gets, its gains in B."""
    parts: dict[str, list[Pair]] = {}
    for source in sources:
        faders = mix[source.name]
        gains = faders.gains(source.adapter.targets)
        for target, gain in zip(source.files.targets, gains, strict=True):
            if factor := gain * target.scaling:
                a, b = (one.astype(np.float32) for one in source.read_pair(target))
                if not faders.whole:
                    a, b = _heard(a, b, faders)
                parts.setdefault(target.name, []).append((a, b * np.float32(factor)))
    found = {}
    for name, own in parts.items():
        if len({(a.shape[1], b.shape[0]) for a, b in own}) > 1:
            raise CannotServe(f"{name} differs in size: these adapters are for different models")
        found[name] = np.concatenate([a for a, _ in own], 0), np.concatenate([b for _, b in own], 1)
    return found


def _nothing(source: Source) -> dict[str, Pair]:
    one = source.files.targets[0]
    return {one.name: (np.zeros((1, one.inputs), np.float32), np.zeros((one.outputs, 1), np.float32))}


#: Kinds that are as large as another one of their layer.
_AS_LARGE = {"k_proj": "v_proj", "v_proj": "k_proj", "gate_proj": "up_proj", "up_proj": "gate_proj"}


def _complete(pairs: dict[str, Pair], sources: Sequence[Source], tied: Sequence[Sequence[str]], base: Sizes) -> None:
    """Adds nothing to modules that the server plays together with those of a mix, so that it takes these at all."""
    own = {one.name: (one.outputs, one.inputs) for source in sources for one in source.files.targets}
    sizes: Sizes = {**base, **own}
    for kinds in tied:
        layers = {parent for parent, _, kind in (name.rpartition(".") for name in pairs) if kind in kinds}
        for parent, kind in ((parent, kind) for parent in sorted(layers) for kind in kinds):
            name = f"{parent}.{kind}"
            size = sizes.get(name) or sizes.get(f"{parent}.{_AS_LARGE.get(kind, kind)}")
            if name in pairs or (base and name not in base):
                continue
            if size is None:
                raise CannotServe(
                    f"SGLang plays {', '.join(kinds)} of a layer as one, and how large {name} is is not known here: "
                    "name the folder of the model that it serves"
                )
            pairs[name] = np.zeros((1, size[1]), np.float32), np.zeros((size[0], 1), np.float32)


def _heard(a: NDArray[Any], b: NDArray[Any], faders: Faders) -> Pair:
    left, values, right = components(a, b)
    count = len(values) if faders.rank is None else min(faders.rank, len(values))
    if faders.energy is not None and faders.energy != 1:
        count = min(count, needed([float(value) for value in values], faders.energy))
    return _product(left, values, right, max(1, count))


def components(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """`left @ diag(values) @ right` is b @ a, strongest first, in float64; b @ a is never formed."""
    left, small_b = np.linalg.qr(b.astype(np.float64))
    right, small_a = np.linalg.qr(a.astype(np.float64).T)
    u, values, v = np.linalg.svd(small_b @ small_a.T, full_matrices=False)
    return left @ u, values, v @ right.T


def _product(left: NDArray[Any], values: NDArray[Any], right: NDArray[Any], rank: int) -> Pair:
    return right[:rank], left[:, :rank] * values[:rank]


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=np.float32)


def _config(sources: Sequence[Source], pairs: Mapping[str, Pair], rank: int) -> dict[str, Any]:
    base = next((source.files.base_model for source in sources if source.files.base_model), "")
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "target_modules": sorted({name.rpartition(".")[2] for name in pairs}),
    }
