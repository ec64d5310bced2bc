"""The desk and the comparison, side by side on a wide page and one at a time on a narrow one; in both hosts."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.browser import Board, steady, wait_until
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("a_door_of_its_own")]

WIDE, NARROW, PHONE = {"width": 1600, "height": 700}, {"width": 900, "height": 700}, {"width": 390, "height": 700}
DESK, LAB = "#lora-mixer-desk .lora-mixer-strip", "#lora-mixer-start"


def size(page: Any, viewport: dict[str, int]) -> None:
    page.set_viewport_size(viewport)
    page.wait_for_timeout(150)


def switch(page: Any, side: str) -> Any:
    return page.get_by_role("group", name="What is shown").locator(f"[data-side={side}]")


def scrolled(page: Any) -> list[float]:
    """How far the page, the desk and the comparison are scrolled."""
    return list(
        page.evaluate(
            """() => [document.scrollingElement, ...["desk", "lab"].map((side) =>
            document.getElementById(`lora-mixer-${side}-side`))].map((one) => one.scrollTop)"""
        )
    )


def filled(page: Any) -> None:
    """Waits for what comes late, such as the spectra: a browser scrolls on when something grows above what is seen."""
    expect(page.locator(f"{DESK} [data-part=energy-curve]").first).to_be_visible()
    steady(page, page.locator("#lora-mixer-desk"))


def test_on_a_wide_page_both_stand_side_by_side_and_each_scrolls_for_itself(inside: Any) -> None:
    size(inside, WIDE)
    inside.locator("[data-section=grid] summary").first.click()
    filled(inside)
    expect(inside.locator("#lora-mixer-results .lora-mixer-reply").first).to_be_visible()
    desk, lab = inside.locator("#lora-mixer-desk").bounding_box(), inside.locator(LAB).bounding_box()
    assert desk["x"] + desk["width"] <= lab["x"], "they stand beside each other"
    assert inside.evaluate("document.scrollingElement.scrollHeight <= innerHeight"), "the page itself does not scroll"
    before = scrolled(inside)
    side = inside.locator("#lora-mixer-lab-side").bounding_box()
    inside.mouse.move(side["x"] + side["width"] / 2, side["y"] + side["height"] / 2)
    inside.mouse.wheel(0, 300)
    wait_until(inside, lambda: scrolled(inside)[2] > 0, "the comparison scrolls")
    assert scrolled(inside)[:2] == before[:2]
    inside.evaluate("document.querySelector('#lora-mixer-desk-side').scrollTop = 0")
    before = scrolled(inside)
    inside.mouse.move(desk["x"] + 40, 500)
    inside.mouse.wheel(0, 200)
    wait_until(inside, lambda: scrolled(inside)[1] > 0, "the desk scrolls")
    assert [scrolled(inside)[0], scrolled(inside)[2]] == [before[0], before[2]]


@pytest.mark.parametrize("viewport", [NARROW, PHONE], ids=["narrow", "phone"])
def test_on_a_narrow_page_the_way_to_the_other_side_is_always_in_reach(inside: Any, viewport: dict[str, int]) -> None:
    size(inside, viewport)
    expect(inside.locator(DESK)).to_be_visible()
    expect(inside.locator(LAB)).to_be_hidden()
    expect(switch(inside, "both")).to_be_hidden()
    for name in ("depth", "grid"):
        section = inside.locator(f"[data-section={name}]").first
        if section.get_attribute("open") is None:
            section.locator("summary").click()
    filled(inside)
    inside.evaluate("scrollTo(0, 400)")
    wait_until(inside, lambda: scrolled(inside)[0] > 100, "the page is scrolled down")
    down = scrolled(inside)[0]
    expect(switch(inside, "lab")).to_be_in_viewport()
    assert switch(inside, "lab").evaluate(_ON_TOP), "nothing covers it"

    # By keyboard as well; and whoever comes back is where they were.
    switch(inside, "lab").focus()
    inside.keyboard.press("Enter")
    expect(inside.locator(LAB)).to_be_visible()
    expect(inside.locator(DESK)).to_be_hidden()
    expect(switch(inside, "lab")).to_have_attribute("aria-pressed", "true")
    switch(inside, "desk").click()
    expect(inside.locator(DESK)).to_be_visible()
    wait_until(inside, lambda: abs(scrolled(inside)[0] - down) < 2, "the desk stands as it was left")
    assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs over the edge"


def test_the_side_that_was_chosen_is_shown_again(inside: Any) -> None:
    size(inside, NARROW)
    switch(inside, "lab").click()
    size(inside, WIDE)
    expect(inside.locator(DESK)).to_be_visible()  # a wide page has a choice of its own
    expect(inside.locator(LAB)).to_be_visible()
    switch(inside, "desk").click()
    expect(inside.locator(LAB)).to_be_hidden()
    inside.reload()
    Board(inside).open()
    expect(switch(inside, "desk")).to_have_attribute("aria-pressed", "true")
    expect(inside.locator(LAB)).to_be_hidden()
    size(inside, NARROW)
    expect(inside.locator(LAB)).to_be_visible()


def test_what_leads_to_the_comparison_shows_it_on_a_narrow_page_too(inside: Any) -> None:
    size(inside, NARROW)
    inside.locator("#lora-mixer-tabs").get_by_role("tab", name="Votes", exact=True).click()
    inside.get_by_role("button", name="Change them on the Mix tab").click()
    expect(inside.locator("#lora-mixer-compare")).to_be_in_viewport()
    expect(switch(inside, "lab")).to_have_attribute("aria-pressed", "true")


_ON_TOP = """(button) => {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
}"""
