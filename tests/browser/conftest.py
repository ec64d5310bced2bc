"""Fixtures of pages that several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.both_hosts import inside
from helpers.browser import Mixer, wait_until
from helpers.gauge import Gauge
from helpers.lab import Lab, opened
from helpers.talk import talk
from helpers.textgen_page import a_door_of_its_own

__all__ = ["a_door_of_its_own", "inside", "talk"]


@pytest.fixture
def lab(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Lab]:
    """The lab of a page whose model can be held back."""
    mixer, made = served
    mixer.afresh()
    one = opened(visit, mixer, made)
    yield one
    made.brake.free()
    wait_until(one.page, mixer.free, "the model is given back")
