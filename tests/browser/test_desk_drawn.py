"""The depth curve and the grid: drawn by mouse, pen, finger and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, steady, wait_until
from helpers.six_layers import heard, layer, six_layers
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served() -> Iterator[Mixer]:
    with six_layers() as mixer:
        yield mixer


@pytest.fixture
def mixer(served: Mixer) -> Mixer:
    served.afresh()
    return served


@pytest.fixture
def board(mixer: Mixer, visit: Any) -> Board:
    return Board(visit(mixer.url)).open()


def points(board: Board, curve: Any, gains: list[float]) -> list[tuple[float, float]]:
    """Where on the page a curve of these gains lies: the middle of each layer's column."""
    box = steady(board.page, curve)
    pad = 9  # above and below, as the page draws it
    height = box["height"] - 2 * pad
    return [
        (box["x"] + (at + 0.5) * box["width"] / len(gains), box["y"] + pad + (1 - gain / 2) * height)
        for at, gain in enumerate(gains)
    ]


def near(mixer: Mixer, gains: list[float]) -> bool:
    """Whether every layer is heard at about what was drawn, all its targets alike."""
    return all(abs(gain - gains[int(name.split(".")[1])]) < 0.04 for name, gain in mixer.gains().items())


def test_the_depth_curve_is_drawn_by_mouse_and_made_flat(board: Board, mixer: Mixer) -> None:
    drawn = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    start, *way = points(board, board.curve(), drawn)
    board.page.mouse.move(*start)
    board.page.mouse.down()
    for x, y in way:
        board.page.mouse.move(x, y)
    board.page.mouse.up()
    wait_until(board.page, lambda: near(mixer, drawn), lambda: f"drew {drawn}, heard {mixer.gains()}")
    board.strip().locator("[data-do=flat]").click()
    heard(board, mixer, {})


def test_a_fast_pen_leaves_no_layer_out(board: Board, mixer: Mixer) -> None:
    drawn = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    start, *_, end = points(board, board.curve(), drawn)
    board.page.mouse.move(*start)
    board.page.mouse.down()
    board.page.mouse.move(*end)
    board.page.mouse.up()
    wait_until(board.page, lambda: near(mixer, drawn), lambda: f"drew {drawn}, heard {mixer.gains()}")


def test_the_depth_curve_is_drawn_by_keys_and_numbers(board: Board, mixer: Mixer) -> None:
    curve = board.curve()
    curve.focus()
    for key in ["Home", "ArrowRight", "ArrowRight", "PageUp", "ArrowUp"]:
        board.page.keyboard.press(key)
    heard(board, mixer, layer(mixer, 2, 1.3))
    expect(curve).to_have_attribute("aria-valuetext", "layer 2: 1.30")
    board.type("Gain of the chosen layer of pirate", "-3")
    heard(board, mixer, layer(mixer, 2, -3.0))
    board.page.keyboard.press("Delete")  # the curve has the keys again
    heard(board, mixer, {})


def test_cells_are_painted_with_a_brush(board: Board, mixer: Mixer) -> None:
    board.section("grid").locator("[data-brush='0.5']").click()
    first, last = board.cell(1, "up_proj"), board.cell(4, "up_proj")
    steady(board.page, last)
    boxes = first.bounding_box(), last.bounding_box()
    (x0, y0), (x1, y1) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes)
    board.page.mouse.move(x0, y0)
    board.page.mouse.down()
    board.page.mouse.move(x1, y1, steps=2)
    board.page.mouse.up()
    painted = {f"layers.{at}.mlp.up_proj": 0.5 for at in (1, 2, 3, 4)}
    heard(board, mixer, painted)
    expect(board.cell(2, "up_proj")).to_have_attribute("aria-label", "layer 2, up_proj: 0.50")
    expect(board.section("grid").locator("summary")).to_contain_text("4 moved")
    board.type("Brush value", "1.75", "pirate")
    board.cell(0, "q_proj").click()
    heard(board, mixer, {**painted, "layers.0.self_attn.q_proj": 1.75})


def test_a_cell_is_dragged_and_a_double_click_puts_it_back(board: Board, mixer: Mixer) -> None:
    board.section("grid")
    cell = board.cell(3, "down_proj")
    box = steady(board.page, cell)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    board.page.mouse.move(x, y)
    board.page.mouse.down()
    for up in (5, 25, 45):  # the first one only says that it is meant
        board.page.mouse.move(x, y + up)
    board.page.mouse.up()
    heard(board, mixer, {"layers.3.mlp.down_proj": 0.5})  # 80 pixels are 1
    cell.dblclick()
    heard(board, mixer, {})


def test_a_cell_is_set_by_keys_and_numbers(board: Board, mixer: Mixer) -> None:
    board.section("grid")
    board.cell(0, "q_proj").click()
    for key in ["ArrowRight", "ArrowRight", "ArrowDown", "+", "+"]:
        board.page.keyboard.press(key)
    kind = mixer.desk.adapters["pirate"].kinds[mixer.desk.adapters["pirate"].kinds.index("q_proj") + 1]
    [name] = [name for name in mixer.gains() if name.startswith("layers.2.") and name.endswith(kind)]
    expect(board.cell(2, kind)).to_be_focused()
    heard(board, mixer, {name: 1.1})
    board.page.keyboard.type("0.3")
    board.page.keyboard.press("Enter")
    heard(board, mixer, {name: 0.3})
    board.type("Gain of the chosen cell", "12", "pirate")
    heard(board, mixer, {name: 12.0})
    board.section("grid").locator("[data-brush='0']").click()
    board.cell(2, kind).focus()
    board.page.keyboard.press("Space")
    heard(board, mixer, {name: 0.0})
    board.page.keyboard.press("Backspace")
    heard(board, mixer, {})


def test_a_phone_draws_by_finger_and_needs_no_sideways_scrolling(mixer: Mixer, visit: Any) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
    page = visit(mixer.url, **phone)
    board = Board(page)
    for tab in (board.open, board.chat, board.open):
        tab()
        assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")
    drawn = [2.0, 1.6, 1.2, 0.8, 0.4, 0.0]
    start, *way = points(board, board.curve(), drawn)
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", start)
    for point in way:
        touch("touchMove", point)
    touch("touchEnd")
    # The finger's first step says whether it means to scroll: the curve may begin in the second layer.
    wait_until(
        page,
        lambda: abs(mixer.gains()["layers.5.mlp.up_proj"]) < 0.1 and mixer.gains()["layers.1.mlp.up_proj"] > 1.4,
        lambda: f"drew {drawn}, heard {mixer.gains()}",
    )
    brush = board.section("grid").locator("[data-brush='0']")
    # A browser takes the first tap after a quick stroke for the end of a scroll.
    wait_until(page, lambda: brush.tap() or brush.get_attribute("aria-pressed") == "true", "the brush is picked")
    board.cell(0, "up_proj").tap()
    wait_until(page, lambda: mixer.gains()["layers.0.mlp.up_proj"] == 0, lambda: f"painted, heard {mixer.gains()}")
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")
