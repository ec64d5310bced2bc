"""A page whose model can be held back, for the tests of its votes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.browser import host_of
from helpers.gauge import Gauge, gauge
from helpers.voting import wait_for

from lora_mixer.ui.page.studio import Studio


@pytest.fixture(scope="module")
def model() -> Gauge:
    return gauge()


@pytest.fixture
def console(model: Gauge) -> Iterator[Studio]:
    made = Studio(host_of(model.model, model.tokenizer))
    made.desk()
    yield made
    model.brake.free()
    if (session := made.sessions.of("")) is not None:
        session.stop()
        assert wait_for(lambda: not session.generating)
