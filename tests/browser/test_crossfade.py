"""One fader between two mixes in a browser: chosen, dragged, undone in one step, seen by another page and the dock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, standalone, steady, wait_until
from helpers.shelved import mix_tab, shelf_host
from helpers.tiny import mix_of, pirate
from playwright.sync_api import expect

from lora_mixer.lora_ops import Mix
from lora_mixer.ui.page.panel import Panel

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), pirate())) as running:
        yield running


@pytest.fixture
def board(mixer: Mixer, visit: Any) -> Board:
    mixer.console.crossfader = None
    mixer.afresh()
    return Board(mix_tab(visit(mixer.url)).page)


def opened(board: Board) -> Any:
    section = board.desk.locator("[data-section=crossfade]")
    section.locator("summary").click()
    expect(board.label("Crossfade")).to_be_enabled()
    return section


def stands(mixer: Mixer, mix: Mix) -> bool:
    targets = [target for target in mixer.desk.adapters["pirate"].targets if target.scalable]
    return all(abs(mixer.desk.mix.gain(one) - mix.gain(one)) < 1e-9 for one in targets)


def test_it_is_dragged_and_undone_in_one_step(mixer: Mixer, board: Board) -> None:
    opened(board)
    fader = board.label("Crossfade")
    # What an adapter's spectrum says is told above it a moment later: until then all below may move.
    expect(board.desk.locator("[data-part=spectrum]")).not_to_contain_text("Working out")
    box = steady(board.page, fader)
    mouse, y = board.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 8, y)
    mouse.down()
    for part in (0.2, 0.4, 0.5, 0.6):
        mouse.move(box["x"] + box["width"] * part, y)
    mouse.up()
    wait_until(board.page, lambda: 0.3 < mixer.desk.mix["pirate"].master < 0.5, "the faders")
    expect(board.master()).not_to_have_value("1")  # told in faders: from as loaded to the base it is the master
    board.press("undo")
    wait_until(board.page, lambda: stands(mixer, Mix()), "the faders as they were")
    expect(board.master()).to_have_value("1")


def test_another_page_and_the_dock_see_where_it_stands(mixer: Mixer, board: Board, visit: Any) -> None:
    mixer.console.move(Panel(mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0})))
    section = opened(board)
    board.label("Crossfade to").select_option("faders")
    expect(board.label("Crossfade to").locator("option:checked")).to_have_text("Where the faders stood")
    board.type("Crossfade, number", "0.25")
    wanted = Mix.between(Mix(), mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0}), 0.25)
    wait_until(board.page, lambda: stands(mixer, wanted), "the faders")
    expect(section.locator(".lora-mixer-digest")).to_have_text("As loaded – Where the faders stood at 0.25")
    assert mixer.desk.mix["pirate"].crossfade is not None
    other = Board(visit(mixer.url))
    other.page.locator(".lora-mixer-pill").click()
    small = other.page.get_by_label("Crossfade, beside the chat", exact=True)
    expect(small).to_have_value("0.25")
    small.press("ArrowRight")
    small.press("PageUp")
    wanted = Mix.between(Mix(), mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0}), 0.36)
    wait_until(other.page, lambda: stands(mixer, wanted), "the faders moved beside the chat")
    expect(board.label("Crossfade, number")).to_have_value("0.36")


def test_a_fader_that_is_moved_after_it_moves_above_it(mixer: Mixer, board: Board) -> None:
    mixer.console.move(Panel(mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0})))
    opened(board)
    board.label("Crossfade to").select_option("faders")
    expect(board.label("Crossfade to").locator("option:checked")).to_have_text("Where the faders stood")
    board.type("Crossfade, number", "0.5")
    board.type("Master fader of pirate, number", "0.5")
    between = Mix.between(Mix(), mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0}), 0.5)
    target = mixer.desk.adapters["pirate"].targets[0]
    wait_until(board.page, lambda: mixer.desk.mix.gain(target) == 0.5 * between.gain(target), "half of it")
    expect(board.desk.locator("[data-section=crossfade]")).to_contain_text("It moves nothing until you move it")


def test_two_ranks_have_nothing_between_them_and_the_page_says_so(mixer: Mixer, board: Board) -> None:
    mixer.console.move(Panel(mix_of(rank=2)))
    opened(board)
    board.label("Crossfade to").select_option("faders")
    expect(board.page.locator("#lora-mixer-crossfade-said")).to_contain_text("no number of components")
    expect(board.label("Crossfade to")).to_have_value("base")


def test_it_moves_over_the_reply_as_written_and_says_what_it_does_not_understand(mixer: Mixer, board: Board) -> None:
    section = opened(board)
    field = section.locator("#lora-mixer-crossfade-over")
    field.fill("loudly")
    board.press("crossfade-over")
    expect(section).to_contain_text("is no point of a fade")
    field.fill("0 at 0, 1 at 40")
    board.press("crossfade-over")
    wait_until(board.page, lambda: mixer.desk.mix.faded, "the fade")
    expect(section.locator(".lora-mixer-digest")).to_have_text(
        "As loaded – The base model over the reply: 0 at 0, 1 at 40"
    )
    board.type("Crossfade, number", "0.5")
    wait_until(board.page, lambda: mixer.desk.mix == mix_of(master=0.5), "the master")
    expect(field).to_have_value("")
