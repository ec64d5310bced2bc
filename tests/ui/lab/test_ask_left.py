"""A page that is closed, or loaded again, in the middle of a comparison."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.lab.ask import TYPED, Wish, ask

VALUES = [History(), *asdict(Settings(max_new_tokens=400, do_sample=False)).values()]


def test_the_line_above_the_replies_then_says_what_came_of_it(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate()))
    with closing(ask(console, "page", Wish(TYPED, "Ahoy there", 1), VALUES)) as news:
        for _ in range(3):  # it waits; the columns; the first words
            next(news)
    sheet = console.lab.sheet("page")
    assert sheet is not None and not sheet.line.running
    assert "seed" in sheet.line.text or "Stopped" in sheet.line.text
    assert not console.host.lock.locked() and not console.comparing
