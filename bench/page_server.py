"""The standalone page, watched: every time a mix reaches the model, what now stands in it and when goes into a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TextIO

from ..hosts import standalone
from ..lora_ops import Desk, Mix


def main(argv: list[str]) -> int:
    """`argv`: the file, then the arguments of the standalone page."""
    with Path(argv[0]).open("a", encoding="utf-8", buffering=1) as log:
        _watch(log)
        return standalone.main(argv[1:])


def _watch(log: TextIO) -> None:
    """Has every desk note when it moved the model: the time, and the gain on each adapter's first target."""
    apply = Desk.apply

    def watched(self: Desk, mix: Mix) -> None:
        apply(self, mix)
        firsts = {name: adapter.scalable[0] for name, adapter in self.adapters.items() if adapter.scalable}
        # Read from the PEFT layer itself: it is what the next token is multiplied by.
        gains = {name: float(self.scaling(first)) / first.scaling for name, first in firsts.items()}
        log.write(json.dumps({"at": time.time(), "gains": gains}) + "\n")

    Desk.apply = watched  # type: ignore[method-assign]
