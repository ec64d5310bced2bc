"""Baking in a browser: a mix becomes an adapter that lies on the shelf, and says what the desk said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers.browser import Board, Mixer, standalone, wait_until
from helpers.shelved import adapters_tab, mix_tab, shelf_host
from helpers.tiny import logits, two
from playwright.sync_api import expect

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.ui.page.panel import Panel

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), two())) as running:
        yield running


def bake(page: Any, name: str, **chosen: str) -> None:
    """Fills the form, and presses the button."""
    for field, value in chosen.items():
        page.locator(f"#lora-mixer-bake-{field}").select_option(value)
    page.locator("#lora-mixer-bake-name").fill(name)
    expect(page.locator("#lora-mixer-bake-plan")).to_contain_text(name)
    page.locator("#lora-mixer-bake-go").click()


def test_an_absurd_rank_is_refused_by_the_plan_beside_its_field(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    adapters_tab(page)
    page.locator("#lora-mixer-bake-way").select_option("svd")
    page.locator("#lora-mixer-bake-rank").fill("99999")
    page.locator("#lora-mixer-bake-name").fill("huge")
    told = page.locator("#lora-mixer-bake [role=alert]", has_text="The rank must be from 1 to 4096")
    expect(told).to_be_visible()
    page.locator("#lora-mixer-bake-rank").fill("4000")
    expect(page.locator("#lora-mixer-bake-plan")).to_contain_text("of rank 6")
    expect(told).to_be_hidden()


def test_a_fade_is_baked_as_it_stands_at_a_token_that_is_chosen(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    mixer.console.move(Panel(Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 40")})})))
    adapters_tab(page)
    page.locator("#lora-mixer-bake-name").fill("faded")
    token, plan = page.locator("#lora-mixer-bake-token"), page.locator("#lora-mixer-bake-plan")
    expect(plan).to_contain_text("choose the token whose gains it keeps. From token 40 on they stand still.")
    page.locator("#lora-mixer-bake-go").click()
    expect(page.locator("#lora-mixer-bake [role=alert]", has_text="Choose a token")).to_be_visible()
    token.fill("20")
    expect(plan).to_contain_text("of rank")
    page.locator("#lora-mixer-bake-go").click()
    expect(page.locator("#lora-mixer-bake-result")).to_contain_text("faded is in")
    mixer.console.move(Panel())
    page.reload()
    adapters_tab(page)
    page.locator("#lora-mixer-bake-name").fill("again")
    expect(plan).to_contain_text("of rank")
    expect(token).to_be_hidden()


def test_mixes_become_adapters_on_the_shelf(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    mix_tab(page)
    Board(page).master().fill("0.5")
    wait_until(page, lambda: mixer.console.panel.mix["pirate"].master == 0.5, "the fader")
    played = logits(mixer.model)
    shelf = adapters_tab(page)
    plan, result = page.locator("#lora-mixer-bake-plan"), page.locator("#lora-mixer-bake-result")

    # Two play: they are concatenated, and the rank is told beforehand.
    bake(page, "both", way="concatenated")
    expect(plan).to_contain_text("rank 6")
    expect(result).to_be_visible()
    expect(result).to_contain_text("says what the desk says")
    expect(result).to_contain_text("vLLM")
    expect(shelf.locator("[data-entry=both]")).to_be_visible()

    # One alone is folded. What exists is only replaced when it is asked for twice.
    page.locator("#lora-mixer-bake-adapters").get_by_label("poet").uncheck()
    bake(page, "softer", way="folded")
    expect(result).to_contain_text("softer is in")
    overwrite = page.locator("#lora-mixer-bake [data-do=overwrite]")
    expect(overwrite).to_be_visible()
    overwrite.click()
    first = mixer.console.works.job
    page.locator("#lora-mixer-bake [data-do=overwrite-yes]").click()
    # What was said of the first one is hidden with the click, and stands there again when the second is told.
    wait_until(page, lambda: (job := mixer.console.works.job) is not first and not job.running, "it is baked again")
    expect(result).to_be_visible()
    expect(result).to_contain_text("softer is in")
    assert not mixer.console.works.job.error

    # Loaded alone, the first of them says what the desk said.
    shelf.locator("[data-entry=both] [data-do=load]").click()
    expect(shelf.locator("[data-entry=both] .lora-mixer-badge.is-loaded")).to_be_visible()
    assert torch.allclose(logits(mixer.model), played, atol=1e-4)


def test_a_bad_name_is_refused_beside_its_field(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    adapters_tab(page)
    page.locator("#lora-mixer-bake-name").fill("../out")
    expect(page.locator("#lora-mixer-bake [role=alert]").last).to_contain_text("cannot be a name")


def test_a_name_that_is_typed_again_is_planned_again(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    adapters_tab(page)
    plan, name = page.locator("#lora-mixer-bake-plan"), page.locator("#lora-mixer-bake-name")
    name.fill("again")
    expect(plan).to_contain_text("of rank")
    page.evaluate("""() => {
        document.getElementById("lora-mixer-bake-plan").textContent = "";
        document.getElementById("lora-mixer-bake-name").dispatchEvent(new Event("input", { bubbles: true }));
    }""")  # the same wish once more
    expect(plan).to_contain_text("of rank")
