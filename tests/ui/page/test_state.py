"""What a page is told of the desk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import tiny

from lora_mixer.lora_ops import Desk
from lora_mixer.ui.page.state import _adapter


def told(desk: Desk, name: str = "pirate") -> dict[str, Any]:
    return json.loads(json.dumps(_adapter(desk.adapters[name], desk)))


@pytest.mark.parametrize(("options", "reason"), [({}, ""), ({"use_dora": True}, "Adapter 'pirate' is dora")])
def test_it_is_told_why_all_components_are_always_heard(options: dict[str, Any], reason: str) -> None:
    said = told(Desk(tiny.pirate(**options)))["whyNotRank"]
    assert said.startswith(reason) and bool(said) == bool(reason)


def test_an_engine_that_plays_all_components_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tiny.pirate())
    monkeypatch.setattr(type(desk.engine), "why_not", lambda self, what: "it cannot" if what == "rank" else "")
    assert told(desk)["whyNotRank"] == "It cannot."
