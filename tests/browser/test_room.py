"""Two replies side by side: the chat's text gives way to the card beside it, and over the end of a narrow chat."""

from __future__ import annotations

import re
from typing import Any

import pytest
from helpers.browser import set_number, wait_until
from helpers.talk import Talk
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def answered(talk: Talk) -> None:
    """Waits until both replies of the turn are complete."""
    expect(talk.card).to_have_attribute("data-turn", re.compile("done"))
    expect(talk.card.locator("#lora-mixer-pick-right")).to_be_enabled()
    expect(talk.page.locator("#chat-send")).to_be_visible()


def boxes(talk: Talk) -> tuple[dict[str, float], dict[str, float]]:
    """The card, and the chat's reply."""
    card, text = talk.card.bounding_box(), talk.page.locator("#chat-last .bot .text").bounding_box()
    assert card is not None and text is not None
    return card, text


def padding(page: Any) -> str:
    return str(page.locator("#chat-log").evaluate("(chat) => chat.style.paddingRight + chat.style.paddingBottom"))


def test_on_a_wide_page_the_reply_ends_before_the_card_begins(talk: Talk) -> None:
    talk.page.set_viewport_size({"width": 1000, "height": 700})
    set_number(talk.page, "chat-max-new-tokens", 200)
    talk.switch()
    talk.say("hi")
    answered(talk)

    def beside() -> bool:
        card, text = boxes(talk)
        return text["x"] + text["width"] <= card["x"]

    wait_until(talk.page, beside, "the text gave way")
    talk.card.locator("#lora-mixer-pick-left").click()
    talk.page.get_by_role("button", name="Put this away").click()
    wait_until(talk.page, lambda: padding(talk.page) == "", "it has its room again")


def test_on_a_narrow_page_the_end_of_the_reply_can_be_read_above_the_card(talk: Talk) -> None:
    talk.page.set_viewport_size({"width": 390, "height": 640})
    set_number(talk.page, "chat-max-new-tokens", 400)
    talk.switch()
    talk.say("hi")
    answered(talk)

    def above() -> bool:
        card, text = boxes(talk)
        return text["y"] + text["height"] <= card["y"]

    # The log keeps its end in view; the page itself may be scrolled, and the card does not go with it.
    for height in (138, 90, 120):
        talk.page.evaluate(f"scrollTo(0, {height})")
        wait_until(talk.page, above, f"the end of the text stands above the card, {height} px down the page")


def test_on_a_narrow_page_a_short_chat_stays_where_it_is(talk: Talk) -> None:
    talk.page.set_viewport_size({"width": 390, "height": 844})
    talk.switch()
    talk.say("hi")
    answered(talk)
    assert padding(talk.page) == ""
    card, text = boxes(talk)
    assert text["y"] + text["height"] <= card["y"]


@pytest.mark.parametrize("size", [{"width": 1000, "height": 700}, {"width": 1300, "height": 800}], ids=str)
def test_the_open_dock_covers_neither_the_words_nor_the_field_in_which_one_types(talk: Talk, size: Any) -> None:
    page = talk.page
    page.set_viewport_size(size)
    set_number(page, "chat-max-new-tokens", 200)
    talk.say("hi")
    expect(page.locator("#chat-send")).to_be_visible()
    dock = page.get_by_role("button", name="LoRA faders", exact=True)
    dock.click()
    panel, text = page.locator(".lora-mixer-dock-panel"), page.locator("#chat-last .bot .text")

    def beside() -> bool:
        over, under = panel.bounding_box(), text.bounding_box()
        return under["x"] + under["width"] <= over["x"]

    wait_until(page, beside, "the text gave way")
    page.locator("#lora-mixer-twice-on").check()
    wait_until(page, lambda: talk.mixer.console.twice.on, "it is switched on")
    where = panel.bounding_box()
    talk.model.brake.hold()
    talk.say("more")
    expect(talk.card).to_be_visible()
    stands = panel.bounding_box()
    talk.model.brake.free()
    answered(talk)
    assert panel.bounding_box() == stands, "the faders stay where they are while both replies grow"
    assert stands["x"] == where["x"]
    send, card = page.locator("#chat-send").bounding_box(), talk.card.bounding_box()
    assert card["y"] + card["height"] <= send["y"] - 4, "the card ends above Send"
    assert panel.bounding_box()["y"] >= 0 and card["y"] >= stands["y"] + stands["height"]
    wait_until(page, lambda: text.bounding_box()["x"] + text.bounding_box()["width"] <= card["x"], "room for the card")
    talk.card.locator("#lora-mixer-pick-left").click()
    page.get_by_role("button", name="Put this away").click()
    dock.click()
    wait_until(page, lambda: padding(page) == "", "it has its room again")


def test_on_a_narrow_page_the_end_of_the_reply_can_be_read_above_the_open_dock(talk: Talk) -> None:
    page = talk.page
    page.set_viewport_size({"width": 390, "height": 844})
    set_number(page, "chat-max-new-tokens", 400)
    talk.say("hi")
    expect(page.locator("#chat-send")).to_be_visible()
    page.get_by_role("button", name="LoRA faders", exact=True).click()
    panel, text = page.locator(".lora-mixer-dock-panel"), page.locator("#chat-last .bot .text")

    def above() -> bool:
        over, under = panel.bounding_box(), text.bounding_box()
        return under["y"] + under["height"] <= over["y"]

    wait_until(page, above, "the end of the text stands above the dock")
    field = page.locator("#chat-input").bounding_box()
    assert panel.bounding_box()["y"] + panel.bounding_box()["height"] <= field["y"]
