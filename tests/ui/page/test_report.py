"""Copy report: what is to be known of a trouble, and nothing that was said."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny
from helpers.shelved import opened, shelf_host
from helpers.troubled import PROMPT, fails, of_a_comparison, values

from lora_mixer.ui.lab import ask
from lora_mixer.ui.page import report
from lora_mixer.ui.page.studio import Studio


def test_the_report_says_what_is_to_be_known_and_nothing_that_was_said(
    console: Studio, monkeypatch: pytest.MonkeyPatch
):
    console.desk()
    list(ask.ask(console, "page", ask.Wish("text", PROMPT), values()))
    with monkeypatch.context() as patched:
        patched.setattr(console.host, "ask", fails)
        of_a_comparison(console)
    text = report.report(console)
    for piece in ("LoRA Mixer 0.", "Python 3.", "torch 2", "gradio ", "Host: the demo page", "Model: tiny (", "float32",
                  "Adapter: pirate, lora, rank 4, on; targets: ", "q_proj", "log.txt:", "come to grief"):  # fmt: skip
        assert piece in text, piece
    assert "apple" not in text and str(Path.home()) not in text


def test_the_report_says_why_there_is_nothing_to_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    console = opened(shelf_host(tmp_path, tiny.llama()))
    text = report.report(console)
    assert "Trouble: No adapter is loaded" in text and "Adapter:" not in text
    host = console.host
    monkeypatch.setattr(type(host), "model", property(lambda self: None))
    assert "Model: tiny" in report.report(Studio(host))
