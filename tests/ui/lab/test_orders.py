"""What a page asks of the lab: the columns as they are set up, and sweeps that can be typed as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.compared import compared
from helpers.ordered import obey
from helpers.shelved import opened, shelf_host

from lora_mixer.lora_ops import Desk
from lora_mixer.ui.lab import orders
from lora_mixer.ui.page.studio import Studio


def said(console: Studio, do: str, **given: Any) -> Any:
    return obey(orders, console, "page", {"do": do, **given})


@pytest.mark.parametrize("build", [tiny.pirate, tiny.two, tiny.injected], ids=["one", "two", "injected"])
def test_every_example_of_a_sweep_fills_the_columns(build: Any, tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, build()))
    shown = orders.examples(console.desk() or Desk(build()))
    assert shown
    for example in shown:
        answer = said(console, "fill", x=example)
        assert "refused" not in answer, (example, answer)
        assert orders.setup_json(console)["filled"] == {"x": example, "y": ""}


def test_a_page_is_told_the_columns_as_they_are_after_every_order(console: Studio) -> None:
    before = console.revision
    key = orders.setup_json(console)["columns"][0]["key"]
    said(console, "rename", key=key, name="mine\n<b>")
    setup = orders.setup_json(console)
    assert setup["columns"][0]["name"] == "mine <b>" and console.revision > before
    said(console, "keep", key=key)
    assert orders.setup_json(console)["columns"][0]["kept"]
    assert (
        "refused" in said(console, "rename", key=999, name="x")
        and orders.setup_json(console)["rev"] == setup["rev"] + 1
    )


def test_a_page_that_has_just_come_is_told_what_was_compared_last(console: Studio) -> None:
    assert said(console, "look")["sheet"] is None
    sheet = compared(console)
    assert said(console, "look")["sheet"] == sheet.head()


def test_without_an_adapter_there_are_no_examples_and_it_says_why(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, tiny.llama()))
    setup = orders.setup_json(console)
    assert setup["examples"] == [] and "No adapter" in setup["trouble"]
    assert "refused" in said(console, "keep", key=setup["columns"][0]["key"])
