"""How loud the adapters on the desk are, for a page: the norms as loaded, which faders only scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ..page.jobs import News
from ..page.trouble import told
from .worked_out import WorkedOut

if TYPE_CHECKING:
    from ...lora_ops import Desk, Loud, Loudness
    from ..page.console import Console

#: Where DoRA's norm is told, which a page takes to go straight from one to the next.
GAINS = (-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
_WORKING = "Working out how loud each target is …"


class Louds:
    """The loudness of the adapters that are loaded. Weights of a large model's file take their time to be read."""

    def __init__(self) -> None:
        self._known = WorkedOut("lora-mixer-loudness", self._work)
        self._progress = _WORKING
        #: What was measured last.
        self.found: Loudness | None = None

    def news(self, console: Console) -> News:
        """The norms of the adapters that are loaded now, or how far that is.

        Raises:
            HostError: there is no adapter.
        """
        desk = console.desk()
        if desk is None:
            raise HostError("There is no adapter to measure.")
        return self._known.news(console, desk) or {"loudness": None, "far": self._progress}

    def _work(self, console: Console, desk: Desk, loaded: int) -> News:
        self._progress = _WORKING
        try:
            from ...lora_ops import loudness

            self.found = found = loudness(desk, self._say)
            adapters = {name: _norms(louds) for name, louds in found.adapters.items()}
            return {"loudness": {"loaded": loaded, "why": "", "adapters": adapters}}
        except Exception as error:  # whatever it is, the page is told, and does not ask for ever
            return {"loudness": {"loaded": loaded, "why": told(error), "adapters": {}}}

    def _say(self, done: int, of: int) -> None:
        self._progress = f"Reading the model’s weights: {done} of {of} …"


def _norms(louds: Sequence[Loud]) -> dict[str, Any]:
    """In the order of the targets that the state names; where the norm is not in proportion to the gain, at several."""
    own = [[loud.at(gain) for gain in GAINS] if loud.dora is not None else loud.norm for loud in louds]
    return {"own": own, "base": [loud.base for loud in louds], "gains": GAINS}
