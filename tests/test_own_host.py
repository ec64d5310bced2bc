"""The host of the docs: what the page shows is the file that runs here, in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from helpers import browser
from helpers.standalone_tiny import tokenizer
from playwright.sync_api import expect
from standin.textgen_model import save_adapter, tiny_model

from lora_mixer.lora_ops import log

FILE = Path(__file__).resolve().parent.parent / "docs" / "own_host.py"


def own_host() -> Any:
    spec = importlib.util.spec_from_file_location("own_host", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_as_short_as_it_is_said_to_be():
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 60


@pytest.mark.browser
def test_its_page_moves_faders_and_compares(tmp_path: Path, visit: Any):
    tiny_model().save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    save_adapter(tmp_path / "adapter")
    module = own_host()
    host = module.OwnHost(str(tmp_path / "model"), str(tmp_path / "adapter"))
    blocks, look = module.page(host)
    with browser.serving(blocks.queue(), **look) as url:
        page = visit(url)
        desk = page.locator("#lora-mixer-desk .lora-mixer-desk")
        desk.wait_for()
        desk.get_by_label("Master fader of mine", exact=True).wait_for()
        page.locator("#lora-mixer-source").get_by_label("A text of my own").click()
        page.locator("#lora-mixer-text textarea").fill("Ahoy there")
        browser.compare(page)
        replies = page.locator("#lora-mixer-lab .lora-mixer-reply-text")
        expect(replies.first).not_to_have_text("")
        assert replies.count() >= 2
    log.keep(None)
