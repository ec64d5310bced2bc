"""The heat map of impact in a browser: estimated at once and said to be so, made exact on request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, standalone
from helpers.shelved import mix_tab, shelf_host
from helpers.tiny import pirate
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), pirate())) as running:
        yield running


def test_it_is_estimated_with_its_error_and_then_made_exact(mixer: Mixer, visit: Any) -> None:
    mixer.afresh()
    board = Board(mix_tab(visit(mixer.url)).page)
    grid = board.section("grid")
    grid.locator("[data-heat=silenced]").click()
    grid.get_by_label("A text of my own").check()
    grid.get_by_label("Text to measure pirate on").fill("Ahoy there, mate")
    exact = grid.locator("[data-do=measure]")
    expect(exact).to_have_text("Measure")
    grid.locator("[data-do=estimate]").click()
    told = grid.locator("[data-part=measured]")
    expect(told).to_contain_text(re.compile(r"Estimated with 16 probes on 14 tokens in [\d.]+ s, give or take \d+ %"))
    expect(board.cell(1, "up_proj")).to_have_attribute(
        "title", re.compile(r"impact [\d.e-]+ ± [\d.e-]+ nats, estimated")
    )
    expect(exact).to_have_text("Make it exact")
    exact.click()
    expect(told).to_contain_text("Measured on 14 tokens")
    expect(board.cell(1, "up_proj")).not_to_have_attribute("title", re.compile("estimated"))
    expect(exact).to_have_text("Measure")
