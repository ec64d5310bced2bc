"""Learning in a browser, on a tiny model: found by a page that comes later, stopped from there, heard dot by dot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.booth import NONE, empty_booth
from helpers.browser import Mixer, standalone, wait_until
from helpers.gauge import Gauge
from helpers.shelved import shelf_host
from helpers.taught import learn_tab, wanted
from helpers.tiny import pirate
from playwright.sync_api import expect

from lora_mixer.lora_ops.learning.preferences import FEWEST_VOTES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), pirate())) as running:
        yield running


def test_examples_are_typed_and_what_is_missing_is_said(mixer: Mixer, visit: Any) -> None:
    page = learn_tab(visit(mixer.url))
    start, why = page.locator("#lora-mixer-learn-start"), page.locator("#lora-mixer-learn-why")
    expect(start).to_be_disabled()
    expect(why).to_contain_text("at least two examples")
    page.locator("#lora-mixer-learn-add").click()
    expect(page.locator("#lora-mixer-learn-material [role=alert]").first).to_contain_text("what is asked")
    for at in range(2):
        page.locator("#lora-mixer-learn-prompt").fill(f"Ahoy {at}")
        page.locator("#lora-mixer-learn-reply").fill("<b>Arr!</b>")
        page.locator("#lora-mixer-learn-add").click()
        expect(page.locator("#lora-mixer-learn-examples li")).to_have_count(at + 1)
    expect(page.locator("#lora-mixer-learn-examples")).to_contain_text("<b>Arr!</b>")
    expect(start).to_be_enabled()
    expect(why).to_be_hidden()
    page.get_by_label("My blind votes").check()
    expect(page.locator("#lora-mixer-learn-votes")).to_contain_text("it takes 20")
    page.get_by_label("Replies that I want").check()
    page.get_by_role("button", name="Remove all", exact=True).click()
    page.get_by_role("button", name="Yes, remove all examples").click()
    expect(page.locator(".lora-mixer-learn-empty")).to_be_visible()


def test_a_page_that_comes_later_finds_it_and_stops_it(mixer: Mixer, visit: Any) -> None:
    fill(mixer)
    page = learn_tab(visit(mixer.url))
    mixer.host.lock.acquire()  # somebody generates: it waits
    try:
        page.get_by_label("Nothing", exact=True).check()
        page.locator("#lora-mixer-learn-start").click()
        other = learn_tab(visit(mixer.url))
        expect(other.locator("#lora-mixer-learn-headline")).to_contain_text("Learning from 8 replies")
        other.locator("#lora-mixer-learn-wish [data-do=stop-job]").click()
        wait_until(other, lambda: not mixer.console.works.job.running, "it stops though the model is taken")
    finally:
        mixer.host.lock.release()
    for one in (page, other):
        expect(one.locator("#lora-mixer-learn-headline")).to_contain_text("Stopped before anything was learned")
    expect(page.locator("#lora-mixer-learn-put")).to_be_hidden()


def test_each_mix_on_the_way_is_heard_by_click_and_by_key_and_undone(mixer: Mixer, visit: Any) -> None:
    fill(mixer)
    page = learn_tab(visit(mixer.url))
    page.get_by_label("Nothing", exact=True).check()
    page.locator("#lora-mixer-learn-start").click()
    expect(page.locator("#lora-mixer-learn-headline")).to_contain_text("It speaks more like your examples")
    before = mixer.gains()
    page.locator("#lora-mixer-learn-put").click()
    wait_until(page, lambda: mixer.gains() != before, "the faders go where they were learned to stand")
    learned = mixer.gains()
    dots = page.locator(".lora-mixer-chart-spot:visible")
    best = page.locator(".lora-mixer-chart-spot.is-best:visible")
    expect(best).to_have_attribute("aria-pressed", "true")
    dots.first.focus()
    page.keyboard.press("Enter")
    wait_until(page, lambda: mixer.gains() == before, "where it began")
    expect(dots.first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(dots.nth(1)).to_be_focused()
    expect(page.locator(".lora-mixer-chart-told:visible")).to_contain_text(re.compile("Mix 1.*unseen [\\d.]+ nats"))
    page.locator("#lora-mixer-learn-undo").click()
    wait_until(page, lambda: mixer.gains() == learned, "undone")
    page.locator("#lora-mixer-learn-compare").click()
    results = page.locator("#lora-mixer-results")
    expect(results.locator(".lora-mixer-reply.is-done")).to_have_count(6)
    expect(results).to_contain_text("A · Learned")
    results.locator("[data-do=like]").first.click()
    wait_until(page, lambda: len(mixer.console.classrooms.of("").basket) == 9, "the reply is picked")
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    page.locator("#lora-mixer-learn-bake").click()
    expect(page.locator("#lora-mixer-bake-mix")).to_have_value("/learned")


def test_votes_that_were_cast_become_a_mix(served: tuple[Mixer, Gauge], visit: Any) -> None:
    """Whoever likes the replies without the adapter better has its master turned down."""
    mixer, made = served
    booth = empty_booth(mixer, made, visit, tokens=3)
    page = booth.page
    booth.begin("\n".join(f"question {at}" for at in range(FEWEST_VOTES)), pairs=FEWEST_VOTES)
    for number in range(1, FEWEST_VOTES + 1):
        booth.prefer(NONE, number)
    booth.outcome(f"was preferred in {FEWEST_VOTES} of {FEWEST_VOTES} votes")
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    page.get_by_label("My blind votes").check()
    expect(page.locator("#lora-mixer-learn-votes")).to_contain_text(f"{FEWEST_VOTES} votes")
    for name in ("Kinds", "Layers"):
        page.locator("#lora-mixer-learn-wish").get_by_label(name, exact=True).uncheck()
    page.locator("#lora-mixer-learn-start").click()
    expect(page.locator("#lora-mixer-learn-headline")).to_contain_text("It agrees with your votes")
    page.locator("#lora-mixer-learn-put").click()
    wait_until(page, lambda: max(mixer.gains().values()) < 0.5, "the adapter is turned down")


def fill(mixer: Mixer) -> None:
    """Puts the desk and the examples as they are at first."""
    mixer.afresh()
    room = mixer.console.classrooms.of("")
    room.attempt = None
    room.basket.clear()
    room.basket.add(wanted())
    room.changed()
