"""The spectra of the adapters on the desk for a page: worked out in a thread of their own, and kept.

What every target adds is told as loaded. Gains only scale it: what comes of them the page works out by itself.
"""

from __future__ import annotations

import base64
import struct
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.optional_packages import needed
from ..page.jobs import News, sentence
from ..page.trouble import FOR_PEOPLE, reason, told

if TYPE_CHECKING:
    from ...lora_ops import Desk, Spectrum
    from ...lora_ops.target import Adapter
    from ..page.console import Console

#: Those that a page lets choose between; the first is what it begins with.
SHARES = (0.95, 0.99, 0.9, 0.8, 0.7, 0.5)
#: So long an answer waits for what is being worked out: mostly it is there by then, and the page need not ask again.
_SECONDS = 0.4


class Spectra:
    """What is known of the spectra of the adapters that are loaded; one thread at a time works it out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: Of which desk, and of which adapters in the console's count, that is.
        self._of: tuple[weakref.ref[Desk], int] | None = None
        self._news: News | None = None
        self._known: Any = None

    def news(self, console: Console) -> News:
        """What is known of the adapters that are loaded now, or that it is being worked out.

        Raises:
            HostError: there is no adapter.
        """
        desk = console.desk()
        if desk is None:
            raise HostError("There is no adapter to tell the spectrum of.")
        with self._lock:
            of = (weakref.ref(desk), console.loaded)
            if self._thread is None or not self._thread.is_alive():
                if of == self._of and self._news is not None:
                    return self._news
                self._of, self._news = of, None
                self._thread = threading.Thread(
                    target=self._work, args=(console, desk, of[1]), name="lora-mixer-spectrum", daemon=True
                )
                self._thread.start()
            thread = self._thread
        thread.join(_SECONDS)
        with self._lock:
            return self._news if of == self._of and self._news is not None else {"spectra": None}

    def _work(self, console: Console, desk: Desk, loaded: int) -> None:
        try:
            if desk.engine.why_not("weights"):
                found, why_not = _by_folder(console, desk)
            else:
                from ...lora_ops.measure.known_spectra import KnownSpectra

                self._known = self._known or KnownSpectra()
                found, why_not = self._known.of(desk), {}
            adapters = {name: _told(adapter, found, why_not.get(name, "")) for name, adapter in desk.adapters.items()}
            news = {"loaded": loaded, "why": "", "adapters": adapters}
        except Exception as error:  # whatever it is, the page is told, and does not ask for ever
            news = {"loaded": loaded, "why": told(error), "adapters": {}}
        self._news = {"spectra": news}


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
            needed("torch", "telling a spectrum")
            from ...lora_ops.shelf.adapter_weights import read_weights

            parts.append(read_weights(folder, name))
        except FOR_PEOPLE as error:
            why_not[name] = reason(error)
    if not parts:
        return None, why_not
    from ...lora_ops.measure.spectrum import spectrum_weights

    return spectrum_weights(parts), why_not


def _told(adapter: Adapter, found: Spectrum | None, why_not: str) -> News:
    """One adapter for the page, its targets in the order that the state names them in."""
    by_name = {one.target.name: one for one in (found.adapters.get(adapter.name, ()) if found else ())}
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
