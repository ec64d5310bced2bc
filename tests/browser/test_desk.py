"""The desk in a browser: every control, moved as a user moves it, against the scaling of a live model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import tiny
from helpers.browser import Board, Mixer, contrast, host_of, plays, standalone, steady, toast, wait_until
from helpers.six_layers import heard, layer, six_layers
from playwright.sync_api import expect

from lora_mixer.lora_ops import Faders, advise

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=pwned=1>"


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


def every(mixer: Mixer, gain: float, adapter: str = "pirate", part: str = "") -> dict[str, float]:
    """Every target whose name ends so, at `gain`."""
    return {name: gain for name in mixer.gains(adapter) if name.endswith(part)}


# -- faders


def test_the_master_fader_moves_every_target_of_its_adapter_alone(board: Board, mixer: Mixer) -> None:
    board.master().fill("0.5")
    heard(board, mixer, every(mixer, 0.5))
    heard(board, mixer, {}, "poet")
    expect(board.label("Master fader of pirate, number")).to_have_value("0.50")


def test_a_fader_is_dragged_by_mouse_and_a_double_click_puts_it_back(board: Board, mixer: Mixer) -> None:
    box = steady(board.page, board.master())
    middle = box["y"] + box["height"] / 2
    board.page.mouse.move(box["x"] + box["width"] / 2, middle)
    board.page.mouse.down()
    board.page.mouse.move(box["x"] + 2, middle, steps=8)
    heard(board, mixer, every(mixer, 0.0))
    board.page.mouse.up()
    board.master().dblclick()
    heard(board, mixer, {})


def test_a_fader_is_moved_by_keys(board: Board, mixer: Mixer) -> None:
    board.master().focus()
    for key, gain in [("ArrowUp", 1.05), ("PageDown", 0.8), ("Home", 0.0), ("End", 2.0), ("Delete", 1.0)]:
        board.page.keyboard.press(key)
        heard(board, mixer, every(mixer, gain))


def test_any_number_can_be_typed_and_what_is_none_is_put_back(board: Board, mixer: Mixer) -> None:
    number = board.label("Master fader of pirate, number")
    board.type("Master fader of pirate, number", "3,5")
    heard(board, mixer, every(mixer, 3.5))
    board.type("Master fader of pirate, number", "-0.25")
    heard(board, mixer, every(mixer, -0.25))
    board.type("Master fader of pirate, number", "loud")
    alert = board.desk.locator(".is-bad [role=alert]")
    expect(alert).to_contain_text("is not a number")
    expect(number).to_have_value("-0.25")
    heard(board, mixer, every(mixer, -0.25))


def test_a_kind_has_a_fader_mute_and_solo(board: Board, mixer: Mixer) -> None:
    board.label("q_proj fader of pirate").fill("0.25")
    heard(board, mixer, every(mixer, 0.25, part="q_proj"))
    board.label("Mute q_proj of pirate").click()
    heard(board, mixer, every(mixer, 0.0, part="q_proj"))
    expect(board.label("q_proj fader of pirate, number")).to_have_value("0.25")
    board.label("Mute q_proj of pirate").click()
    board.label("Solo v_proj of pirate").click()
    heard(board, mixer, {**every(mixer, 0.0), **every(mixer, 1.0, part="v_proj")})
    board.label("Solo v_proj of pirate").click()
    heard(board, mixer, every(mixer, 0.25, part="q_proj"))


def test_an_adapter_is_muted_soloed_and_switched_off(board: Board, mixer: Mixer) -> None:
    board.label("Mute pirate").click()
    heard(board, mixer, every(mixer, 0.0))
    expect(board.strip().locator(".lora-mixer-why")).to_have_text("muted")
    board.label("Mute pirate").click()
    heard(board, mixer, {})
    board.label("Solo poet").click()
    heard(board, mixer, every(mixer, 0.0))
    heard(board, mixer, {}, "poet")
    expect(board.strip().locator(".lora-mixer-why")).to_have_text("not soloed")
    board.label("Solo poet").click()
    board.master().fill("0.5")
    heard(board, mixer, every(mixer, 0.5))
    switch = board.desk.get_by_role("switch", name="pirate on", exact=True)
    switch.click()
    heard(board, mixer, every(mixer, 0.0))
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    heard(board, mixer, every(mixer, 0.5))


# -- the depth curve


# -- the grid


def test_faders_multiply(board: Board, mixer: Mixer) -> None:
    board.type("Master fader of pirate, number", "2")
    board.type("q_proj fader of pirate, number", "0.5")
    board.section("grid")
    board.cell(1, "q_proj").click()
    board.type("Gain of the chosen cell", "3", "pirate")
    board.curve().focus()
    board.page.keyboard.press("Home")
    board.page.keyboard.press("ArrowRight")
    board.type("Gain of the chosen layer of pirate", "0.1")
    expected = {**every(mixer, 2.0), **layer(mixer, 1, 0.2), **every(mixer, 1.0, part="q_proj")}
    heard(board, mixer, {**expected, "layers.1.self_attn.q_proj": 0.3})
    expect(board.cell(1, "q_proj")).to_have_attribute("aria-label", "layer 1, q_proj: 0.30")


# -- reset, bypass, range


def test_reset_puts_back_the_loaded_scaling_itself(mixer: Mixer, visit: Any) -> None:
    loaded = tiny.scalings(mixer.model)
    board = Board(visit(mixer.url)).open()
    board.master().fill("0.5")
    board.master("poet").fill("1.5")
    board.label("Mute poet").click()
    heard(board, mixer, every(mixer, 0.0, "poet"), "poet")
    board.strip().locator("[data-do=reset]").click()
    heard(board, mixer, {})
    heard(board, mixer, every(mixer, 0.0, "poet"), "poet")
    board.press("reset-all")
    heard(board, mixer, {}, "poet")
    assert tiny.same_objects(tiny.scalings(mixer.model), loaded)
    board.press("undo")
    heard(board, mixer, every(mixer, 0.0, "poet"), "poet")


def test_bypass_is_held_or_kept_to_hear_the_base(board: Board, mixer: Mixer) -> None:
    board.master().fill("0.5")
    heard(board, mixer, every(mixer, 0.5))
    bypass = board.desk.locator("[data-do=bypass]")
    bypass.hover()
    board.page.mouse.down()
    heard(board, mixer, every(mixer, 0.0))
    heard(board, mixer, every(mixer, 0.0, "poet"), "poet")
    expect(bypass).to_have_attribute("aria-pressed", "true")
    board.page.mouse.up()
    heard(board, mixer, every(mixer, 0.5))
    heard(board, mixer, {}, "poet")
    board.press("keep-bypass")
    heard(board, mixer, every(mixer, 0.0))
    expect(board.strip().locator(".lora-mixer-why")).to_have_text("bypassed")
    board.press("keep-bypass")
    heard(board, mixer, every(mixer, 0.5))
    bypass.focus()
    board.page.keyboard.down("Space")
    heard(board, mixer, every(mixer, 0.0))
    board.page.keyboard.up("Space")
    heard(board, mixer, every(mixer, 0.5))


def test_the_range_of_the_faders_is_a_setting(board: Board, mixer: Mixer) -> None:
    board.type("Highest value of the faders", "4")
    expect(board.master()).to_have_attribute("max", "4")
    board.type("Lowest value of the faders", "-1")
    expect(board.master()).to_have_attribute("min", "-1")
    wait_until(board.page, lambda: mixer.console.fader_range == (-1.0, 4.0), "the range came to Python")
    board.master().fill("3.5")
    heard(board, mixer, every(mixer, 3.5))
    board.type("Highest value of the faders", "0.5")
    expect(board.desk.locator(".is-bad [role=alert]")).to_contain_text("Faders must reach up to 1")
    expect(board.master()).to_have_attribute("max", "4")


# -- how many components are heard


def test_a_rank_and_a_share_of_energy_are_obeyed_and_put_back(board: Board, mixer: Mixer) -> None:
    rank, energy = (board.strip("pirate").locator(f"[data-rank={what}]") for what in ("components", "energy"))
    expect(rank.locator("option")).to_have_text(["all 4", "3", "2", "1"])
    rank.select_option("2")
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(rank=2), "two components are heard")
    energy.select_option(label="90 % of the energy")
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(rank=2, energy=0.9), "and 90 %")
    rank.select_option(label="all 4")
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(energy=0.9), "the rank is whole")
    board.strip("pirate").locator("[data-do=reset]").click()
    wait_until(board.page, lambda: mixer.desk.mix["pirate"] == Faders(), "all is as loaded")
    expect(energy).to_have_value("")


# -- what the desk tells


def test_each_adapter_tells_what_is_known_of_it(board: Board, mixer: Mixer) -> None:
    assert board.fact("method").text_content() == "LoRA"
    assert board.fact("method", "poet").text_content() == "LoRA, rank-stabilised"
    assert [board.fact(name).text_content() for name in ("rank", "alpha", "scaling")] == ["4", "8", "2"]
    assert [board.fact(name, "poet").text_content() for name in ("rank", "alpha", "scaling")] == ["2", "4", "2.828"]
    pirate = mixer.desk.adapters["pirate"]
    assert board.fact("parameters").get_attribute("title").startswith(f"{pirate.parameters} parameters")
    expect(board.fact("alpha-now")).to_have_text("8")
    for adapter in mixer.desk.adapters.values():
        assert board.strip(adapter.name).locator(".lora-mixer-advice").text_content() == advise(adapter)
    board.master().fill("0.5")
    expect(board.fact("alpha-now")).to_have_text("4")
    board.label("q_proj fader of pirate").fill("0")
    expect(board.fact("alpha-now")).to_have_text("0 – 4")


def test_what_cannot_be_scaled_is_listed_with_the_reason(visit: Any) -> None:
    model = tiny.pirate(modules_to_save=["lm_head"])
    with standalone(host_of(model, tiny.tokenizer())) as mixer:
        board = Board(visit(mixer.url)).open()
        fixed = board.section("fixed").locator("li")
        expect(fixed).to_have_count(1)
        expect(fixed).to_contain_text("lm_head")
        expect(fixed).to_contain_text("modules_to_save")


def test_names_stay_text(visit: Any) -> None:
    model = tiny.add(tiny.llama(), tiny.lora(), HOSTILE)
    with standalone(host_of(model, tiny.tokenizer())) as mixer:
        page = visit(mixer.url)
        board = Board(page).open()
        expect(board.desk.locator("h3")).to_have_text(HOSTILE)
        board.master(HOSTILE).fill("0.5")
        wait_until(page, lambda: set(mixer.gains(HOSTILE).values()) == {0.5}, "the fader of a strange name moves")
        page.locator("#lora-mixer-keep-A").click()
        wait_until(page, lambda: plays(page, "A") == f"Kept: {HOSTILE} ×0.5", "A is kept")
        board.chat()
        page.get_by_role("button", name="LoRA faders").click()
        expect(page.locator(".lora-mixer-dock .lora-mixer-name")).to_have_text(HOSTILE)
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("typeof pwned") == "undefined"


# -- pages that come and go


def test_a_reloaded_page_shows_the_faders_where_they_stand(board: Board, mixer: Mixer) -> None:
    board.master().fill("0.5")
    board.label("Mute poet").click()
    board.section("grid").locator("[data-brush='1.5']").click()
    board.cell(2, "up_proj").click()
    expected = {**every(mixer, 0.5), "layers.2.mlp.up_proj": 0.75}
    heard(board, mixer, expected)
    heard(board, mixer, every(mixer, 0.0, "poet"), "poet")
    board.page.reload()
    board.open()
    expect(board.master()).to_have_value("0.5")
    expect(board.label("Mute poet")).to_have_attribute("aria-pressed", "true")
    board.section("grid")
    expect(board.cell(2, "up_proj")).to_have_attribute("aria-label", "layer 2, up_proj: 0.75")
    heard(board, mixer, expected)


def test_another_page_sees_what_is_moved(board: Board, mixer: Mixer, visit: Any) -> None:
    other = Board(visit(mixer.url)).open()
    board.master().fill("0.25")
    expect(other.master()).to_have_value("0.25")
    other.label("Mute pirate").click()
    expect(board.label("Mute pirate")).to_have_attribute("aria-pressed", "true")
    heard(board, mixer, every(mixer, 0.0))


def test_a_move_that_is_refused_is_told_and_taken_back(board: Board, mixer: Mixer) -> None:
    board.type("q_proj fader of pirate, number", "1e30")
    wait_until(board.page, lambda: mixer.gains()["layers.0.self_attn.q_proj"] == 1e30, "the first huge gain")
    board.type("Master fader of pirate, number", "1e30")  # their product is no finite number
    expect(toast(board.page)).to_contain_text("That move was not taken")
    expect(board.label("Master fader of pirate, number")).to_have_value("1.00")
    heard(board, mixer, every(mixer, 1e30, part="q_proj"))


# -- without a model, without an adapter


def test_the_desk_appears_when_a_model_and_its_adapter_do(visit: Any) -> None:
    bare, ready = (host_of(model, tiny.tokenizer()) for model in (tiny.llama(), tiny.pirate()))
    host = host_of(None, None)
    with standalone(host) as mixer:
        board = Board(visit(mixer.url)).open()
        trouble = board.desk.locator(".lora-mixer-trouble")
        expect(trouble).to_contain_text("The model is being loaded")
        host.use(bare._loaded)
        expect(trouble).to_contain_text("No adapter is loaded")
        expect(trouble).to_contain_text("--lora DIR")
        expect(board.page.locator("#lora-mixer-start")).to_be_disabled()
        expect(board.page.locator("#lora-mixer-why-not")).to_contain_text("No adapter is loaded")
        host.use(ready._loaded)
        expect(board.master()).to_be_visible()
        expect(trouble).to_be_hidden()
        expect(board.page.locator("#lora-mixer-start")).to_be_enabled()
        board.master().fill("0.5")
        heard(board, mixer, every(mixer, 0.5))


# -- how it looks


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_desk_is_readable(board: Board, theme: str) -> None:
    page = board.page
    if theme == "dark":
        page.locator("#page-theme").click()
        expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    board.section("grid")
    board.curve()
    readable = {
        name: contrast(page, board.strip().locator(selector).first)
        for name, selector in {
            "name": "h3", "advice": ".lora-mixer-advice", "fact": "[data-fact=alpha-now]", "label": "dt",
            "kind": ".lora-mixer-fader-name", "number": ".lora-mixer-number-input", "hint": ".lora-mixer-hint",
            "row": ".lora-mixer-grid-kind", "mute": "[data-do=mute]", "reset": "[data-do=reset]",
        }.items()
    }  # fmt: skip
    assert min(readable.values()) >= 4.5, readable
