"""What to try at the next training, in a browser: the lines, the settings of a trainer, and a copy of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Mixer, standalone
from helpers.planted import planted
from helpers.shelved import adapters_tab, shelf_host
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), planted(3))) as running:
        yield running


def test_a_recipe_is_read_line_by_line_and_copied_by_one_click(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    adapters_tab(page)
    page.locator("#lora-mixer-recipe-go").click()
    lines = page.locator("#lora-mixer-recipe-lines")
    expect(lines).to_contain_text("r = 3")
    expect(lines).to_contain_text("measured here")
    text = page.locator("#lora-mixer-recipe-text")
    assert "LoraConfig(" in text.input_value()
    page.locator("#lora-mixer-recipe-form").select_option("axolotl")
    assert "lora_r: 3" in text.input_value()
    page.locator("#lora-mixer-recipe-copy").click()
    expect(page.locator("#lora-mixer-recipe")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == text.input_value()


def test_a_share_that_is_none_is_refused_beside_its_field(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url)
    adapters_tab(page)
    page.locator("#lora-mixer-recipe-percent").fill("200")
    page.locator("#lora-mixer-recipe-go").click()
    expect(page.locator("#lora-mixer-recipe [role=alert]").first).to_contain_text("up to 100 %")
