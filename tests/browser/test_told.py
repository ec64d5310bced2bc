"""What Python tells the desk's page, and how the page draws its scale: looked at in a browser, where both meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers import tiny
from helpers.browser import Board, Mixer, host_of, standalone, wait_until
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# From now on, what Python says is kept in `told` as well.
LISTEN = """() => {
    const M = window.loraMixer, receive = M.receive;
    window.told = [];
    M.receive = (text) => { told.push(JSON.parse(text)); receive(text); };
}"""


@pytest.fixture
def mixer() -> Iterator[Mixer]:
    with standalone(host_of(tiny.two(), tiny.tokenizer())) as mixer:
        yield mixer


@pytest.fixture
def board(mixer: Mixer, visit: Any) -> Board:
    return Board(visit(mixer.url)).open()


def test_after_a_move_the_page_is_told_where_faders_stand_and_not_all_targets_again(board: Board, mixer: Mixer) -> None:
    page = board.page
    page.evaluate(LISTEN)
    board.master().fill("0.5")
    # What was asked before the page knew anything may be answered late, and in full: so from the first that is not on.
    wait_until(page, lambda: page.evaluate("told.some((state) => state.adapters === null)"), "an answer after the move")
    page.evaluate("told.length = 0")
    board.master().fill("0.25")
    wait_until(page, lambda: set(mixer.gains().values()) == {0.25}, "the move reaches the model")
    moved = "told.filter((state) => state.panel.mix.adapters.pirate.master === 0.25)"
    wait_until(page, lambda: page.evaluate(f"{moved}.length"), "an answer after the next move")
    assert page.evaluate("told.every((state) => state.adapters === null)")
    expect(board.desk.locator(".lora-mixer-strip")).to_have_count(2)
    expect(board.label("Master fader of pirate, number")).to_have_value("0.25")


def test_a_page_that_lacks_the_adapters_it_is_said_to_have_asks_for_them(board: Board, mixer: Mixer) -> None:
    page = board.page
    page.evaluate(LISTEN)
    page.evaluate(
        "M => M.receive(JSON.stringify({ ...M.store.state, adapters: null, loaded: M.store.loaded + 1000 }))",
        page.evaluate_handle("window.loraMixer"),
    )
    wait_until(page, lambda: page.evaluate("told.some((state) => Array.isArray(state.adapters))"), "the adapters")
    expect(board.desk.locator(".lora-mixer-strip")).to_have_count(2)
    assert page.evaluate("loraMixer.store.loaded") == mixer.console.loaded


def test_the_scale_of_a_fader_has_round_numbers_whatever_its_range(board: Board, mixer: Mixer) -> None:
    marks = board.desk.locator("[data-adapter=pirate] .lora-mixer-marks span")
    expect(marks).to_have_text(["0", "0.5", "1", "1.5", "2"])
    board.type("Lowest value of the faders", "-1")
    board.type("Highest value of the faders", "4")
    expect(marks).to_have_text(["\N{MINUS SIGN}1", "0", "1", "2", "3", "4"])
