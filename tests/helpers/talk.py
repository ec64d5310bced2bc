"""The chat that answers twice, on a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from helpers.browser import Mixer, set_number, wait_until
from helpers.gauge import Gauge
from playwright.sync_api import expect

from lora_mixer.ui.chat.answer_twice import Twice


class Coin:
    """Dice that say which mix stands in the chat: 0 for the first, 1 for the second."""

    def __init__(self) -> None:
        self.side = 0

    def random(self) -> float:
        return float(self.side)


@dataclass
class Talk:
    page: Any
    mixer: Mixer
    model: Gauge
    coin: Coin

    def switch(self) -> None:
        self.page.get_by_role("button", name="LoRA faders", exact=True).click()
        self.page.locator("#lora-mixer-twice-on").check()
        wait_until(self.page, lambda: self.mixer.console.twice.on, "it is switched on")
        self.page.get_by_role("button", name="Close the LoRA faders").click()

    def say(self, text: str) -> None:
        self.page.locator("#chat-input textarea").fill(text)
        self.page.locator("#chat-send").click()
        expect(self.page.locator("#chat-last .user .text")).to_have_text(text)

    def number(self) -> int:
        """That of the latest turn that was answered twice, from 1."""
        turn = self.mixer.console.twice.turn
        return turn.number if turn else 0

    def answered(self, number: int, stopped: bool = False) -> tuple[str, str]:
        """What stands in the chat, and beside it, when both replies of this turn are complete."""
        wait_until(self.page, lambda: self.number() == number, f"turn {number}")
        expect(self.card).to_have_attribute("data-turn", f"{number} done")
        said, chat = self.mixer.console.twice.turn.texts, self.page.locator("#chat-last .bot .text")
        # The two replies come to the page by ways of their own; a chat that is stopped leaves the last words out.
        if stopped:
            expect(self.page.locator("#chat-status")).to_contain_text("Stopped.")
        else:
            expect(chat).to_have_text(said[0])
        expect(self.card.locator(".lora-mixer-reply-text")).to_have_text(said[1])
        expect(self.page.locator("#chat-send")).to_be_visible()
        expect(self.card.locator("#lora-mixer-pick-right")).to_be_enabled()
        return str(chat.inner_text()), said[1]

    @property
    def card(self) -> Any:
        return self.page.locator("#lora-mixer-twice-card")

    def votes(self) -> list[Any]:
        return list(self.mixer.console.experiments.records.votes())


@pytest.fixture
def talk(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Talk]:
    mixer, made = served
    mixer.afresh()
    mixer.host.answer_turns(None)
    coin = Coin()
    mixer.console.twice = Twice(mixer.console, mixer.console.lab, dice=coin)  # type: ignore[arg-type]
    for one in mixer.console.experiments.records.list():
        mixer.console.experiments.records.delete(one.id)
    page = visit(mixer.url)
    page.locator("#page-header .facts").wait_for()
    set_number(page, "chat-max-new-tokens", 6)
    yield Talk(page, mixer, made, coin)
    made.brake.free()
    mixer.host.answer_turns(None)
    wait_until(page, mixer.free, "the model is given back")
