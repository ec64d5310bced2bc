"""The spectra of the adapters on the desk for a page: worked out in a thread of their own, and kept.

What every target adds is told as loaded. Gains only scale it: what comes of them the page works out by itself.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.engines.llama_server.part import parts_of
from ...lora_ops.measure.spectrum import as_one
from ...lora_ops.sentence import sentence
from ..page.jobs import News
from ..page.trouble import FOR_PEOPLE, reason, told
from .worked_out import WorkedOut

if TYPE_CHECKING:
    from ...lora_ops import Desk, Spectrum
    from ...lora_ops.measure.spectrum import TargetSpectrum
    from ...lora_ops.target import Adapter
    from ..page.console import Console

#: Those that a page lets choose between; the first is what it begins with.
SHARES = (0.95, 0.99, 0.9, 0.8, 0.7, 0.5)


class Spectra:
    """What is known of the spectra of the adapters that are loaded."""

    def __init__(self) -> None:
        self._out = WorkedOut("lora-mixer-spectrum", self._work)
        self._known: Any = None

    def news(self, console: Console) -> News:
        """What is known of the adapters that are loaded now, or that it is being worked out.

        Raises:
            HostError: there is no adapter.
        """
        desk = console.desk()
        if desk is None:
            raise HostError("There is no adapter to tell the spectrum of.")
        return self._out.news(console, desk) or {"spectra": None}

    def _work(self, console: Console, desk: Desk, loaded: int) -> News:
        try:
            if desk.engine.why_not("weights"):
                found, why_not = _by_folder(console, desk)
            else:
                from ...lora_ops.measure.known_spectra import KnownSpectra

                self._known = self._known or KnownSpectra()
                found, why_not = self._known.of(desk), {}
            adapters = {
                name: _told(adapter, found, _by_fader(desk, found, name), why_not.get(name, ""))
                for name, adapter in desk.adapters.items()
            }
            return {"spectra": {"loaded": loaded, "why": "", "adapters": adapters}}
        except Exception as error:  # whatever it is, the page is told, and does not ask for ever
            return {"spectra": {"loaded": loaded, "why": told(error), "adapters": {}}}


def _by_folder(console: Console, desk: Desk) -> tuple[Spectrum | None, dict[str, str]]:
    """The spectra of adapters whose weights are elsewhere, from the folders that they came from; and why not."""
    folders = console.host.loaded_adapters()
    parts, why_not = [], {}
    for name in desk.adapters:
        folder = folders.get(name)
        if folder is None or not folder.is_dir():
            why_not[name] = f"{desk.engine.why_not('weights')}; where the folder of {name!r} is, is not known"
            continue
        try:
            from ...lora_ops.shelf.adapter_weights import read_weights

            parts.append(read_weights(folder, name))
        except FOR_PEOPLE as error:
            why_not[name] = reason(error)
    if not parts:
        return None, why_not
    from ...lora_ops.measure.spectrum import spectrum_weights

    return spectrum_weights(parts), why_not


def _by_fader(desk: Desk, found: Spectrum | None, name: str) -> Mapping[str, TargetSpectrum]:
    """The spectra of one adapter by what its faders are called: on a llama-server one may move several targets."""
    spectra = found.adapters.get(name, ()) if found else ()
    parts = [part for part in parts_of(desk) or () if part.adapter == name]
    if all(
        len(part.targets) == 1 and part.target == one.target.name for part, one in zip(parts, spectra, strict=False)
    ):
        return {one.target.name: one for one in spectra}
    left = iter(spectra)
    return {part.target: as_one(part.fader, list(islice(left, len(part.targets)))) for part in parts}


def _told(adapter: Adapter, found: Spectrum | None, by_name: Mapping[str, TargetSpectrum], why_not: str) -> News:
    """One adapter for the page, its targets in the order that the state names them in."""
    ordered = [by_name.get(target.name) for target in adapter.scalable]
    known = [one for one in ordered if one is not None and not one.reason]
    joints = [one.joint if one and not one.reason else () for one in ordered]
    reasons: dict[str, list[int]] = {}
    for at, one in enumerate(ordered):
        why = why_not or _NOT_FOUND if one is None else one.reason
        if why:
            reasons.setdefault(sentence(why), []).append(at)
    return {
        "lines": {f"{share:g}": sentence(found.told(adapter.name, share)) for share in SHARES}
        if found and known
        else {},
        "counts": [len(joint) for joint in joints],
        "strongest": [joint[0] if joint else 0.0 for joint in joints],
        "ratios": _packed(joints),
        "effective": [round(one.effective_rank, 3) if one else 0 for one in ordered],
        "stable": [round(one.stable_rank, 3) if one else 0 for one in ordered],
        "reasons": list(reasons.items()),
    }


_NOT_FOUND = "its fader moves several modules at once, or the folder of its adapter has no weights of this name"


def _packed(joints: Sequence[Sequence[float]]) -> str:
    """All singular values, each beside the strongest of its target, as numbers of 32 bits in base64: there are many."""
    ratios = [value / (joint[0] or 1.0) for joint in joints for value in joint]
    return base64.b64encode(struct.pack(f"<{len(ratios)}f", *ratios)).decode("ascii")
