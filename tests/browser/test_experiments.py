"""Experiments that are kept, saved and opened again, and what strangers see of them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, host_of, standalone, toast, wait_until
from helpers.gauge import gauge
from helpers.lab import Lab, opened
from helpers.stage import HOSTILE
from playwright.sync_api import expect

from lora_mixer.lora_ops.results.export import from_jsonl

pytestmark = pytest.mark.browser


def test_an_experiment_is_saved_opened_again_and_kept(lab: Lab, tmp_path: Path, visit: Any) -> None:
    lab.sweep("master 0, 1", "down_proj 0, 1")
    expect(lab.lines()).to_have_count(4)
    lab.page.get_by_label("Name of column A", exact=True).fill(HOSTILE)
    lab.page.get_by_label("Name of column A", exact=True).press("Enter")
    lab.ask(f"=1+1\n{HOSTILE}", "Several prompts")
    texts = lab.ran()
    lab.page.locator("#lora-mixer-measure").click()
    numbers = lab.page.locator("#lora-mixer-measures td")
    expect(numbers).to_have_count(32)
    measured = numbers.all_inner_texts()
    saved = lab.save("jsonl", tmp_path)
    (record,) = from_jsonl(saved.read_bytes())
    assert record.columns[0].label == HOSTILE and len(record.trials) == 2
    rows = list(csv.reader(io.StringIO(lab.save("csv", tmp_path).read_text("utf-8-sig"))))
    assert len(rows) == 1 + 8
    page = visit(lab.save("html", tmp_path).as_uri())
    expect(page.locator("body")).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0

    (kept,) = [one for one in lab.records().list() if one.uid == record.uid]
    assert lab.records().load(kept.id) == record

    lab.mixer.afresh()
    other = opened(visit, lab.mixer, lab.model)
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"experiment": {"model": 3}}', encoding="utf-8")
    other.page.locator("#lora-mixer-read-file").set_input_files(wrong)
    expect(toast(other.page)).to_contain_text("wrong.jsonl: line 1")
    other.page.locator("#lora-mixer-read-file").set_input_files(saved)
    expect(other.page.locator(".lora-mixer-axis-x").first).to_be_visible()
    wait_until(other.page, lambda: other.texts() == texts, "the replies that were saved")
    expect(other.page.locator("#lora-mixer-measures td")).to_have_text(measured)
    expect(other.page.locator("#lora-mixer-compare")).to_contain_text("Read from a file")
    assert other.page.locator("#lora-mixer-compare img, #lora-mixer-compare script").count() == 0
    assert len([one for one in other.records().list() if one.uid == record.uid]) == 1


def test_a_page_that_is_loaded_again_shows_what_was_compared_last(lab: Lab) -> None:
    lab.ask()
    texts = lab.ran()
    lab.page.reload()
    Board(lab.page).open()
    wait_until(lab.page, lambda: lab.texts() == texts, "the replies are there again")


def test_strangers_see_nothing_of_each_other_and_nothing_is_kept(visit: Any) -> None:
    made = gauge()
    with standalone(host_of(made.model, made.tokenizer, multi_user=True)) as mixer:
        lab = opened(visit, mixer, made)
        lab.ask("a secret")
        lab.compare()
        expect(lab.page.locator("#lora-mixer-compare")).to_contain_text("strangers share this host")
        stranger = opened(visit, mixer, made)
        wait_until(stranger.page, lambda: stranger.page.evaluate("loraMixer.lab.setup !== null"), "it has looked")
        assert stranger.page.evaluate("loraMixer.lab.sheet") is None
        assert "will stand here" in stranger.texts()[0]
        assert mixer.host.user_data is None and not list(mixer.host.start.state.iterdir())


def test_what_is_told_stays_text(visit: Any) -> None:
    made = gauge()
    with standalone(host_of(made.model, made.tokenizer)) as mixer:
        lab = opened(visit, mixer, made)
        lab.page.locator("#lora-mixer-read-file").set_input_files(
            {"name": f"{HOSTILE}.jsonl", "mimeType": "text/plain", "buffer": b"nothing"}
        )
        expect(toast(lab.page)).to_contain_text("onerror=alert(1)")
        assert lab.page.locator("img[src=x]").count() == 0
