"""The chat that answers twice, in a browser: pick one, ask again, stop, and a second reply that fails."""

from __future__ import annotations

import pytest
from helpers.browser import set_number, wait_until
from helpers.talk import Talk
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FULL, NONE = "f", "n"


def test_the_reply_that_is_picked_goes_on_in_the_chat_and_counts_as_a_vote(talk: Talk) -> None:
    talk.switch()
    talk.say("hi")
    assert talk.answered(1) == (FULL * 6, NONE * 6)
    assert "base" not in talk.card.inner_text().lower(), "names are hidden"
    talk.card.locator("#lora-mixer-pick-right").click()
    expect(talk.page.locator("#chat-last .bot .text")).to_have_text(NONE * 6)
    expect(talk.page.locator("#chat-version")).to_have_text("2 / 2")
    expect(talk.card).to_contain_text("You picked “The base model” over “pirate as loaded”.")
    (vote,) = talk.votes()
    assert (vote.verdict, vote.source, vote.blind) == ("right", "chat", True)
    assert (vote.left_label, vote.right_label) == ("pirate as loaded", "The base model")

    talk.coin.side = 1
    talk.page.locator("#chat-regenerate").click()
    assert talk.answered(2) == (NONE * 6, FULL * 6)
    talk.card.locator("#lora-mixer-pick-left").click()
    expect(talk.card).to_contain_text("You picked “The base model”")
    expect(talk.page.locator("#chat-version")).to_have_text("3 / 3")
    votes = talk.votes()
    assert [vote.verdict for vote in votes] == ["right", "left"]
    assert votes[0].experiment == votes[1].experiment


def test_both_replies_grow_and_stop_ends_both(talk: Talk) -> None:
    set_number(talk.page, "chat-max-new-tokens", 300)
    talk.switch()
    talk.model.brake.hold()
    talk.say("hi")
    turn = lambda: talk.mixer.console.twice.turn  # noqa: E731

    def some() -> bool:
        if talk.model.brake.waits():
            talk.model.brake.let(1)
        return bool(turn() and len(turn().texts[1]) > 3)

    wait_until(talk.page, some, "some words")
    expect(talk.card.locator("#lora-mixer-pick-right")).to_be_disabled()
    talk.page.locator("#chat-stop").click()
    talk.model.brake.free()
    said, other = talk.answered(1, stopped=True)
    assert said.startswith(FULL * 3) and other.startswith(NONE * 3) and len(said) < 290
    wait_until(talk.page, talk.mixer.free, "the model is given back")
    assert talk.votes() == []


def test_a_second_reply_that_fails_leaves_the_chat_alone(talk: Talk) -> None:
    talk.switch()
    talk.mixer.console.twice.choose("faders", "as loaded", True)
    talk.say("hi")
    expect(talk.card).to_contain_text("both mixes are the same")
    expect(talk.page.locator("#chat-last .bot .text")).to_have_text(FULL * 6)


def test_the_second_reply_goes_when_its_chat_is_cleared_and_switched_off_it_answers_once(talk: Talk) -> None:
    talk.switch()
    talk.say("hi")
    talk.answered(1)
    talk.say("more")
    talk.answered(2)
    talk.page.locator("#chat-clear").click()
    expect(talk.page.locator("#chat-last .user")).to_have_count(0)
    expect(talk.card).to_be_hidden()
    assert talk.votes() == []
    talk.say("again")
    talk.answered(3)
    expect(talk.card).to_be_visible()
    talk.page.get_by_role("button", name="LoRA faders", exact=True).click()
    talk.page.locator("#lora-mixer-twice-on").uncheck()
    expect(talk.card).to_be_hidden()
    talk.say("once")
    expect(talk.page.locator("#chat-last .bot .text")).to_have_text(FULL * 6)
    assert talk.number() == 3


def test_nothing_of_the_page_shines_through_the_second_reply(talk: Talk) -> None:
    """Gradio lifts the labels of its fields above what stands beside them."""
    talk.switch()
    talk.say("hi")
    talk.answered(1)
    found = talk.card.evaluate(_COVERED)
    assert found["covered"] > 0, "there is something under it"
    assert found["through"] == []


#: What stands under the middle of a label of the settings, where the card covers it.
_COVERED = """(card) => {
  const box = card.getBoundingClientRect();
  const labels = [...document.querySelectorAll("#chat-settings span[data-testid=block-info]")].map((label) => {
    const { left, right, top, bottom } = label.getBoundingClientRect();
    return { text: label.textContent.trim(), x: left + Math.min(20, (right - left) / 2), y: (top + bottom) / 2 };
  });
  const covered = labels.filter(({ x, y }) => x > box.left && x < box.right && y > box.top && y < box.bottom);
  const through = covered.filter(({ x, y }) => !card.contains(document.elementFromPoint(x, y))).map(({ text }) => text);
  return { covered: covered.length, through };
}"""
