"""Comparisons as a page asks for them, on the server alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from helpers.ordered import obey
from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.lab import orders
from lora_mixer.ui.lab.ask import MANY, TYPED, Wish, ask
from lora_mixer.ui.lab.experiment_files import export
from lora_mixer.ui.lab.sheet import Line, Sheet
from lora_mixer.ui.page.studio import Studio

VALUES = [History(), *asdict(Settings(max_new_tokens=6, do_sample=False)).values()]


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


def compared(console: Studio, text: str = "Ahoy there", sweep: str = "", seeds: int = 1) -> Sheet:
    """What came of a comparison: of the columns as they are, or of a sweep."""
    if sweep:
        answer = obey(orders, console, "page", {"do": "fill", "x": sweep})
        assert "refused" not in answer, answer["refused"]
    list(ask(console, "page", Wish(MANY if "\n" in text else TYPED, text, seeds), VALUES))
    sheet = console.lab.sheet("page")
    assert sheet is not None and sheet.results
    return sheet


def read_back(console: Studio, sheet: Sheet) -> Sheet:
    """The same experiment, out of the file that it was saved as."""
    data = base64.b64encode(export(sheet, "jsonl")["text"].encode()).decode()
    answer = obey(orders, console, "page", {"do": "read", "data": data, "name": "it.jsonl"})
    assert "refused" not in answer, answer["refused"]
    again = console.lab.sheet("page")
    assert again is not None and again is not sheet
    return again


def drawn(steps: Iterator[Line]) -> tuple[list[Line], Any]:
    lines: list[Line] = []
    while True:
        try:
            lines.append(next(steps))
        except StopIteration as end:
            return lines, end.value
