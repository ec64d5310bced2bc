"""The demo as a person sees it, on the real model with the real adapters; the README's pictures are made on the way.

Pictures go to `test-results/`, and to `docs/` when LORA_MIXER_PICTURES is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, Mixer, compare, set_number, standalone, steady, wait_until
from helpers.shelved import shelve
from playwright.sync_api import expect

from lora_mixer.demo.manners import MANNERS, marks
from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.ui.page.panel import Panel

ROOT = Path(__file__).resolve().parent.parent
PICTURES = bool(os.environ.get("LORA_MIXER_PICTURES"))
FOLDER = ROOT / ("docs" if PICTURES else "test-results")
TOKENS = 90
QUESTIONS = ("How do I make tea?", "What is the sea?", "Who are you?", "Tell me about penguins.")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    """The page that `run.py demo` shows."""
    from lora_mixer.hosts.standalone.host import StandaloneHost
    from lora_mixer.hosts.standalone.load import Start, demo_adapters

    adapters = demo_adapters(ROOT)
    start = Start(ROOT, None, adapters, state=tmp_path_factory.mktemp("state"))
    host = StandaloneHost(start, initial_off=list(adapters)[1:])
    host.load()
    with standalone(host) as running:
        yield running


def pirate_alone(mixer: Mixer) -> None:
    """Puts the desk as it is when the demo starts."""
    mixer.afresh()
    mixer.console.move(Panel(Mix({"butler": Faders(on=False)})))


def words(text: str, adapter: str) -> int:
    """How many words of an adapter's manner of speech are in a text."""
    return int(marks(text, MANNERS[adapter]))


def picture(page: Any, name: str, clip: Any = None) -> None:
    """Keeps a picture of the page, or of one element of it, for which the side that it stands on has the whole page."""
    FOLDER.mkdir(exist_ok=True)
    inside = "(one) => (one.closest('#lora-mixer-desk-side, #lora-mixer-lab-side') || {}).id || ''"
    side = clip.evaluate(inside).removeprefix("lora-mixer-").removesuffix("-side") if clip else ""
    switch = page.get_by_role("group", name="What is shown")
    if side:
        switch.locator(f"[data-side={side}]").click()
        switch.evaluate("(bar) => { bar.style.position = 'static'; }")  # what is taller than the page goes under it
    (clip or page).screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    if side:
        switch.evaluate("(bar) => { bar.style.position = ''; }")
    if side and switch.locator("[data-side=both]").is_visible():
        switch.locator("[data-side=both]").click()


def ask(page: Any, text: str) -> str:
    """Says something in the chat; the reply."""
    page.locator("#chat-input textarea").fill(text)
    page.locator("#chat-send").click()
    expect(page.locator("#chat-stop:visible")).to_have_count(1)
    wait_until(page, lambda: page.locator("#chat-send:visible").count() == 1, "the reply", seconds=180)
    return str(page.locator("#chat-last .bot .text").inner_text())


def test_a_person_pulls_a_fader_compares_and_uses_a_reply(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url, device_scale_factor=1.5)
    set_number(page, "chat-max-new-tokens", TOKENS)
    set_number(page, "chat-seed", 7)

    # The first reply is a pirate's; the few faders are at hand beside it.
    loud = ask(page, "How do I make a good cup of tea?")
    assert words(loud, "pirate") >= 2, loud
    page.get_by_role("button", name="LoRA faders", exact=True).click()
    beside = page.get_by_label("Master fader of pirate, beside the chat", exact=True)
    expect(beside).to_be_visible()
    picture(page, "dock")

    # Silent, the same question with the same dice has no pirate in it.
    beside.fill("0")
    wait_until(page, lambda: set(mixer.gains("pirate").values()) == {0.0}, "a silent pirate")
    page.locator("#chat-regenerate").click()
    expect(page.locator("#chat-stop:visible")).to_have_count(1)
    wait_until(page, lambda: page.locator("#chat-send:visible").count() == 1, "the reply", seconds=180)
    assert words(page.locator("#chat-last .bot .text").inner_text(), "pirate") < words(loud, "pirate")
    page.get_by_role("button", name="LoRA faders", exact=True).click()

    board = Board(page).open()
    draw(board)
    picture(page, "desk", board.strip("pirate"))

    compare(page, seconds=240)
    shown = {side: page.locator(f"#lora-mixer-reply-{side} .lora-mixer-reply-text").inner_text() for side in "AB"}
    assert shown["A"] != shown["B"] and words(shown["A"], "pirate") > words(shown["B"], "pirate"), shown
    expect(page.locator("#lora-mixer-status")).to_contain_text("in one batch")

    page.locator("#lora-mixer-use-A").click()
    board.chat()
    expect(page.locator("#chat-last .bot .text")).to_have_text(shown["A"])
    expect(page.locator("#chat-version")).to_have_text("3 / 3")


def test_how_much_is_enough(mixer: Mixer, visit: Any) -> None:
    """A sweep, and what differs; then which parts of the adapter make the difference."""
    pirate_alone(mixer)
    page = visit(mixer.url, device_scale_factor=1.5)
    set_number(page, "chat-max-new-tokens", 40)
    set_number(page, "chat-seed", 7)
    board = Board(page).open()
    page.get_by_role("button", name="Fill from a sweep").click()
    page.locator("#lora-mixer-sweep-x").fill("pirate: master 0 to 2 in 0.5")
    page.locator("#lora-mixer-fill").click()
    expect(page.locator(".lora-mixer-column")).to_have_count(5)
    page.locator("#lora-mixer-source").get_by_label("A text of my own", exact=True).click()
    page.locator("#lora-mixer-text textarea").fill("How do I make a good cup of tea?")
    page.get_by_role("button", name="Fill from a sweep").click()
    compare(page, seconds=240)
    replies = page.locator("#lora-mixer-results .lora-mixer-reply-text").all_inner_texts()
    manner = [words(reply, "pirate") for reply in replies]
    assert len(manner) == 5 and manner[0] == 0 and max(manner[2:]) >= 2, replies
    picture(page, "compare", page.locator("#lora-mixer-compare"))

    grid = board.section("grid")
    grid.locator("[data-heat=silenced]").click()
    grid.get_by_label("A text of my own").check()
    grid.get_by_label("Text to measure pirate on").fill(replies[2])
    grid.locator("[data-do=measure]").click()
    expect(grid.locator("[data-part=measured]")).to_contain_text("Measured on", timeout=120_000)
    picture(page, "impact", grid)


def test_a_blind_vote_and_the_shelf(mixer: Mixer, visit: Any) -> None:
    pirate_alone(mixer)
    page = visit(mixer.url, device_scale_factor=1.5)
    set_number(page, "chat-max-new-tokens", 40)
    Board(page).open()
    tabs = page.locator("#lora-mixer-tabs")
    tabs.get_by_role("tab", name="Votes", exact=True).click()
    page.locator("#lora-mixer-votes-prompts").fill("How do I make tea?\nWhat is the sea?\nWho are you?")
    page.locator("#lora-mixer-votes-begin").click()
    ballot = page.locator("#lora-mixer-ballot:visible")
    expect(ballot.locator(".lora-mixer-ballot-count")).to_contain_text("Pair 1 of", timeout=120_000)
    picture(page, "votes", ballot)
    page.locator("#lora-mixer-votes-stop").click()
    tabs.get_by_role("tab", name="Adapters", exact=True).click()
    fill_the_shelf(mixer.host.lora_dir)
    page.get_by_role("button", name="Look again").click()
    shelf = page.locator("#lora-mixer-shelf-card")
    expect(shelf.locator("[data-entry=for-another-model]")).to_be_visible()
    picture(page, "shelf", shelf.locator(".shelf-table, .lora-mixer-shelf-table"))


def test_faders_are_learned_from_replies_that_were_picked(mixer: Mixer, visit: Any) -> None:
    """A pirate and a butler at once are a muddle; replies of the pirate that one likes turn the butler down."""
    mixer.afresh()
    console = mixer.console
    alone = {name: Mix({other: Faders(on=False)}) for name, other in (("pirate", "butler"), ("butler", "pirate"))}
    console.lab.change(console.lab.setup.fill([(f"{name} alone", mix) for name, mix in alone.items()]))
    console.move(Panel(Mix({"pirate": Faders(), "butler": Faders()})))
    console.classrooms.of("").basket.clear()
    page = visit(mixer.url, device_scale_factor=1.5)
    set_number(page, "chat-max-new-tokens", 20)
    set_number(page, "chat-seed", 7)
    Board(page).open()
    page.locator("#lora-mixer-source").get_by_label("Several prompts", exact=True).click()
    page.locator("#lora-mixer-text textarea").fill("\n".join(QUESTIONS))
    compare(page, seconds=240)
    for row in range(len(QUESTIONS)):
        page.locator(f".lora-mixer-reply[data-row='{row}'][data-column='0'] [data-do=like]").click()
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    expect(page.locator("#lora-mixer-learn-examples li")).to_have_count(len(QUESTIONS))
    wish = page.locator("#lora-mixer-learn-wish")
    wish.get_by_label("Texts of my own", exact=True).check()
    page.locator("#lora-mixer-learn-keep-texts").fill("The capital of France is Paris, which lies on the Seine.")
    wish.get_by_text("More", exact=True).click()
    page.locator("#lora-mixer-learn-steps").fill("4" if PICTURES else "2")
    if not PICTURES:  # few numbers, so that it does not take long
        wish.get_by_label("Layers", exact=True).uncheck()
    page.locator("#lora-mixer-learn-start").click()
    outcome = page.locator("#lora-mixer-learn-outcome")
    expect(page.locator("#lora-mixer-learn-headline")).to_contain_text("more like your examples", timeout=400_000)
    picture(page, "learn", outcome)
    page.locator("#lora-mixer-learn-put").click()
    wait_until(page, lambda: max(mixer.gains("butler").values()) < 1, "a butler that is turned down")
    mean = {name: sum(mixer.gains(name).values()) / len(mixer.gains(name)) for name in ("pirate", "butler")}
    assert mean["butler"] < 0.6 < mean["pirate"], mean


def test_the_desk_in_the_dark_and_on_a_phone(mixer: Mixer, visit: Any) -> None:
    page = visit(mixer.url, color_scheme="dark", device_scale_factor=1.5)
    board = Board(page).open()
    draw(board)
    picture(page, "desk-dark", board.desk)
    phone = visit(mixer.url, viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True)
    Board(phone).open()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    picture(phone, "phone")


def fill_the_shelf(folder: Path) -> None:
    """Lays a training run with its checkpoints there, and an adapter for another model."""
    pirate = ROOT / "demo" / "adapters" / "pirate"
    for name in ("sea-dog", "sea-dog/checkpoint-200", "sea-dog/checkpoint-400"):
        shutil.copytree(pirate, folder / name)
    shelve(folder / "for-another-model", r=4)


def draw(board: Board) -> None:
    """Moves faders of every sort, as a mix that somebody found."""
    board.master().fill("1.1")
    board.label("q_proj fader of pirate").fill("0.6")
    board.label("down_proj fader of pirate").fill("1.3")
    curve = board.curve()
    box = steady(board.page, curve)
    mouse, (left, top, width, height) = board.page.mouse, (box["x"], box["y"], box["width"], box["height"])
    for step in range(41):
        across = step / 40
        at = (left + width * (0.01 + 0.98 * across), top + height * (0.85 - 0.5 * across * (2 - across)))
        mouse.move(*at)
        if step == 0:
            mouse.down()
    mouse.up()
    grid = board.section("grid")
    grid.locator("[data-brush='0']").click()
    for layer in range(4, 9):
        board.cell(layer, "o_proj").click()
    grid.locator("[data-brush='1.5']").click()
    for layer in range(18, 23):
        board.cell(layer, "up_proj").click()
    grid.locator("[data-brush=adjust]").click()
