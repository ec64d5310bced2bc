"""How loud each target really is: the norm of what it adds to a weight, against the norm of that weight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..arrays import axes, float64
from ..engines.llama_server.part import parts_of
from ..mix import Mix
from ..target import Target

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ..desk import Desk
    from ..engines.llama_server.part import Part
    from .delta_norms import DoraDelta
    from .factors import Factor
    from .weight_norms import Progress

#: Where a model keeps the norms of its base weights: they do not change, and take longer than all the rest.
_HERE = "_lora_mixer_base_norms"


@dataclass(frozen=True)
class Loud:
    """One target.

    Attributes:
        target: which.
        norm: the Frobenius norm of scaling x B A (of the method's own formula where it is not LoRA) at gain 1.
        base: the norm of the weight it is added to; None where that cannot be read.
        dora: DoRA's change at other gains, which is not in proportion to the gain.
    """

    target: Target
    norm: float
    base: float | None
    dora: DoraDelta | None = None

    @property
    def ratio(self) -> float | None:
        """Norm against base norm, at gain 1; None where the base weight cannot be read."""
        return _ratio(self.norm, self.base)

    def at(self, gain: float) -> float:
        """The norm at this gain."""
        if gain == 1:
            return self.norm
        return abs(gain) * self.norm if self.dora is None or gain == 0 else self.dora.norm(gain)


@dataclass(frozen=True)
class Levels:
    """Ratios under one mix; None where the base weight cannot be read.

    Attributes:
        targets: by adapter, then by target name.
        kinds: by adapter, then by kind: all of its targets taken as one large weight.
        layers: the same by layer.
    """

    targets: Mapping[str, Mapping[str, float | None]]
    kinds: Mapping[str, Mapping[str, float | None]]
    layers: Mapping[str, Mapping[int, float | None]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        layers = {name: {str(layer): ratio for layer, ratio in values.items()} for name, values in self.layers.items()}
        return {
            "targets": {name: dict(values) for name, values in self.targets.items()},
            "kinds": {name: dict(values) for name, values in self.kinds.items()},
            "layers": layers,
        }


@dataclass(frozen=True)
class Loudness:
    """How loud the targets of a model are, all of their components heard, whatever rank a mix says.

    Attributes:
        adapters: the scalable targets of each adapter by its name, in the order of the model.
    """

    adapters: Mapping[str, tuple[Loud, ...]]

    def at(self, mix: Mix) -> Levels:
        """The ratios under a mix, from what is known already: as faders move, without a look at the model.

        >>> levels = loudness(desk).at(desk.mix)
        """
        targets: dict[str, dict[str, float | None]] = {}
        kinds: dict[str, dict[str, float | None]] = {}
        layers: dict[str, dict[int, float | None]] = {}
        for name, louds in self.adapters.items():
            gains = mix[name].gains([loud.target for loud in louds])
            parts = [(loud.target, loud.at(gain), loud.base) for loud, gain in zip(louds, gains, strict=True)]
            targets[name] = {target.name: _ratio(norm, base) for target, norm, base in parts}
            kinds[name] = _together((target.kind, norm, base) for target, norm, base in parts)
            layers[name] = dict(
                sorted(
                    _together(
                        (target.layer, norm, base) for target, norm, base in parts if target.layer is not None
                    ).items()
                )
            )
        return Levels(targets, kinds, layers)


def loudness(desk: Desk, progress: Progress | None = None) -> Loudness:
    """Measures every scalable target of a desk's model; nothing is run, and nothing changed.

    LoRA: scaling x the norm of B A. LoHa and LoKr: scaling x the norm of their product of products. DoRA: the norm of
    the difference between the weight that it makes and the base weight, with magnitude and scaling moved as the desk
    moves them. A tensor that was quantised counts as what it stands for.

    On a llama-server the adapters' files and the model's are read; where a fader moves several targets, these are taken
    as one large weight.

    Args:
        desk: the desk.
        progress: told how many weights of a model's file were read, and of how many: a large one takes its time.

    Raises:
        ValueError: the engine does not give its weights away, or a file cannot be read on this machine.
    """
    if (parts := parts_of(desk)) is not None:
        return _of_files(desk, parts, progress)
    return _live(desk)


def _live(desk: Desk) -> Loudness:
    """On a PEFT model."""
    import torch

    from ..engines.peft.engine import peft_engine
    from .base_norms import BaseNorms
    from .delta_norms import DoraDelta, delta

    engine = peft_engine(desk)
    known = engine.model.__dict__.get(_HERE)
    norms: BaseNorms = known if isinstance(known, BaseNorms) else BaseNorms()
    engine.model.__dict__[_HERE] = norms
    adapters = {}
    for name, adapter in desk.adapters.items():
        knobs = [engine.knob(target) for target in adapter.scalable]
        deltas = [delta(knob) for knob in knobs]
        plain = iter(_numbers([one for one in deltas if isinstance(one, torch.Tensor)]))
        louds = []
        for target, knob, one in zip(adapter.scalable, knobs, deltas, strict=True):
            base = norms.norm(knob.layer)
            if isinstance(one, DoraDelta):
                louds.append(Loud(target, one.norm(1), base, one))
            else:
                louds.append(Loud(target, abs(target.scaling) * next(plain), base))
        adapters[name] = tuple(louds)
    engine.let_go()
    return Loudness(adapters)


def _of_files(desk: Desk, parts: Sequence[Part], progress: Progress | None) -> Loudness:
    """On a llama-server: of its files."""
    from ..engines.llama_server.part_weights import targets_of
    from .part_factors import factor_of
    from .weight_norms import weight_norms

    model: Path | None = desk.engine.model_file  # type: ignore[attr-defined] # it is a llama-server's
    if model is None:
        raise ValueError("the model's file is not on this machine, where its weights could be read")
    known: dict[str, float | None] = vars(desk.engine.base).setdefault(_HERE, {})
    added: dict[tuple[str, str], list[tuple[tuple[str, ...], float]]] = {}
    for part in parts:
        added[part.adapter, part.target] = [
            (pair.tensors, abs(target.scaling) * _norm(factor_of(pair))) for target, pair in targets_of(part)
        ]
    weight_norms(model, (tensor for own in added.values() for tensors, _ in own for tensor in tensors), known, progress)
    adapters = {}
    for name, adapter in desk.adapters.items():
        adapters[name] = tuple(
            _loud(target, [(norm, _as_one(known, tensors)) for tensors, norm in added[name, target.name]])
            for target in adapter.scalable
        )
    return Loudness(adapters)


def _as_one(norms: Mapping[str, float | None], tensors: Sequence[str]) -> float | None:
    """The norm of several weights taken as one; None where one of them is not known."""
    known = [norm for norm in (norms[tensor] for tensor in tensors) if norm is not None]
    return math.hypot(*known) if len(known) == len(tensors) else None


def _loud(target: Target, several: Sequence[tuple[float, float | None]]) -> Loud:
    """What one fader moves, all of it taken as one weight."""
    bases = [base for _, base in several if base is not None]
    base = math.hypot(*bases) if len(bases) == len(several) else None
    return Loud(target, math.hypot(*(norm for norm, _ in several)), base)


def _norm(factor: Factor) -> float:
    """The norm of B A, which is never formed."""
    b, a = float64(factor.b), float64(factor.a)
    return math.sqrt(max(0.0, float(((axes(b, 0, 2, 1) @ b) * (a @ axes(a, 0, 2, 1))).sum())))


def _numbers(norms: list[torch.Tensor]) -> list[float]:
    """All numbers of a device in one go: asking a GPU for each would wait for it each time."""
    import torch

    values = [0.0] * len(norms)
    places: dict[torch.device, list[int]] = {}
    for at, norm in enumerate(norms):
        places.setdefault(norm.device, []).append(at)
    for members in places.values():
        for at, value in zip(members, torch.stack([norms[at] for at in members]).tolist(), strict=True):
            values[at] = value
    return values


def _ratio(norm: float, base: float | None) -> float | None:
    return None if base is None or base == 0 else norm / base


def _together(parts: Iterable[tuple[Any, float, float | None]]) -> dict[Any, float | None]:
    """The ratio of each group, whose weights are taken as one; those that cannot be read are left out of it."""
    sums: dict[Any, list[float]] = {}
    for group, norm, base in parts:
        total = sums.setdefault(group, [0.0, 0.0])
        if base is not None:
            total[0] += norm**2
            total[1] += base**2
    return {group: _ratio(norm**0.5, base**0.5) for group, (norm, base) in sums.items()}
