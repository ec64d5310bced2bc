"""What a bake will be, told from the adapters' plain data before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..mix import Mix, heard
from ..target import Adapter, Target
from .ways import Form, Recipe


@dataclass(frozen=True)
class Plan:
    """What will be written.

    Attributes:
        rank: the largest of its targets; None for a whole model, which has none.
        targets: how many it will have.
        silent: how many will be at gain 0, those that are left out included.
    """

    rank: int | None
    targets: int
    silent: int

    @classmethod
    def of(cls, adapters: Sequence[Adapter], mix: Mix, how: Form | Recipe | None) -> Plan:
        """What comes of these adapters, at their gains in `mix`.

        Args:
            adapters: that go into it, in their order.
            mix: the gains.
            how: one adapter's form, a recipe for several, or None for a whole model.

        Raises:
            ValueError: there is none, there are several and the form is for one, or a fader fades.
        """
        if not adapters:
            raise ValueError("choose at least one adapter to bake")
        if isinstance(how, Form) and len(adapters) > 1:
            raise ValueError(
                f"{how.way} is for one adapter, and there are {len(adapters)}: concatenate or combine them"
            )
        refuse_fades(mix, [adapter.name for adapter in adapters])
        if how is not None:
            refuse_ranks(mix, [adapter.name for adapter in adapters])
        together: dict[str, list[Target]] = {}
        for adapter in adapters:
            for target in adapter.scalable:
                together.setdefault(target.name, []).append(target)
        silent = sum(all(mix.gain(one) == 0 for one in members) for members in together.values())
        left = len(together) - (silent if isinstance(how, Form) and how.drop_silent else 0)
        return cls(_rank(together, mix, how), left, silent)


def fades_until(mix: Mix, names: Sequence[str]) -> int | None:
    """The token of a reply from which on no fader of these adapters moves any more; None where none moves at all."""
    fades = [fade for name in names if mix[name].on for fade in mix[name].every_fade()]
    return max((fade.points[-1][0] for fade in fades), default=None)


def refuse_fades(mix: Mix, names: Sequence[str]) -> None:
    """An adapter on disk has one gain for each target, whatever token is worked out.

    Raises:
        ValueError: a fader of one of these adapters moves over a reply.
    """
    for name in names:
        if mix[name].on and mix[name].fading:
            which = next(iter(mix[name].fades), "crossfade")
            raise ValueError(
                f"the fader {which!r} of {name!r} fades over a reply, and what is on disk cannot: "
                "choose the token whose gains it keeps"
            )


def refuse_ranks(mix: Mix, names: Sequence[str]) -> None:
    """A bake writes all components of an adapter; fewer make another one, of another rank.

    Raises:
        ValueError: not all components of one of these adapters are heard.
    """
    for name in names:
        if mix[name].on and not mix[name].whole:
            raise ValueError(
                f"only a part of {name!r} is heard ({heard(mix[name])}): resize it, which writes that part at its own "
                "rank, or have all of it heard (no rank, no energy)"
            )


def _rank(together: dict[str, list[Target]], mix: Mix, how: Form | Recipe | None) -> int | None:
    if how is None:
        return None
    everyone = [target for members in together.values() for target in members]
    if isinstance(how, Form):
        kept = [target for target in everyone if not how.drop_silent or mix.gain(target) != 0]
        return max((target.rank for target in kept), default=0)
    largest = how.rank or max((target.rank for target in everyone), default=0)
    if how.combination == "cat":
        return _sum_of_ranks(together, mix)
    # The nearest of a sum needs no more than all ranks together.
    return min(largest, _sum_of_ranks(together, mix)) if how.combination == "svd" else largest


def _sum_of_ranks(together: dict[str, list[Target]], mix: Mix) -> int:
    """The largest sum of ranks of what is heard in one module."""
    totals = []
    for members in together.values():
        loud = [target for target in members if mix.gain(target) * target.scaling != 0] or members[:1]
        totals.append(sum(target.rank for target in loud))
    return max(totals, default=0)
