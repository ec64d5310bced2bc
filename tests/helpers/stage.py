"""Comparing on a page: its columns, its replies, and the chat beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers import browser
from helpers.browser import Mixer, set_number, wait_until
from helpers.gauge import Gauge
from playwright.sync_api import expect

FULL, NONE = "f", "n"


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@dataclass
class Stage:
    """A page around a gauge, and what a user does there."""

    page: Any
    mixer: Mixer
    model: Gauge

    def tokens(self, most: int) -> None:
        set_number(self.page, "chat-max-new-tokens", most)

    def say(self, text: str) -> None:
        self.page.locator("#chat-input textarea").fill(text)
        self.page.locator("#chat-send").click()
        expect(self.page.locator("#chat-last .user .text")).to_have_text(text)

    def answered(self) -> str:
        """The chat's reply, when it is complete; the page showed the user's message and Stop at once."""
        expect(self.page.locator("#chat-stop")).to_be_hidden()
        expect(self.page.locator("#chat-send")).to_be_visible()
        return self.reply()

    def reply(self) -> str:
        shown = self.page.locator("#chat-last .bot .text")
        return str(shown.inner_text()) if shown.count() else ""

    def step_until(self, condition: Any, what: str) -> None:
        """Lets the model say one token after the other until `condition` holds, and then waits."""

        def step() -> bool:
            if self.model.brake.waits() and not condition():
                self.model.brake.let(1)
            return bool(condition())

        wait_until(self.page, step, what)

    def column(self, side: str) -> str:
        text = self.page.locator(f"#lora-mixer-reply-{side} .lora-mixer-reply-text").inner_text()
        return "" if "will stand here" in text else str(text)

    def start(self) -> None:
        self.page.locator("#lora-mixer-start").click()
        expect(self.page.locator("#lora-mixer-stop")).to_be_enabled()

    def compare(self) -> str:
        """A comparison from its start to its end; the line that sums it up."""
        browser.compare(self.page)
        expect(self.page.locator("#lora-mixer-status")).to_contain_text("seed")
        return str(self.page.locator("#lora-mixer-status").inner_text())
