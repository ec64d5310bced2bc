"""What is worked out in a thread: once for the adapters that are loaded, and never told of others."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.patience import until_known

from lora_mixer.ui.desk import worked_out
from lora_mixer.ui.desk.worked_out import WorkedOut


class Desk:
    """One that can be told from others."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worked_out, "_SECONDS", 0.01)


def test_it_is_worked_out_once_until_other_adapters_are_loaded() -> None:
    asked: list[int] = []

    def work(console: Any, desk: Any, loaded: int) -> dict[str, int]:
        asked.append(loaded)
        return {"of": loaded}

    out = WorkedOut("test", work)
    console: Any = SimpleNamespace(loaded=1)
    desk: Any = Desk()
    assert until_known(lambda: out.news(console, desk)) == {"of": 1} == out.news(console, desk)
    console.loaded = 2
    assert until_known(lambda: out.news(console, desk)) == {"of": 2}
    other: Any = Desk()
    assert until_known(lambda: out.news(console, other)) == {"of": 2}
    assert asked == [1, 2, 2]


def test_what_was_begun_for_other_adapters_is_not_told_of_these() -> None:
    go = threading.Event()
    out = WorkedOut("test", lambda console, desk, loaded: {"of": loaded} if go.wait(20) else {})
    console: Any = SimpleNamespace(loaded=1)
    desk: Any = Desk()
    assert out.news(console, desk) is None
    console.loaded = 2
    assert out.news(console, desk) is None, "one thread at a time"
    go.set()
    assert until_known(lambda: out.news(console, desk)) == {"of": 2}
