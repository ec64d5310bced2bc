"""A mix in a few words, for labels."""

from __future__ import annotations

from collections.abc import Iterable

from ...lora_ops.mix import Faders, Mix, heard


def describe(mix: Mix, adapters: Iterable[str]) -> str:
    """What `mix` does to each of `adapters`.

    >>> describe(Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})}), ["pirate", "butler"])
    'pirate ×0.5 and 1 fader, butler as loaded'
    """
    return ", ".join(f"{name} {_faders(mix[name])}" for name in adapters) or "no adapter"


def _faders(faders: Faders) -> str:
    if not faders.on:
        return "off"
    moved = sum(1 for group in (faders.kinds, faders.layers, faders.modules) for gain in group.values() if gain != 1)
    parts = []
    if faders.master != 1 and "master" not in faders.fades:
        parts.append(f"×{faders.master:g}")
    if moved:
        parts.append(f"{moved} fader{'s' if moved > 1 else ''}")
    if not faders.whole:
        parts.append(heard(faders))
    if faders.crossfade is not None:
        parts.append(f"crossfade at {faders.crossfade.stand}")
    if faders.fades:
        parts.append(f"{len(faders.fades)} fade{'s' if len(faders.fades) > 1 else ''}")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else "as loaded"
