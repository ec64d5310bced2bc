"""Heat maps in a browser: loudness that lives with the faders, impact that is measured, and faders made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, standalone, wait_until
from helpers.shelved import mix_tab, shelf_host
from helpers.tiny import pirate
from playwright.sync_api import expect

from lora_mixer.lora_ops import loudness, silence_idle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), pirate())) as running:
        yield running


@pytest.fixture
def board(mixer: Mixer, visit: Any) -> Board:
    mixer.afresh()
    page = visit(mixer.url)
    mix_tab(page)
    return Board(page)


def number(board: Board, layer: int, kind: str) -> float:
    """What a cell of the heat map says, in percent or in nats."""
    said = board.cell(layer, kind).get_attribute("title") or ""
    found = re.search(r"(?:loudness|impact) ([\d.e-]+)", said)
    assert found, said
    return float(found.group(1))


def test_loudness_is_told_and_lives_with_the_faders(board: Board, mixer: Mixer) -> None:
    grid = board.section("grid")
    grid.locator("[data-heat=loudness]").click()
    expect(board.cell(0, "q_proj")).to_have_attribute("title", re.compile("loudness"))
    levels = loudness(mixer.desk).at(mixer.desk.mix)
    name = "model.layers.0.self_attn.q_proj"
    assert number(board, 0, "q_proj") == pytest.approx(100 * (levels.targets["pirate"][name] or 0), rel=0.02)
    told = grid.locator("[data-bar=q_proj] .lora-mixer-bar-number")
    assert float(told.inner_text().split()[0]) == pytest.approx(100 * (levels.kinds["pirate"]["q_proj"] or 0), rel=0.02)
    before = number(board, 0, "q_proj")
    board.master().fill("0.5")
    wait_until(board.page, lambda: number(board, 0, "q_proj") == pytest.approx(before / 2, rel=0.02), "half as loud")
    board.master().fill("0")
    wait_until(board.page, lambda: number(board, 0, "q_proj") == 0, "silence")
    grid.locator("[data-heat=gain]").click()
    expect(board.cell(0, "q_proj")).not_to_have_attribute("title", re.compile("."))


def test_impact_is_measured_on_a_text_and_becomes_faders(board: Board, mixer: Mixer) -> None:
    grid = board.section("grid")
    grid.locator("[data-heat=silenced]").click()
    expect(grid.locator("[data-part=measured]")).to_contain_text("Not measured yet")
    grid.get_by_label("A text of my own").check()
    grid.get_by_label("Text to measure pirate on").fill("Ahoy there, mate")
    grid.locator("[data-do=measure]").click()
    expect(grid.locator("[data-part=measured]")).to_contain_text("Measured on 14 tokens")
    expect(board.cell(1, "up_proj")).to_have_attribute("title", re.compile("impact"))
    assert all(number(board, layer, "up_proj") >= 0 for layer in (0, 1))
    grid.get_by_label("How many targets to keep").fill("3")
    grid.locator("[data-do=keep-top]").click()
    wait_until(board.page, lambda: sorted(mixer.gains().values()) == [0.0] * 11 + [1.0] * 3, "three are left")
    expect(grid.locator("[data-part=measured]")).to_contain_text("moved since")
    board.press("undo")
    wait_until(board.page, lambda: set(mixer.gains().values()) == {1.0}, "back as loaded")
    expect(grid.locator(".lora-mixer-said").last).to_contain_text("11 of 14 targets of pirate are silent now")
    idle = silence_idle(mixer.console.works.impacts["silenced", "pirate"], 0.01)["pirate"].modules
    grid.locator("[data-do=silence-idle]").click()
    expect(grid.locator(".lora-mixer-said").last).to_contain_text(f"{len(idle)} of 14 targets of pirate are silent now")
    assert len(idle) != 11
    wait_until(board.page, lambda: list(mixer.gains().values()).count(0) == len(idle), "what does nothing is silent")

    board.page.reload()
    mix_tab(board.page)
    grid = board.section("grid")
    grid.locator("[data-heat=silenced]").click()
    expect(grid.locator("[data-part=measured]")).to_contain_text("Measured on 14 tokens")


def test_without_a_reply_the_page_says_what_to_do(board: Board) -> None:
    grid = board.section("grid")
    grid.locator("[data-heat=alone]").click()
    grid.locator("[data-do=measure]").click()
    expect(grid.locator(".lora-mixer-job")).to_contain_text("The chat has no reply to measure on")
