"""Blind votes in a browser: a session by keyboard, its outcome, a reload in the middle, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.booth import FULL, KEYS, NONE, Booth, empty_booth
from helpers.browser import Mixer, contrast, wait_until
from helpers.gauge import Gauge
from playwright.sync_api import expect

from lora_mixer.lora_ops import Faders, Mix

pytestmark = pytest.mark.browser


@pytest.fixture
def booth(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Booth]:
    mixer, made = served
    one = empty_booth(mixer, made, visit, tokens=6)
    yield one
    made.brake.free()
    wait_until(one.page, mixer.free, "the model is given back")


def test_a_session_by_keyboard_is_revealed_and_every_vote_is_kept_at_once(booth: Booth) -> None:
    expect(booth.page.locator("#lora-mixer-votes-columns")).to_contain_text("B · The base model")
    booth.begin()
    for number in range(1, 4):
        assert set(booth.pair(number)) == {FULL * 6, NONE * 6}
        booth.prefer(FULL, number)
        wait_until(booth.page, lambda n=number: len(booth.kept().votes()) == n, "the vote is kept")
        assert "as loaded" not in booth.page.locator("#lora-mixer-ballot").inner_text(), "names are hidden"
    booth.pair(4)
    booth.page.keyboard.press(KEYS["tie"])
    text = booth.outcome("“pirate as loaded” was preferred in 3 of 3 votes")
    assert "could well be chance" in text
    assert [row.split("\t")[0] for row in text.splitlines() if row.startswith(("1\t", "2\t"))] in ([], ["1", "2"])
    assert sorted(vote.verdict for vote in booth.kept().votes()).count("tie") == 1
    assert booth.page.locator("#lora-mixer-outcome b b, #lora-mixer-ballot b b").count() == 0, "prompts stay text"
    booth.page.locator("#lora-mixer-outcome .lora-mixer-voted summary").first.click()
    expect(booth.page.locator("#lora-mixer-outcome .lora-mixer-voted .lora-mixer-reply").first).to_be_visible()
    booth.page.locator("#lora-mixer-outcome [data-do=put]").nth(1).click()
    wait_until(booth.page, lambda: set(booth.mixer.gains().values()) == {0.0}, "the base is on the desk")


def test_the_first_pair_is_up_while_the_others_are_being_written(booth: Booth) -> None:
    booth.model.brake.hold()
    booth.begin()
    expect(booth.page.locator("#lora-mixer-ballot .lora-mixer-ballot-count")).to_have_text("Waiting for the first pair")

    def ready() -> bool:
        if booth.model.brake.waits():
            booth.model.brake.let(1)
        return "Pair 1 of 4" in booth.count()

    wait_until(booth.page, ready, "the first pair")
    expect(booth.page.locator("#lora-mixer-votes-stop")).to_be_visible()
    assert booth.mixer.host.lock.locked() and set(booth.pair(1)) == {FULL * 6, NONE * 6}
    booth.page.locator("[data-verdict=bad]").click()
    booth.model.brake.free()
    booth.pair(2)
    booth.page.locator("#lora-mixer-reveal").click()
    booth.outcome("No vote chose a side")


def test_a_page_that_is_loaded_again_goes_on_where_it_was(booth: Booth) -> None:
    booth.begin()
    booth.prefer(NONE, 1)
    second = booth.pair(2)
    booth.page.reload()
    booth.open()
    assert booth.pair(2) == second
    booth.prefer(NONE, 2)
    booth.page.get_by_role("button", name="Put away").click()
    booth.page.locator("[data-do=votes-end-yes]").click()
    booth.page.locator("#lora-mixer-votes-form").wait_for()
    entry = booth.page.locator(".lora-mixer-past-entry")
    expect(entry).to_contain_text("2 votes")
    entry.locator("[data-do=resume]").click()
    booth.prefer(NONE, 3)
    booth.prefer(NONE, 4)
    booth.outcome("“The base model” was preferred in 4 of 4 votes")
    assert len(booth.kept().votes()) == 4


def test_many_mixes_are_ranked_and_no_more_pairs_come_up_than_were_asked_for(booth: Booth) -> None:
    setup = booth.mixer.console.lab.setup
    booth.mixer.console.lab.change(setup.add("as loaded", "same as A"))
    booth.begin("one\ntwo\nthree", pairs=4)
    for number in range(1, 5):
        booth.prefer(FULL, number)
    assert "Strength" not in booth.outcome("4 of 4 votes"), "A and C play the same mix: there are two competitors"
    booth.page.locator("#lora-mixer-votes-more").click()
    booth.prefer(FULL, 5)
    booth.page.locator("#lora-mixer-reveal").click()
    booth.outcome("5 of 5 votes")


def test_mixes_of_other_ranks_are_voted_on_and_the_rank_that_won_stands_on_the_desk(booth: Booth) -> None:
    quiet, loud = (Mix({"pirate": Faders(rank=rank, master=master)}) for rank, master in ((2, 0.0), (1, 1.0)))
    lab = booth.mixer.console.lab
    lab.change(lab.setup.fill([("rank 2, silent", quiet), ("rank 1", loud)], None))
    expect(booth.page.locator("#lora-mixer-votes-columns")).to_contain_text("rank 1")
    booth.begin("one\ntwo")
    for number in (1, 2):
        booth.prefer(FULL, number)
    booth.outcome("“rank 1” was preferred in 2 of 2 votes")
    booth.page.locator("#lora-mixer-outcome [data-do=put]").first.click()
    wait_until(booth.page, lambda: booth.mixer.console.panel.mix["pirate"].rank == 1, "the rank is on the desk")
    [record] = booth.kept().list()
    kept = booth.kept().load(record.id)
    assert [column.mix and column.mix["pirate"].rank for column in kept.columns] == [2, 1]


def test_what_is_kept_is_listed_opened_saved_and_deleted(booth: Booth, tmp_path: Any) -> None:
    booth.begin("one")
    booth.prefer(FULL, 1)
    booth.page.locator("#lora-mixer-votes-close").click()
    entry = booth.page.locator(".lora-mixer-past-entry")
    expect(entry).to_contain_text("pirate as loaded")
    with booth.page.expect_download() as saved:
        entry.locator("[data-do=save-jsonl]").click()
    saved.value.save_as(tmp_path / "one.jsonl")
    assert (
        '"verdict": "' in (tmp_path / "one.jsonl").read_text() or '"verdict":"' in (tmp_path / "one.jsonl").read_text()
    )
    json.loads((tmp_path / "one.jsonl").read_text().splitlines()[0])
    booth.page.locator("#lora-mixer-all-votes summary").first.click()
    expect(booth.page.locator("#lora-mixer-all-votes")).to_contain_text("preferred in 1 of 1 votes")
    entry.locator("[data-do=open]").click()
    expect(booth.page.locator("#lora-mixer-reply-A")).to_contain_text(FULL * 6)
    booth.open()
    booth.page.locator("[data-do=delete]").click()
    booth.page.locator("[data-do=delete-yes]").click()
    expect(booth.page.locator("#lora-mixer-past-nothing")).to_contain_text("is kept")
    assert booth.kept().list() == ()


def test_what_cannot_be_voted_on_is_said_beside_the_field(booth: Booth) -> None:
    form = booth.page.locator("#lora-mixer-votes-form")
    booth.begin("   ")
    expect(form.locator(".lora-mixer-why-not:visible")).to_contain_text("empty")
    booth.page.locator("#lora-mixer-votes-file").set_input_files(
        files=[{"name": "photo.txt", "mimeType": "text/plain", "buffer": b"\x89PNG\x00"}]
    )
    expect(form.locator(".lora-mixer-why-not:visible")).to_contain_text("The file photo.txt, line 1")
    assert contrast(booth.page, form.locator(".lora-mixer-why-not:visible")) >= 4.5
    setup = booth.mixer.console.lab.setup
    booth.mixer.console.lab.change(setup.play(setup.slots[1].key, "as loaded"))
    booth.begin("one")
    expect(form.locator(".lora-mixer-why-not:visible")).to_contain_text("the same mix")


def test_a_session_that_was_interrupted_goes_on_with_what_is_missing(booth: Booth) -> None:
    booth.model.brake.hold()
    booth.begin()

    def ready() -> bool:
        if booth.model.brake.waits():
            booth.model.brake.let(1)
        return "Pair 1 of 4" in booth.count()

    wait_until(booth.page, ready, "the first pair")
    session = booth.mixer.console.sessions.of("")
    booth.page.locator("#lora-mixer-votes-stop").click()
    wait_until(booth.page, lambda: session._called_off, "Python has been told to stop")
    booth.model.brake.free()
    booth.prefer(FULL, 1)
    wait_until(booth.page, lambda: not booth.mixer.console.sessions.of("").generating, "it has stopped")
    done = len(booth.kept().load(booth.kept().list()[0].id).trials)
    booth.page.reload()
    booth.open()
    booth.page.wait_for_function("loraMixer.votes.known")
    if booth.page.evaluate("loraMixer.votes.session !== null"):  # it is known before it is drawn
        booth.page.locator("#lora-mixer-ballot:visible, #lora-mixer-outcome:visible").first.wait_for()
    if booth.page.locator("#lora-mixer-ballot:visible").count():
        booth.page.get_by_role("button", name="Put away").click()
        booth.page.locator("[data-do=votes-end-yes]").click()
    elif booth.page.locator("#lora-mixer-outcome:visible").count():
        booth.page.locator("#lora-mixer-votes-close").click()
    booth.page.locator("#lora-mixer-votes-form").wait_for()
    entry = booth.page.locator(".lora-mixer-past-entry")
    expect(entry).to_contain_text(f"{done} of 4 trials")
    entry.locator("[data-do=go-on]").click()
    for number in range(2, 5):
        booth.prefer(FULL, number)
    booth.outcome("4 of 4 votes")
    (one,) = booth.kept().list()
    assert (one.trials, one.votes) == (4, 4)
    booth.page.locator("#lora-mixer-votes-close").click()
    expect(entry).to_contain_text("4 trials")
    expect(entry.locator("[data-do=go-on]")).to_have_count(0)
