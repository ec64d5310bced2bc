"""What was measured, made into faders: targets that do little fall silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..mix import Mix
from .estimate import Estimate
from .impact import Impact


def silence_idle(impact: Impact | Estimate, share: float = 0.01) -> Mix:
    """The measured mix without the targets that do nothing: from the least on, as long as they make up that share.

    Args:
        impact: with targets, measured or estimated.
        share: of the sum of all targets' impacts; 0 silences those alone that have none.

    Raises:
        ValueError: no target was measured, or `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share must be between 0 and 1, not {share}")
    ordered = _ordered(impact)
    allowed = share * sum(value for value, _, _ in ordered)
    idle: list[tuple[str, str]] = []
    together = 0.0
    for value, adapter, name in reversed(ordered):
        together += value
        if together > allowed:
            break
        idle.append((adapter, name))
    return _without(impact, idle)


def keep_top(impact: Impact | Estimate, count: int = 10) -> Mix:
    """The measured mix with the `count` targets of greatest impact, and no other target that was measured.

    Raises:
        ValueError: no target was measured, or `count` is negative.
    """
    if count < 0:
        raise ValueError(f"how many to keep must not be negative: {count}")
    return _without(impact, [(adapter, name) for _, adapter, name in _ordered(impact)[count:]])


def _ordered(impact: Impact | Estimate) -> list[tuple[float, str, str]]:
    """Impact, adapter and name of each target, the greatest first; equals in the order of the model."""
    found = [(value, adapter, name) for adapter, values in impact.targets.items() for name, value in values.items()]
    if not found:
        raise ValueError("no target was measured")
    return sorted(found, key=lambda one: -one[0])


def _without(impact: Impact | Estimate, targets: Iterable[tuple[str, str]]) -> Mix:
    mix = impact.mix
    silent: dict[str, dict[str, float]] = {}
    for adapter, name in targets:
        silent.setdefault(adapter, {})[name] = 0.0
    # An adapter that nothing was heard of, and that the mix does not name, may not play at all: to name it has it play.
    changed = {
        adapter: replace(mix[adapter], modules={**mix[adapter].modules, **zeros})
        for adapter, zeros in silent.items()
        if adapter in mix.adapters or any(impact.targets[adapter].values())
    }
    return Mix({**mix.adapters, **changed})
