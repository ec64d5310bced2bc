"""Comparing in a browser, and faders that are moved while text streams: on a model whose words tell how loud it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers import tiny
from helpers.browser import Board, Mixer, host_of, plays, set_number, standalone, toast, wait_until
from helpers.gauge import Gauge, gauge
from helpers.stage import FULL, HOSTILE, NONE, Stage
from playwright.sync_api import expect
from standin.textgen_model import tiny_model, tiny_tokenizer, with_adapter

from lora_mixer.lora_ops import Column, Mix, compare

pytestmark = pytest.mark.browser


@pytest.fixture
def stage(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Stage]:
    mixer, made = served
    mixer.afresh()
    page = visit(mixer.url)
    page.locator("#page-header .facts").wait_for()
    yield Stage(page, mixer, made)
    made.brake.free()
    wait_until(page, mixer.free, "the model is given back")


# Faders while text streams


@pytest.mark.parametrize("beside_the_chat", [True, False], ids=["beside the chat", "on the desk"])
def test_a_fader_that_is_moved_while_text_streams_is_obeyed_by_the_next_token(
    stage: Stage, beside_the_chat: bool
) -> None:
    stage.tokens(12)
    if beside_the_chat:
        stage.page.get_by_role("button", name="LoRA faders", exact=True).click()
    stage.model.brake.hold()
    stage.say("hi")
    stage.step_until(lambda: stage.reply().startswith(FULL * 3), "loud words")
    if beside_the_chat:
        stage.page.get_by_label("Master fader of pirate, beside the chat", exact=True).fill("0")
    else:
        Board(stage.page).open().master().fill("0")
    wait_until(stage.page, lambda: set(stage.mixer.gains().values()) == {0.0}, "the fader reaches the model")
    stage.model.brake.free()
    if not beside_the_chat:
        Board(stage.page).chat()
    reply = stage.answered()
    loud = reply.count(FULL)
    assert 3 <= loud < 12 and reply == FULL * loud + NONE * (12 - loud)


# Comparing


def test_both_columns_stream_in_one_batch_and_say_what_each_mix_says_alone(stage: Stage) -> None:
    stage.tokens(10)
    stage.say("hi")
    stage.answered()
    Board(stage.page).open()
    stage.model.brake.hold()
    stage.start()
    for side, word in (("A", FULL), ("B", NONE)):
        stage.step_until(lambda s=side, w=word: stage.column(s).startswith(w * 2), f"column {side} streams")
        assert len(stage.column(side)) < 10
    expect(stage.page.locator("#lora-mixer-use-A")).to_be_disabled()
    stage.model.brake.free()
    expect(stage.page.locator("#lora-mixer-start")).to_be_enabled()
    expect(stage.page.locator("#lora-mixer-status")).to_contain_text("in one batch")
    expect(stage.page.locator("#lora-mixer-status")).to_contain_text("tokens a second")
    desk = stage.mixer.desk
    ids = stage.model.tokenizer("hi", return_tensors="pt")["input_ids"]
    for side, mix in (("A", Mix()), ("B", desk.base())):
        run = compare(desk, stage.model.tokenizer, ids, [Column(side, mix)], seed=1, generation={"max_new_tokens": 10})
        for _ in run:
            pass
        assert stage.column(side) == run.result.columns[0].text


def test_settings_are_kept_with_one_click_and_stay_when_the_faders_move_on(stage: Stage) -> None:
    stage.tokens(6)
    stage.say("hi")
    stage.answered()
    board = Board(stage.page).open()
    board.master().fill("0")
    wait_until(stage.page, lambda: set(stage.mixer.gains().values()) == {0.0}, "the fader")
    stage.page.locator("#lora-mixer-keep-A").click()
    wait_until(stage.page, lambda: plays(stage.page, "A") == "Kept: pirate ×0", "A is kept")
    board.master().fill("1")
    wait_until(stage.page, lambda: set(stage.mixer.gains().values()) == {1.0}, "the fader")
    stage.page.locator("#lora-mixer-keep-B").click()
    wait_until(stage.page, lambda: plays(stage.page, "B") == "Kept: pirate as loaded", "B is kept")
    board.type("Master fader of pirate, number", "-1")
    wait_until(stage.page, lambda: set(stage.mixer.gains().values()) == {-1.0}, "the fader")
    stage.compare()
    assert (stage.column("A"), stage.column("B")) == (NONE * 6, FULL * 6)
    assert set(stage.mixer.gains().values()) == {-1.0}, "the desk stands where it stood"


def test_stop_keeps_what_was_said_and_gives_the_model_back(stage: Stage) -> None:
    stage.tokens(200)
    stage.model.brake.hold()
    stage.say("hi")
    stage.page.locator("#chat-stop").click()
    stage.model.brake.free()
    stage.answered()
    Board(stage.page).open()
    stage.model.brake.hold()
    stage.start()
    stage.step_until(lambda: len(stage.column("A")) >= 4, "some words")
    stage.page.locator("#lora-mixer-stop").click()
    stage.step_until(lambda: not stage.mixer.console.comparing, "the comparison stops")
    expect(stage.page.locator("#lora-mixer-start")).to_be_enabled()
    assert stage.column("A").startswith(FULL * 4) and len(stage.column("A")) < 150
    expect(stage.page.locator("#lora-mixer-reply-A")).to_contain_text("stopped")
    wait_until(stage.page, stage.mixer.free, "the model is given back")
    assert set(stage.mixer.gains().values()) == {1.0}


def test_a_fader_that_is_moved_during_a_comparison_is_applied_when_it_ends(stage: Stage) -> None:
    stage.tokens(8)
    stage.say("hi")
    stage.answered()
    board = Board(stage.page).open()
    stage.model.brake.hold()
    stage.start()
    stage.step_until(lambda: len(stage.column("A")) >= 2, "some words")
    board.master().fill("0")
    wait_until(stage.page, lambda: stage.mixer.desk.mix["pirate"].master == 0, "the desk remembers")
    stage.model.brake.free()
    expect(stage.page.locator("#lora-mixer-start")).to_be_enabled()
    assert (stage.column("A"), stage.column("B")) == (FULL * 8, NONE * 8)
    wait_until(stage.page, lambda: set(stage.mixer.gains().values()) == {0.0}, "it is applied")


def test_a_page_that_is_closed_in_the_middle_leaves_the_desk_where_the_faders_stand(stage: Stage, visit: Any) -> None:
    stage.tokens(8)
    page = visit(stage.mixer.url)
    leaving = Stage(page, stage.mixer, stage.model)
    page.locator("#page-header .facts").wait_for()
    leaving.tokens(8)
    leaving.say("hi")
    leaving.answered()
    Board(page).open()
    stage.model.brake.hold()
    leaving.start()
    leaving.step_until(lambda: len(leaving.column("A")) >= 2, "some words")
    page.close()
    stage.model.brake.free()
    wait_until(stage.page, stage.mixer.free, "the model is given back")
    assert set(stage.mixer.gains().values()) == {1.0}


def test_a_reply_is_used_in_the_chat_as_another_version_unless_the_chat_moved_on(stage: Stage) -> None:
    stage.tokens(5)
    stage.say("hi")
    assert stage.answered() == FULL * 5
    board = Board(stage.page).open()
    stage.compare()
    stage.page.locator("#lora-mixer-use-B").click()
    board.chat()
    expect(stage.page.locator("#chat-last .bot .text")).to_have_text(NONE * 5)
    expect(stage.page.locator("#chat-version")).to_have_text("2 / 2")
    stage.say("more")
    stage.answered()
    board.open()
    stage.page.locator("#lora-mixer-use-A").click()
    expect(toast(stage.page)).to_contain_text("The chat has moved on")


def test_a_text_of_ones_own_is_asked_and_stays_out_of_the_chat(stage: Stage) -> None:
    stage.tokens(5)
    Board(stage.page).open()
    stage.page.locator("#lora-mixer-source").get_by_label("A text of my own").click()
    text = stage.page.locator("#lora-mixer-text textarea")
    text.fill("   ")
    stage.page.locator("#lora-mixer-start").click()
    expect(toast(stage.page)).to_contain_text("empty")
    text.fill(HOSTILE)
    assert "a text of your own" in stage.compare()
    assert (stage.column("A"), stage.column("B")) == (FULL * 5, NONE * 5)
    assert stage.page.locator("[data-do=use]").count() == 0


def test_an_empty_chat_says_what_to_do(stage: Stage) -> None:
    Board(stage.page).open()
    stage.page.locator("#lora-mixer-start").click()
    expect(toast(stage.page)).to_contain_text("The chat is empty")
    expect(stage.page.locator("#lora-mixer-start")).to_be_enabled()


def test_columns_can_run_one_after_the_other(stage: Stage) -> None:
    stage.tokens(5)
    stage.say("hi")
    stage.answered()
    Board(stage.page).open()
    stage.page.get_by_label("One after the other").click()
    stage.page.locator("#lora-mixer-plays-A").select_option("as loaded")
    assert "one after the other (asked to run one after the other)" in stage.compare()
    assert (stage.column("A"), stage.column("B")) == (FULL * 5, NONE * 5)


def test_sampled_columns_say_what_the_host_itself_generates_under_each_mix_with_that_seed(visit: Any) -> None:
    model = with_adapter(tiny_model(), "pirate")
    with standalone(host_of(model, tiny_tokenizer())) as mixer:
        page = visit(mixer.url)
        page.locator("#page-header .facts").wait_for()
        stage = Stage(page, mixer, gauge())
        for name, value in {"max-new-tokens": 24, "temperature": 1.2, "seed": 7}.items():
            set_number(page, f"chat-{name}", value)
        stage.say("Ahoy there")
        loaded = stage.answered()
        Board(page).open()
        assert "in one batch" in stage.compare()
        together = stage.column("A"), stage.column("B")
        page.get_by_label("One after the other").click()
        assert "one after the other" in stage.compare()
        assert together == (stage.column("A"), stage.column("B"))
        assert together[0] == loaded != together[1]


def test_dora_runs_one_after_the_other_and_the_page_says_why(visit: Any) -> None:
    with standalone(host_of(tiny.pirate(use_dora=True), tiny.tokenizer())) as mixer:
        page = visit(mixer.url)
        page.locator("#page-header .facts").wait_for()
        stage = Stage(page, mixer, gauge())
        stage.tokens(5)
        stage.say("Ahoy")
        stage.answered()
        Board(page).open()
        assert "one after the other" in (line := stage.compare()) and "DoRA" in line


def test_what_a_model_says_stays_text(visit: Any) -> None:
    made = gauge({0.0: "<b>n</b>", 1.0: HOSTILE, -1.0: "w"})
    with standalone(host_of(made.model, made.tokenizer)) as mixer:
        page = visit(mixer.url)
        page.locator("#page-header .facts").wait_for()
        stage = Stage(page, mixer, made)
        stage.tokens(2)
        stage.say(HOSTILE)
        assert stage.answered() == HOSTILE * 2
        Board(page).open()
        stage.compare()
        assert (stage.column("A"), stage.column("B")) == (HOSTILE * 2, "<b>n</b>" * 2)
        assert page.locator("#lora-mixer-compare img, #chat-log img, #lora-mixer-compare script").count() == 0
