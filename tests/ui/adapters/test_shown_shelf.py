"""The shelf is drawn again when something on it has changed."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.shelved import ask
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.ui.adapters.shown_shelf import ShownShelf
from lora_mixer.ui.page.studio import Studio


def test_a_page_that_knows_the_shelf_is_told_nothing_again(console: Studio, tmp_path: Path) -> None:
    shelf = ask(console, "shelf")["shelf"]
    assert "shelf" not in ask(console, "shelf", known=shelf["digest"])
    shutil.rmtree(tmp_path / "loras" / "poet")
    assert "poet" not in str(ask(console, "shelf", known=shelf["digest"])["shelf"]["entries"])


def test_nothing_is_drawn_again_while_nothing_changes(console: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(console, "shelf")["shelf"]
    monkeypatch.setattr("lora_mixer.ui.adapters.shelf._row", lambda *given: pytest.fail("drawn again"))
    assert ask(console, "shelf")["shelf"] is first
    assert "shelf" not in ask(console, "shelf", known=first["digest"])


@given(st.lists(st.integers(0, 3), max_size=12))
def test_it_is_drawn_as_often_as_something_changed_and_each_drawing_has_its_digest(changes: list[int]) -> None:
    shown = ShownShelf()
    drawn: Any = []
    digests: dict[int, str] = {}

    def draw(state: int) -> dict[str, Any]:
        drawn.append(state)
        return {"entries": [state]}

    for state in changes:
        news = shown.drawn(("shelf", state), partial(draw, state))
        assert news["entries"] == [state]
        assert digests.setdefault(state, news["digest"]) == news["digest"]
    assert drawn == [state for at, state in enumerate(changes) if at == 0 or changes[at - 1] != state]
    assert len(set(digests.values())) == len(digests)
