"""What rank an adapter needed, in a browser: the line, the curve that is a fader, heat map and cell; and a resize."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, standalone, steady, wait_until
from helpers.shelved import adapters_tab, mix_tab, shelf_host
from helpers.tiny import pirate
from playwright.sync_api import expect

from lora_mixer.lora_ops import Faders, spectrum

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


def test_what_is_told_is_what_the_singular_values_say(board: Board, mixer: Mixer) -> None:
    found = spectrum(mixer.desk)
    line = board.strip().locator("[data-part=spectrum]")
    expect(line).to_have_text(f"T{found.told('pirate')[1:]}.")
    grid = board.section("grid")
    grid.locator("[data-heat=needed]").click()
    grid.locator("[data-share='0.8']").click()
    expect(line).to_have_text(f"T{found.told('pirate', 0.8)[1:]}.")
    for name, count in found.needed("pirate", 0.8).items():
        layer, kind = re.findall(r"layers\.(\d+)\..*\.(\w+)$", name)[0]
        expect(board.cell(int(layer), kind)).to_have_attribute("title", re.compile(f"needs {count} of 4 components"))
    board.cell(1, "up_proj").click()
    one = next(one for one in found.adapters["pirate"] if one.target.name == "model.layers.1.mlp.up_proj")
    told = grid.locator("[data-part=cell-spectrum]")
    expect(told).to_contain_text(
        f"{one.needed(0.8)} of 4 components hold 80 % · effective rank {one.effective_rank:.1f}"
    )
    expect(told.locator("span.is-heard")).to_have_count(4)


def test_the_curve_is_a_fader_for_the_rank(board: Board, mixer: Mixer) -> None:
    section = board.section("spectrum")
    curve, now = section.locator("[data-part=energy-curve]"), section.locator("[data-part=heard-now]")
    expect(now).to_have_text("Heard now: all of it.")
    box = steady(board.page, curve)
    share = spectrum(mixer.desk).curve("pirate")[2]
    board.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(section.locator("[data-part=energy-at]")).to_contain_text(f"Rank 2: {100 * share:.1f} % of what it adds")
    board.page.mouse.down()
    board.page.mouse.up()
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(rank=2), "two components are heard")
    expect(now).to_contain_text(f"{100 * share:.1f} % of what it adds, in 2 components a target.")
    expect(board.strip().locator("[data-rank=components]")).to_have_value("2")
    curve.press("ArrowLeft")
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(rank=1), "one is heard")
    board.press("reset")
    expect(now).to_have_text("Heard now: all of it.")
    board.press("undo")
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(rank=1), "one is heard again")
    board.master().fill("0")
    expect(now).to_have_text("Silent now: drawn as loaded.")


def test_a_smaller_adapter_is_told_before_it_is_written_and_after(mixer: Mixer, visit: Any) -> None:
    mixer.afresh()
    page = visit(mixer.url)
    shelf = adapters_tab(page)
    page.locator("#lora-mixer-bake-keep").select_option("rank")
    page.locator("#lora-mixer-bake-name").fill("small")
    page.locator("#lora-mixer-bake-go").click()
    alert = page.locator("#lora-mixer-bake [role=alert]")
    expect(alert.filter(has_text="Say how many components")).to_be_visible()
    page.locator("#lora-mixer-bake-part").fill("9")
    expect(alert.filter(has_text="There is no rank 9 to keep")).to_be_visible()
    page.locator("#lora-mixer-bake-keep").select_option("energy")
    page.locator("#lora-mixer-bake-part").fill("80")
    plan, result = page.locator("#lora-mixer-bake-plan"), page.locator("#lora-mixer-bake-result")
    expect(plan).to_contain_text("instead of")
    left_out = re.findall(r"left out is ([\d.]+) of", plan.inner_text())[0]
    page.locator("#lora-mixer-bake-go").click()
    expect(result).to_contain_text("small is in")
    expect(result).to_contain_text(f"Left out is {float(left_out):.3g} of the Frobenius norm")
    expect(result).to_contain_text("The desk had the same components heard")
    expect(shelf.locator("[data-entry=small]")).to_be_visible()
