"""Whoever double-clicks gets what one click does: nothing is done twice, nothing that took its place is hit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import Board, Mixer, wait_until
from helpers.gauge import Gauge
from helpers.lab import Lab, opened
from playwright.sync_api import expect

from lora_mixer.ui.chat.answer_twice import Twice
from lora_mixer.ui.votes.session import Sessions

pytestmark = pytest.mark.browser

FULL = "f"


@pytest.fixture
def lab(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Lab]:
    mixer, made = served
    mixer.afresh()
    mixer.host.answer_turns(None)
    mixer.console.twice, mixer.console.sessions = Twice(mixer.console, mixer.console.lab), Sessions()
    for one in mixer.console.experiments.records.list():
        mixer.console.experiments.records.delete(one.id)
    lab = opened(visit, mixer, made)
    yield lab
    made.brake.free()
    mixer.host.answer_turns(None)
    wait_until(lab.page, mixer.free, "the model is given back")


def twice(lab: Lab, selector: str) -> None:
    """Double-clicks, and gives a second order the time to arrive."""
    lab.page.locator(selector).first.dblclick()
    lab.page.wait_for_timeout(600)


def kept(lab: Lab) -> list[Any]:
    return list(lab.mixer.console.experiments.records.list())


def tab(lab: Lab, name: str) -> None:
    lab.page.locator("#lora-mixer-tabs").get_by_role("tab", name=name, exact=True).click()


def test_columns(lab: Lab) -> None:
    twice(lab, "#lora-mixer-add")
    expect(lab.lines()).to_have_count(3)
    twice(lab, "#lora-mixer-add")
    expect(lab.lines()).to_have_count(4)
    keys = lab.page.locator(".lora-mixer-column").evaluate_all("(all) => all.map((one) => one.dataset.column)")
    twice(lab, ".lora-mixer-column [data-do=down]")
    moved = lab.page.locator(".lora-mixer-column").evaluate_all("(all) => all.map((one) => one.dataset.column)")
    assert moved == [keys[1], keys[0], *keys[2:]]
    twice(lab, ".lora-mixer-column [data-do=remove]")
    expect(lab.lines()).to_have_count(3)
    lab.page.get_by_role("button", name="Fill from a sweep").dblclick()
    expect(lab.page.locator("#lora-mixer-sweep")).to_be_visible()
    lab.page.locator("#lora-mixer-sweep-x").fill("master 0, 1")
    twice(lab, "#lora-mixer-fill")
    expect(lab.lines()).to_have_count(2)


def test_a_comparison_what_is_measured_and_what_is_done_with_a_reply(lab: Lab) -> None:
    lab.ask()
    before = lab.page.evaluate("loraMixer.lab.sheet && loraMixer.lab.sheet.key")
    twice(lab, "#lora-mixer-start")
    done = "!loraMixer.lab.line.running && loraMixer.lab.sheet?.key"
    wait_until(lab.page, lambda: lab.page.evaluate(done) not in (False, before, None), "it is compared")
    wait_until(lab.page, lambda: len(kept(lab)) == 1, "it is kept")
    lab.page.wait_for_timeout(700)
    assert [one.trials for one in kept(lab)] == [1]
    twice(lab, "#lora-mixer-measure")
    expect(lab.page.locator("#lora-mixer-measures table")).to_have_count(2)
    expect(lab.page.locator("#lora-mixer-start")).to_be_enabled()
    twice(lab, "#lora-mixer-reply-B [data-do=collect]")
    expect(lab.lines()).to_have_count(3)
    twice(lab, "#lora-mixer-reply-B [data-do=desk]")
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {0.0}, "the base is on the desk")


def test_a_reset_has_its_way_back(lab: Lab) -> None:
    board = Board(lab.page)
    board.master().fill("0.5")
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {0.5}, "the fader is heard")
    twice(lab, "[data-do=reset-all]")
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {1.0}, "all faders are back")
    lab.page.locator("[data-do=reset-all]").press("Enter")
    twice(lab, "[data-do=undo]")
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {0.5}, "and forth again")


def test_a_profile_is_saved_once_and_not_deleted_in_haste(lab: Lab) -> None:
    page = lab.page
    twice(lab, "#lora-mixer-profile-save")
    expect(page.locator("#lora-mixer-profile-form")).to_be_visible()
    page.locator("#lora-mixer-profile-name").fill("in haste")
    twice(lab, "[data-do=save-profile]")
    expect(page.locator("#lora-mixer-profile-said")).to_contain_text("Saved")
    expect(page.locator("#lora-mixer-profile-said")).not_to_have_class("is-wrong")
    twice(lab, "#lora-mixer-profile-more")
    row = page.locator("[data-profile='in haste']")
    row.locator("[data-do=delete]").dblclick()
    page.wait_for_timeout(500)
    expect(row.locator("[data-do=delete-yes]")).to_be_visible()
    row.locator("[data-do=delete-yes]").dblclick()
    expect(row).to_have_count(0)


def test_votes(lab: Lab) -> None:
    tab(lab, "Votes")
    lab.page.locator("#lora-mixer-votes-prompts").fill("one\ntwo\nthree")
    twice(lab, "#lora-mixer-votes-begin")
    count = lab.page.locator("#lora-mixer-ballot:visible .lora-mixer-ballot-count")
    for number in (1, 2):
        expect(count).to_contain_text(f"Pair {number} of")
        twice(lab, "#lora-mixer-ballot [data-verdict=left]")
    expect(count).to_contain_text("Pair 3 of")
    (one,) = kept(lab)
    assert one.votes == 2
    twice(lab, "#lora-mixer-ballot [data-do=votes-end]")
    expect(lab.page.locator("#lora-mixer-ballot")).to_be_visible()
    twice(lab, "#lora-mixer-ballot [data-do=votes-end-yes]")
    expect(lab.page.locator("#lora-mixer-votes-form")).to_be_visible()


def test_a_bake(lab: Lab) -> None:
    tab(lab, "Adapters")
    lab.page.locator("#lora-mixer-bake-name").fill("in-haste")
    expect(lab.page.locator("#lora-mixer-bake-plan")).to_contain_text("in-haste")
    twice(lab, "#lora-mixer-bake-go")
    expect(lab.page.locator("#lora-mixer-bake-result")).to_contain_text("in-haste is in")
    wait_until(lab.page, lambda: not lab.mixer.console.works.job.running, "it is baked")
    expect(lab.page.locator("#lora-mixer-bake .lora-mixer-job.is-wrong")).to_have_count(0)


def test_the_chat_is_asked_once_and_a_reply_is_used_once(lab: Lab) -> None:
    page, board = lab.page, Board(lab.page).chat()
    page.locator("#chat-input textarea").fill("hi")
    twice(lab, "#chat-send")
    expect(page.locator("#chat-last .bot .text")).to_have_text(FULL * 5)
    expect(page.locator("#chat-past .user")).to_have_count(0)
    expect(page.locator("#chat-status")).not_to_contain_text("Stopped")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    page.locator("#chat-regenerate").dblclick()
    expect(page.locator("#chat-version")).to_have_text("2 / 2")
    expect(page.locator("#chat-send")).to_be_visible()
    page.wait_for_timeout(600)
    expect(page.locator("#chat-version")).to_have_text("2 / 2")
    board.open()
    lab.compare()
    twice(lab, "#lora-mixer-use-B")
    board.chat()
    expect(page.locator("#chat-version")).to_have_text("3 / 3")


def test_a_pick_between_two_replies(lab: Lab) -> None:
    page = lab.page
    Board(page).chat()
    page.get_by_role("button", name="LoRA faders", exact=True).dblclick()
    page.locator("#lora-mixer-twice-on").check()
    wait_until(page, lambda: lab.mixer.console.twice.on, "it is switched on")
    page.locator("#chat-input textarea").fill("hi")
    page.locator("#chat-send").dblclick()
    expect(page.locator("#lora-mixer-pick-right")).to_be_enabled()
    expect(page.locator("#chat-send")).to_be_visible()
    page.locator("#lora-mixer-pick-right").dblclick()
    expect(page.locator("#lora-mixer-twice-card")).to_contain_text("You picked")
    page.wait_for_timeout(500)
    assert len(lab.mixer.console.experiments.records.votes()) == 1
    expect(page.locator("#chat-version")).to_have_text("2 / 2")
