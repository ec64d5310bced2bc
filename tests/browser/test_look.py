"""How the page looks in both themes of both hosts: what is to be pressed first is seen and can be read."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("a_door_of_its_own")]

#: The tab and what opens it there, for every button that is to be pressed first.
FIRST = {
    "#lora-mixer-start": ("Mix", ""),
    "#lora-mixer-fill": ("Mix", "text=Fill from a sweep"),
    "[data-do=save-profile]": ("Mix", "#lora-mixer-profile-save"),
    "[data-do=estimate]": ("Mix", "[data-heat=silenced]"),
    "#lora-mixer-votes-begin": ("Votes", ""),
    "#lora-mixer-bake-go": ("Adapters", ""),
}


def put_on(page: Any, theme: str) -> None:
    page.evaluate(f"document.body.classList.toggle('dark', {'true' if theme == 'dark' else 'false'})")
    page.wait_for_timeout(400)  # colours may fade over


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_to_be_pressed_first_stands_out_and_can_be_read(inside: Any, theme: str) -> None:
    put_on(inside, theme)
    tabs = inside.locator("#lora-mixer-tabs")
    seen = {}
    for button, (tab, opens) in FIRST.items():
        tabs.get_by_role("tab", name=tab, exact=True).click()
        first = inside.locator(button).first
        first.wait_for(state="attached")
        if opens and not first.is_visible():
            inside.locator(opens).first.click()
        expect(first).to_be_visible()
        expect(first).to_be_enabled()
        inside.mouse.move(0, 0)
        first.evaluate(_FADED_OVER)
        seen[button] = first.evaluate(_STANDS_OUT)
    bad = {name: found for name, found in seen.items() if found["text"] < 4.5 or found["edge"] < 3}
    assert not bad, f"of {len(seen)}: {bad}"


def test_no_host_draws_lines_into_our_tables_or_sets_the_size_of_our_letters(inside: Any) -> None:
    inside.locator("#lora-mixer-tabs").get_by_role("tab", name="Votes", exact=True).click()
    inside.locator("#lora-mixer-votes-begin").wait_for()
    lines = inside.evaluate(_TABLE)
    assert lines["cells"] > 10 and lines["sides"] == 0, lines
    inside.locator("#lora-mixer-tabs").get_by_role("tab", name="Mix", exact=True).click()
    sizes = {
        "#lora-mixer-start": "15px",
        "#lora-mixer-add": "13px",
        "[data-do=up]": "14px",
        ".lora-mixer-latch": "12.5px",
    }
    for button, letters in sizes.items():
        expect(inside.locator(button).first).to_have_css("font-size", letters)


#: Colours fade over, and a fade that is overtaken by another ends in a refusal.
_FADED_OVER = """async (button) => {
  for (let fades = button.getAnimations(); fades.length; fades = button.getAnimations())
    await Promise.allSettled(fades.map((one) => one.finished));
}"""

#: After WCAG 2: the text against the button, and its face or its edge against what is around it.
_STANDS_OUT = """(button) => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const over = (css, below) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of [below, css]) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgb(${r}, ${g}, ${b})`;
  };
  const light = (css) => css.match(/\\d+/g).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
    return Math.round((a + 0.05) / (b + 0.05) * 100) / 100;
  };
  const behind = [];
  for (let at = button.parentElement; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
  const around = behind.reduce((below, css) => over(css, below), "rgb(255, 255, 255)");
  const style = getComputedStyle(button);
  const face = over(style.backgroundColor, around);
  const edge = style.borderTopWidth === "0px" ? face : over(style.borderTopColor, around);
  const text = contrast(over(style.color, face), face);
  return { text, edge: Math.max(contrast(face, around), contrast(edge, around)) };
}"""

_TABLE = """() => {
  const standing = loraMixer.standing(() => {});
  document.querySelector("#lora-mixer-votes-page").append(standing.node);
  const row = { group: 1, wins: 1, losses: 1, ties: 0, bad: 0, mix: {}, strength: 0,
    share: 0.5, low: 0.1, high: 0.9, sure: "" };
  standing.update({ line: "", note: "", votes: 2, pairs: [],
    rows: [1, 2, 3].map((place) => ({ ...row, place, label: `mix ${place}` })) });
  const cells = [...standing.node.querySelectorAll("td, th")];
  const sides = cells.filter((cell) => {
    const style = getComputedStyle(cell);
    return style.borderLeftWidth !== "0px" || style.borderTopWidth !== "0px";
  });
  return { cells: cells.length, sides: sides.length };
}"""
