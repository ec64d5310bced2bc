"""What each component of an adapter carries: the singular values of what every target adds.

Leaving out the weakest components is exact arithmetic: what is lost is the root of their squares' sum. It tells what
rank an adapter needed. It does not tell what is important: a component of little energy may be what the adapter is for;
impact and ears decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .. import energy as measures
from ..arrays import count, float64, is_finite, stacked
from ..components import singular_values, values_of
from ..engines.llama_server.part import parts_of
from ..mix import Mix
from ..mix_check import check_names
from ..target import Target
from .factors import Factor, NoFactors, Tensors, factors

if TYPE_CHECKING:
    from ..desk import Desk
    from ..shelf.adapter_weights import AdapterWeights

#: So many numbers of B and A are worked on together.
_AT_ONCE = 2**22
#: Config fields with which what is added is no product of A and B as they stand in the file.
_OTHER_PRODUCT = ("use_qalora", "use_bdlora", "arrow_config", "kasa_config")
_NO_NUMBERS = "its weights hold numbers that are none (NaN) or infinite"


@dataclass(frozen=True)
class TargetSpectrum:
    """One target.

    Attributes:
        target: which.
        experts: the singular values of what it adds, descending; one tuple, and one for each expert of a parameter.
        reason: why they are not known, in one sentence; empty where they are.
    """

    target: Target
    experts: tuple[tuple[float, ...], ...] = ()
    reason: str = ""

    @cached_property
    def values(self) -> tuple[float, ...]:
        """All singular values, descending: those of experts together, as of one matrix with a block for each."""
        if len(self.experts) == 1:
            return self.experts[0]
        return tuple(sorted((value for values in self.experts for value in values), reverse=True))

    @cached_property
    def joint(self) -> tuple[float, ...]:
        """The values of components that can be left out together, descending: the k-th of all experts are one."""
        if len(self.experts) == 1:
            return self.experts[0]
        return tuple(measures.energy(ranked) ** 0.5 for ranked in zip(*self.experts, strict=True))

    @property
    def energy(self) -> float:
        """The squared Frobenius norm of what it adds."""
        return measures.energy(self.values)

    def needed(self, share: float = 0.95) -> int:
        """How many components hold this share of its energy; 0 where it adds nothing."""
        return measures.needed(self.values, measures.check_share(share))

    def rank(self, share: float = 0.95) -> int:
        """The rank that holds this share of its energy: as `needed`, but that all experts have the same rank."""
        return measures.needed(self.joint, measures.check_share(share))

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of the singular values (Roy and Vetterli 2007)."""
        return measures.effective_rank(self.values)

    @property
    def stable_rank(self) -> float:
        """The energy against that of the strongest component (Rudelson and Vershynin 2007)."""
        return measures.stable_rank(self.values)

    def times(self, gain: float) -> TargetSpectrum:
        """At another gain."""
        if gain == 1 or not self.experts:
            return self
        return replace(self, experts=tuple(tuple(abs(gain) * value for value in values) for values in self.experts))


@dataclass(frozen=True)
class Spectrum:
    """The spectra of adapters.

    Attributes:
        adapters: the targets of each adapter by its name, in the order of the model.
    """

    adapters: Mapping[str, tuple[TargetSpectrum, ...]]

    @cached_property
    def targets(self) -> Mapping[str, Mapping[str, tuple[float, ...]]]:
        """By adapter and target name: the singular values, descending, of those targets where they are known."""
        return {name: {one.target.name: one.values for one in self._known(name)} for name in self.adapters}

    @cached_property
    def reasons(self) -> Mapping[str, Mapping[str, str]]:
        """By adapter and target name: why a target has no spectrum."""
        return {
            name: {one.target.name: one.reason for one in spectra if one.reason}
            for name, spectra in self.adapters.items()
        }

    def at(self, mix: Mix) -> Spectrum:
        """At the gains of a mix, where faders fade at token 0; without a look at the model.

        >>> spectrum(desk).at(desk.mix)
        """
        found = {}
        for name, spectra in self.adapters.items():
            gains = mix[name].gains([one.target for one in spectra])
            found[name] = tuple(one.times(gain) for one, gain in zip(spectra, gains, strict=True))
        return Spectrum(found)

    def needed(self, adapter: str, energy: float = 0.95) -> dict[str, int]:
        """How many components of each target hold this share of what it adds; 0 for those that add nothing.

        Args:
            adapter: its name.
            energy: the share of the squared norm, above 0 and up to 1.

        Raises:
            ValueError: there is no such adapter, or `energy` is no share.
        """
        share = measures.check_share(energy)
        check_names([adapter], self.adapters)
        return {one.target.name: one.needed(share) for one in self._known(adapter)}

    def curve(self, adapter: str) -> tuple[float, ...]:
        """Which share of all that the adapter adds is in the strongest 0, 1, 2, … components of every target.

        Raises:
            ValueError: there is no such adapter.
        """
        check_names([adapter], self.adapters)
        squares = [[value * value for value in one.joint] for one in self._known(adapter)]
        whole = sum(map(sum, squares))
        most = max(map(len, squares), default=0)
        if not whole:
            return (0.0,) * (most + 1)
        shares = [0.0]
        for at in range(most):
            shares.append(shares[-1] + sum(one[at] for one in squares if at < len(one)) / whole)
        return tuple(shares)

    def told(self, adapter: str, energy: float = 0.95) -> str:
        """One line for people: "trained at rank 16; 95 % of what it adds lies in 4.3 components a target, 1 to 9".

        The k-th components of all experts of a parameter are one, as they are for a rank. Targets that add nothing are
        counted by themselves.

        Raises:
            ValueError: there is no such adapter, or `energy` is no share.
        """
        share = measures.check_share(energy)
        check_names([adapter], self.adapters)
        known, of = list(self._known(adapter)), len(self.adapters[adapter])
        if not known:
            return next(iter(self.reasons[adapter].values()), "it has no targets")
        ranks = sorted({one.target.rank for one in known})
        trained = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
        needed = [rank for one in known if (rank := one.rank(share))]
        if not needed:
            lies = "it adds nothing: B is zero, or it is silent"
        else:
            lies = f"{energy * 100:.4g} % of what it adds lies in {sum(needed) / len(needed):.1f} components a target"
            lies += f", {min(needed)} to {max(needed)}" if min(needed) != max(needed) else ""
        parts = [f"trained at rank {trained}", lies]
        if needed and (nothing := len(known) - len(needed)):
            parts.append(f"{nothing} of {of} targets add nothing")
        if without := of - len(known):
            parts.append(f"not known of {without} of {of} targets")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {
            name: {
                one.target.name: {"reason": one.reason} if one.reason else {"values": list(one.values)}
                for one in spectra
            }
            for name, spectra in self.adapters.items()
        }

    def _known(self, adapter: str) -> Iterator[TargetSpectrum]:
        return (one for one in self.adapters[adapter] if not one.reason)


def as_one(target: Target, spectra: Sequence[TargetSpectrum]) -> TargetSpectrum:
    """Several targets that one fader moves, as experts of one parameter: a rank leaves as many of each."""
    if why := next((one.reason for one in spectra if one.reason), ""):
        return TargetSpectrum(target, reason=why)
    experts = [values for one in spectra for values in one.experts]
    longest = max(map(len, experts), default=0)
    return TargetSpectrum(target, tuple((*values, *(0.0,) * (longest - len(values))) for values in experts))


def spectrum(desk: Desk, adapters: Iterable[str] | None = None) -> Spectrum:
    """The spectrum of every adapter of a desk's model, as loaded; nothing is run, and nothing changed.

    LoRA: the singular values of scaling x B A, by two QR decompositions and the SVD of a matrix of rank x rank, B A
    being never formed; on embeddings, Conv1D, convolutions and quantised layers too, and for each expert of a
    parameter. LoHa and LoKr: those of what they add. DoRA rescales the weight besides, and has a reason instead.

    On a llama-server the files that it has loaded are read, and every target in them has a spectrum of its own, whether
    or not it has a fader of its own.

    >>> spectrum(desk).needed("pirate", energy=0.95)["model.layers.3.self_attn.q_proj"]
    4

    Args:
        desk: the desk.
        adapters: of these alone; of all if not given.

    Raises:
        ValueError: the engine of the desk does not give its weights away, or there is no such adapter.
    """
    names = list(desk.adapters) if adapters is None else list(adapters)
    desk.check_adapters(names)
    if (parts := parts_of(desk)) is not None:
        from .part_factors import part_factors

        found = _measured([(target, of) for target, of in part_factors([one for one in parts if one.adapter in names])])
        return Spectrum({**dict.fromkeys(names, ()), **found})
    return _live(desk, names)


def _live(desk: Desk, names: Sequence[str]) -> Spectrum:
    """Of a PEFT model's adapters."""
    from ..engines.peft.engine import peft_engine
    from .live_factors import live_tensors

    engine = peft_engine(desk)
    asked = []
    for name in names:
        for target in desk.adapters[name].targets:
            if target.scalable:
                asked.append(_asked(target, live_tensors(engine.knob(target))))
            else:
                asked.append((target, target.reason))
    found = Spectrum({**dict.fromkeys(names, ()), **_measured(asked)})
    engine.let_go()
    return found


def spectrum_weights(parts: Sequence[AdapterWeights]) -> Spectrum:
    """`spectrum` from adapters' folders alone (`read_weights`): no base model is needed.

    Raises:
        ValueError: two of them have one name.
    """
    names = [weights.name for weights in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two of the adapters have the name {twice!r}: give one of them another")
    asked = []
    for weights in parts:
        other = next((trait.sentence for trait in weights.traits if trait.field in _OTHER_PRODUCT), "")
        for target in weights.targets:
            asked.append((target, other) if other else _asked(target, _stored(weights, target)))
    return Spectrum({**dict.fromkeys(names, ()), **_measured(asked)})


def _stored(weights: AdapterWeights, target: Target) -> Tensors:
    return lambda role: weights.tensor(target, role)


def _asked(target: Target, tensors: Tensors) -> tuple[Target, str | tuple[Factor, ...]]:
    """A target with its factors, or why it has none."""
    try:
        return target, factors(tensors, target.rank)
    except NoFactors as error:
        return target, str(error)


def _measured(asked: Sequence[tuple[Target, str | tuple[Factor, ...]]]) -> dict[str, tuple[TargetSpectrum, ...]]:
    """The spectra of these targets by adapter; those whose factors have the same shapes are worked on together."""
    wanted = [factor for _, of in asked if not isinstance(of, str) for factor in of]
    values = iter(_values_of(wanted))
    found: dict[str, list[TargetSpectrum]] = {}
    for target, of in asked:
        if isinstance(of, str):
            one = TargetSpectrum(target, reason=of)
        else:
            one = _spectrum_of(target, [next(values) for _ in of])
        found.setdefault(target.adapter, []).append(one)
    return {name: tuple(spectra) for name, spectra in found.items()}


def _spectrum_of(target: Target, parts: Sequence[list[list[float]] | None]) -> TargetSpectrum:
    """The Kronecker product of factors has the products of their values."""
    experts = [[abs(target.scaling)]]
    for part in parts:
        if part is None:
            return TargetSpectrum(target, reason=_NO_NUMBERS)
        experts = [[one * other for one in experts[0] for other in values] for values in part]
    if len(parts) > 1:
        experts = [sorted(values, reverse=True) for values in experts]
    return TargetSpectrum(target, tuple(map(tuple, experts)))


def _values_of(wanted: Sequence[Factor]) -> list[list[list[float]] | None]:
    """The singular values of each factor's experts; None where its numbers are none."""
    found: list[list[list[float]] | None] = [None] * len(wanted)
    groups: dict[Any, list[int]] = {}
    for at, factor in enumerate(wanted):
        groups.setdefault(_alike(factor), []).append(at)
    for members in groups.values():
        first = wanted[members[0]]
        numbers = count(first.b) + (0 if first.a is None else count(first.a))
        step = max(1, _AT_ONCE // max(1, numbers))
        for start in range(0, len(members), step):
            places = members[start : start + step]
            for at, values in zip(places, _values_together([wanted[at] for at in places]), strict=True):
                found[at] = values
    return found


def _alike(factor: Factor) -> tuple[Any, ...]:
    return tuple(
        (one.shape, one.dtype, getattr(one, "device", None)) if one is not None else None
        for one in (factor.b, factor.a)
    )


def _values_together(alike: Sequence[Factor]) -> Iterator[list[list[float]] | None]:
    """Of factors of one shape, in one go."""
    b = stacked([float64(factor.b) for factor in alike])
    a = None if alike[0].a is None else stacked([float64(factor.a) for factor in alike])
    good = [is_finite(b[at]) and (a is None or is_finite(a[at])) for at in range(len(alike))]
    for one in (b,) if a is None else (b, a):
        for at in range(len(alike)):
            if not good[at]:
                one[at] = 0.0  # LAPACK refuses all of a batch for one NaN in it
    values = values_of(b) if a is None else singular_values(b, a)
    for is_good, one in zip(good, values.tolist(), strict=True):
        yield one if is_good else None
