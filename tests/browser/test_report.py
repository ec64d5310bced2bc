"""“Copy report” in a browser: on the clipboard, or, where a browser lets no page copy, in a field to copy it from."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.browser import Board
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"


def foot(page: Any) -> Any:
    return page.locator("#lora-mixer-report")


def test_the_report_is_copied(served, visit, chromium_browser):
    mixer, _ = served
    context = chromium_browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = visit(mixer.url, context)
    Board(page).open()
    expect(foot(page)).to_contain_text("LoRA Mixer 0.")
    foot(page).locator("[data-do=copy-report]").click()
    expect(foot(page)).to_contain_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "LoRA Mixer 0." in copied and "Adapter: pirate" in copied
    expect(foot(page).locator("textarea")).to_be_hidden()
    context.close()


def test_where_a_page_may_not_copy_the_report_stands_in_a_field_and_is_chosen(served, visit, chromium_browser):
    mixer, _ = served
    context = chromium_browser.new_context(viewport={"width": 380, "height": 800})
    context.add_init_script(NO_CLIPBOARD)
    page = visit(mixer.url, context)
    Board(page).open()
    foot(page).locator("[data-do=copy-report]").click()
    field = foot(page).locator("textarea")
    expect(field).to_be_visible()
    text = field.input_value()
    assert "Adapter: pirate" in text
    chosen = "(it) => [document.activeElement === it, it.value.slice(it.selectionStart, it.selectionEnd)]"
    assert field.evaluate(chosen) == [True, text]
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "nothing sticks out at the side"
    context.close()


def test_where_there_is_nothing_to_mix_the_report_is_beside_what_is_said_of_it(visit):
    from helpers import tiny
    from helpers.browser import host_of, standalone

    with standalone(host_of(tiny.llama(), tiny.tokenizer())) as mixer:
        page = visit(mixer.url)
        board = Board(page).open()
        said = board.desk.locator(".lora-mixer-trouble")
        expect(said).to_contain_text("No adapter is loaded")
        expect(said.locator("[data-do=copy-report]")).to_be_visible()
