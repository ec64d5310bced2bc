"""What engines have in common that name a mix in each request."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Faders, Mix, NotInRows
from lora_mixer.lora_ops.engines.requested import Requested

HALF = Mix({"pirate": Faders(master=0.5)})


class Asked(Requested):
    adapters = ToyEngine().adapters

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        self.check_no_rows()
        return "three are too many" if len(mixes) > 2 else ""


def test_rows_are_heard_as_long_as_they_last_however_they_end() -> None:
    engine = Asked()
    target = engine.adapters["pirate"].targets[0]
    with pytest.raises(ZeroDivisionError), engine.rows([HALF, Mix()]):
        assert engine.scaling(target) == [1.0, 2.0]
        raise ZeroDivisionError
    assert engine.scaling(target) == 2.0
    with pytest.raises(NotInRows, match="too many"), engine.rows([HALF] * 3):
        raise AssertionError("they ran")


def test_who_would_wait_for_itself_is_refused() -> None:
    engine = Asked()
    went_on: list[bool] = []

    def elsewhere() -> None:
        engine.check_free()
        went_on.append(True)

    with engine.rows([HALF]):
        for call in (engine.check_free, engine.check_no_rows, lambda: engine.alone().__enter__()):
            with pytest.raises(RuntimeError, match="in use"):
                call()
        # Another thread may wait for them.
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
    assert went_on
    with engine.alone(), engine.changing():
        engine.check_free()
