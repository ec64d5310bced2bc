"""A chat that answers twice, under a model that can be held back and dice that are known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.browser import host_of
from helpers.gauge import Gauge, gauge

from lora_mixer.ui.chat.answer_twice import Twice
from lora_mixer.ui.page.studio import Studio


class Coin:
    """Dice that say which mix stands in the chat: 0 for the first, 1 for the second."""

    side = 0.0

    def random(self) -> float:
        return self.side


@pytest.fixture(scope="module")
def model() -> Gauge:
    return gauge()


@pytest.fixture
def twice(model: Gauge) -> Iterator[Twice]:
    console = Studio(host_of(model.model, model.tokenizer))
    console.desk()
    console.twice = Twice(console, console.lab, dice=Coin())  # type: ignore[arg-type]
    console.twice.switch(True)
    yield console.twice
    console.twice.switch(False)
    model.brake.free()
