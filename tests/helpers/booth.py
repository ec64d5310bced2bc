"""The page of blind votes, and what a user does there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import expect

from lora_mixer.ui.votes.session import Sessions

from .browser import Board, Mixer, set_number
from .gauge import Gauge

FULL, NONE = "f", "n"
PROMPTS = "one\ntwo\nthree\n<b>four</b>"
KEYS = {"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowUp", "bad": "ArrowDown"}


@dataclass
class Booth:
    """The page of votes, and what a user does there."""

    page: Any
    mixer: Mixer
    model: Gauge

    def open(self) -> Booth:
        Board(self.page).open()
        self.page.locator("#lora-mixer-tabs").get_by_role("tab", name="Votes", exact=True).click()
        self.page.locator("#lora-mixer-votes-page").wait_for()
        return self

    def begin(self, prompts: str = PROMPTS, pairs: int = 20) -> None:
        self.page.locator("#lora-mixer-votes-prompts").fill(prompts)
        self.page.locator("#lora-mixer-votes-pairs").fill(str(pairs))
        self.page.locator("#lora-mixer-votes-begin").click()

    def count(self) -> str:
        return str(self.page.locator("#lora-mixer-ballot .lora-mixer-ballot-count").inner_text())

    def pair(self, number: int) -> tuple[str, str]:
        """The two replies, when this pair is up."""
        up = self.page.locator("#lora-mixer-ballot:visible .lora-mixer-ballot-count")
        expect(up).to_contain_text(f"Pair {number} of")
        sides = self.page.locator("#lora-mixer-ballot .lora-mixer-reply-text")
        return str(sides.nth(0).inner_text()), str(sides.nth(1).inner_text())

    def prefer(self, word: str, number: int) -> None:
        """Votes for the reply that says this, by keyboard."""
        self.page.keyboard.press(KEYS["left" if self.pair(number)[0].startswith(word) else "right"])

    def outcome(self, words: str) -> str:
        """What the page says of a session that is over, once it says this."""
        shown = self.page.locator("#lora-mixer-outcome:visible")
        expect(shown).to_contain_text(words)
        return str(shown.inner_text())

    def kept(self) -> Any:
        return self.mixer.console.experiments.records


def empty_booth(mixer: Mixer, model: Gauge, visit: Any, tokens: int) -> Booth:
    """A page where nobody has voted yet, and replies have so many tokens."""
    mixer.afresh()
    mixer.console.sessions = Sessions()
    for one in mixer.console.experiments.records.list():
        mixer.console.experiments.records.delete(one.id)
    page = visit(mixer.url)
    page.locator("#page-header .facts").wait_for()
    set_number(page, "chat-max-new-tokens", tokens)
    return Booth(page, mixer, model).open()
