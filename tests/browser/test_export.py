"""The exported page in a browser, from a file: it shows itself, fetches nothing, and runs no script but the charts'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.evil import EVIL, evil

from lora_mixer.lora_ops import to_html

pytestmark = pytest.mark.browser


def opened(browser: Any, folder: Path, html: str, **options: Any) -> tuple[Any, list[str]]:
    """The page, and what it asked for or complained about."""
    path = folder / "a comparison.html"
    path.write_text(html, encoding="utf-8")
    page = browser.new_page(**options)
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))

    def dismiss(dialog: Any) -> None:
        noise.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("request", lambda request: noise.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(path.as_uri())
    return page, noise


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_opens_from_a_file_without_a_network(chromium_browser, tmp_path, scheme, width):
    page, noise = opened(
        chromium_browser, tmp_path, to_html(evil()), color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    assert page.locator(".reply").count() == 4
    assert EVIL in page.locator(".reply .in-words").first.inner_text()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "nothing sticks out at the side"
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part > 127)")
    assert light == (scheme == "light")
    assert noise == []
    page.close()


def test_its_switches_work_without_a_script(chromium_browser, tmp_path):
    page, noise = opened(chromium_browser, tmp_path, to_html(evil()))
    words, tokens = page.locator(".in-words"), page.locator(".in-tokens")
    assert words.first.is_visible() and not tokens.first.is_visible()
    page.click("label[for=view-tokens]")
    assert tokens.first.is_visible() and not words.first.is_visible()
    page.click("label[for=view-plain]")
    shadow = "mark => getComputedStyle(mark).boxShadow"
    assert words.first.is_visible() and page.locator(".in-words mark").first.evaluate(shadow) == "none"
    page.keyboard.press("ArrowLeft")  # the switches are one group of the keyboard's
    assert tokens.first.is_visible()
    page.click("label[for=c1]")
    assert [page.locator(f".reply.c{at}").first.is_visible() for at in (0, 1)] == [True, False]
    page.click("label[for=c1]")
    assert page.locator(".reply.c1").first.is_visible()
    page.set_viewport_size({"width": 600, "height": 300})
    page.evaluate("scrollTo(0, 400)")
    place = page.locator("label[for=view-plain]").bounding_box()
    page.mouse.click(place["x"] + 5, place["y"] + 5)  # Playwright's own click scrolls by itself
    assert page.locator("#view-plain").is_checked()
    assert page.evaluate("scrollY") == 400, "the page stays where it was scrolled to"
    assert noise == []
    page.close()


def test_charts_run_and_nothing_else_does(chromium_browser, tmp_path):
    charts = '<div id="chart"></div><script>document.getElementById("chart").textContent = "drawn"</script>'
    html = to_html(evil(), charts)
    smuggled = html.replace("<footer>", f"{EVIL}<img src='https://example.org/x.png'><footer>")
    page, noise = opened(chromium_browser, tmp_path, smuggled)
    assert page.locator("#chart").inner_text() == "drawn"
    assert not [line for line in noise if line.startswith("dialog")], (
        "the page's policy stops what the escaping would not"
    )
    assert [line for line in noise if "Content Security Policy" in line]
    page.close()
