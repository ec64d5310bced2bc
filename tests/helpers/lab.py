"""The lab on a page: columns, sweeps, rows of prompts, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.browser import Board, Mixer, wait_until
from helpers.gauge import Gauge
from helpers.stage import Stage
from playwright.sync_api import expect

from lora_mixer.lora_ops.results.records import Records
from lora_mixer.ui.page.experiments import FILE

WRONG = "w"


class Lab(Stage):
    """A stage whose page is open at the lab, with a text of one's own to ask."""

    def ask(self, text: str = "hi", source: str = "A text of my own") -> None:
        self.page.locator("#lora-mixer-source").get_by_label(source, exact=True).click()
        self.page.locator("#lora-mixer-text textarea").fill(text)

    def sweep(self, x: str, y: str = "") -> None:
        """Fills the columns; the form stays open."""
        form = self.page.locator("#lora-mixer-sweep")
        if not form.is_visible():
            self.page.get_by_role("button", name="Fill from a sweep").click()
        for at, text in (("x", x), ("y", y)):
            self.page.locator(f"#lora-mixer-sweep-{at}").fill(text)
        self.page.locator("#lora-mixer-fill").click()

    def lines(self) -> Any:
        """The columns as they are set up."""
        return self.page.locator(".lora-mixer-column")

    def names(self) -> list[str]:
        fields = self.page.locator(".lora-mixer-column-name")
        return list(fields.evaluate_all("(fields) => fields.map((field) => field.value)"))

    def cards(self) -> Any:
        return self.page.locator("#lora-mixer-results .lora-mixer-reply")

    def texts(self) -> list[str]:
        return [str(text) for text in self.page.locator("#lora-mixer-results .lora-mixer-reply-text").all_inner_texts()]

    def ran(self) -> list[str]:
        """What all cards say after a comparison."""
        self.compare()
        # Old Gradio sometimes makes one of two updates; the page then looks again.
        expect(self.page.locator("#lora-mixer-results .lora-mixer-caret:visible")).to_have_count(0)
        return self.texts()

    def save(self, form: str, folder: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.locator(f"#lora-mixer-save-{form}").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def records(self) -> Records:
        return Records(self.mixer.host.user_data / FILE)

    def kept(self, trials: int) -> Any:
        """The experiment that is shown, with so many trials, out of what is kept: that is written beside the page."""
        uid = self.mixer.console.lab.sheet("").record.uid

        def found() -> Any:
            return next((one for one in self.records().list() if one.uid == uid and one.trials == trials), None)

        return self.records().load(wait_until(self.page, found, f"{trials} trials are kept").id)


def opened(visit: Any, mixer: Mixer, made: Gauge, tokens: int = 5) -> Lab:
    page = visit(mixer.url)
    page.locator("#page-header .facts").wait_for()
    lab = Lab(page, mixer, made)
    lab.tokens(tokens)
    Board(page).open()
    expect(page.locator("#lora-mixer-start")).to_be_enabled()
    return lab
