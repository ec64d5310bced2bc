"""The standalone page, watched: every time a mix reaches the model, what now stands in it and when goes into a file.

It keeps experiments and profiles beside that file, and never among those of whoever runs the bench.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ..hosts.protocol import Request
from ..hosts.standalone import app as standalone
from ..hosts.standalone.host import StandaloneHost
from ..hosts.standalone.load import Start
from ..lora_ops import Desk, Mix

#: Among the arguments: no token ends a reply, so that each is as long as it may be.
ENDLESS = "--endless"


def main(argv: list[str]) -> int:
    """`argv`: the file, then the arguments of the standalone page, and perhaps `ENDLESS` among them."""
    path, *rest = argv
    _keep_beside(Path(path))
    if ENDLESS in rest:
        _never_end()
    with Path(path).open("a", encoding="utf-8", buffering=1) as log:
        _watch(log)
        return standalone.main([word for word in rest if word != ENDLESS])


def _keep_beside(path: Path) -> None:
    """Has the page keep what it keeps in a folder of its own."""
    start = standalone._start

    def elsewhere(options: Namespace) -> Start:
        return replace(start(options), state=path.with_suffix(".kept"))

    standalone._start = elsewhere


def _never_end() -> None:
    """Takes the end tokens out of whatever the page asks the model."""
    request = StandaloneHost.request

    def endless(self: StandaloneHost, *given: Any) -> Request:
        made = request(self, *given)
        return replace(made, sampling=replace(made.sampling, extras={**made.sampling.extras, "eos_token_id": []}))

    StandaloneHost.request = endless  # type: ignore[method-assign, assignment]


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
