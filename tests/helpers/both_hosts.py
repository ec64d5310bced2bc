"""The page in each of its hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, Mixer
from helpers.gauge import Gauge
from helpers.textgen_page import TextGen


@pytest.fixture(params=["TextGen", "our own page"])
def inside(request: Any, tmp_path: Path, visit: Any) -> Iterator[Any]:
    """The desk, open in one of the hosts."""
    if request.param == "TextGen":
        textgen = TextGen(tmp_path)
        with textgen.running(textgen.model.model) as url:
            yield Board(visit(url)).open().page
    else:
        served: tuple[Mixer, Gauge] = request.getfixturevalue("served")
        served[0].afresh()
        yield Board(visit(served[0].url)).open().page
