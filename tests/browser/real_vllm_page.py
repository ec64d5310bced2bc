"""Our own page on a real vLLM server, from the first word to a bake; the README's picture of it is made on the way.

Not collected by itself: see `tests/lora_ops/engines/vllm/real_server.py`, whose server this plays. The picture goes to
`test-results/`, and to `docs/` when LORA_MIXER_PICTURES is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, Mixer, compare, set_number, standalone, wait_until
from playwright.sync_api import expect

from lora_mixer.demo.manners import MANNERS, marks
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start, demo_adapters
from lora_mixer.hosts.standalone.server import OnServer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ("docs" if os.environ.get("LORA_MIXER_PICTURES") else "test-results")
#: Seconds for what a server works out on a processor, its first likelihoods above all.
PATIENCE = 300


@pytest.fixture
def mixer(tmp_path: Path) -> Iterator[Mixer]:
    """A page on the server, with the pirate alone."""
    pirate = {"pirate": demo_adapters(ROOT)["pirate"]}
    there = OnServer(os.environ["LORA_MIXER_VLLM"], os.environ.get("LORA_MIXER_VLLM_KEY"), tmp_path / "shared")
    host = StandaloneHost(Start(ROOT, None, pirate, state=tmp_path / "state", server=there))
    host.load()
    with standalone(host) as mixer:
        yield mixer
    host.close()
    assert not list((tmp_path / "shared").iterdir()), "something of ours is left"


def pirate_in(text: str) -> int:
    """How many words of a pirate are in it."""
    return int(marks(text, MANNERS["pirate"]))


def reply(page: Any) -> str:
    """The chat's last reply, once it is over."""
    expect(page.locator("#chat-last .copy")).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.locator("#chat-send:visible")).to_have_count(1)
    return str(page.locator("#chat-last .bot .text").inner_text())


def test_a_person_plays_a_vllm_server(mixer: Mixer, visit: Any, tmp_path: Path) -> None:
    page = visit(mixer.url, device_scale_factor=1.5)
    expect(page.locator("#page-header")).to_contain_text("on vLLM at")
    set_number(page, "chat-max-new-tokens", 40)
    set_number(page, "chat-seed", 7)
    page.locator("#chat-input textarea").fill("How do I make a good cup of tea?")
    page.locator("#chat-send").click()
    loud = reply(page)
    assert pirate_in(loud) >= 2, loud

    # Silent, the same question with the same dice has no pirate in it.
    board = Board(page).open()
    said = page.locator("#lora-mixer-desk .lora-mixer-topbar .lora-mixer-line")
    board.master().fill("0")
    wait_until(page, lambda: set(mixer.gains("pirate").values()) == {0.0}, "a silent pirate")
    wait_until(page, lambda: mixer.host.engine.standing.plays(mixer.desk.mix), "the server has it")
    board.chat()
    page.locator("#chat-regenerate").click()
    expect(page.locator("#chat-version")).to_have_text("2 / 2", timeout=PATIENCE * 1000)
    assert pirate_in(reply(page)) < pirate_in(loud)

    # A sweep in the server's batch, and how likely each column finds the others' words.
    board.open()
    board.press("reset-all")
    page.get_by_role("button", name="Fill from a sweep").click()
    page.locator("#lora-mixer-sweep-x").fill("pirate: master 0 to 1 in 0.5")
    page.locator("#lora-mixer-fill").click()
    expect(page.locator(".lora-mixer-column")).to_have_count(3)
    page.get_by_role("button", name="Fill from a sweep").click()
    page.locator("#lora-mixer-source").get_by_label("A text of my own", exact=True).click()
    page.locator("#lora-mixer-text textarea").fill("How do I make a good cup of tea?")
    compare(page, seconds=PATIENCE)
    replies = page.locator("#lora-mixer-results .lora-mixer-reply-text").all_inner_texts()
    assert pirate_in(replies[0]) == 0 < pirate_in(replies[2]), replies
    expect(page.locator("#lora-mixer-status")).to_contain_text("in one batch")
    expect(said).to_contain_text("an adapter of rank 8")
    FOLDER.mkdir(exist_ok=True)
    page.locator("#lora-mixer-results").scroll_into_view_if_needed()
    page.screenshot(path=FOLDER / "server.png", animations="disabled")
    page.locator("#lora-mixer-measure").click()
    expect(page.locator("#lora-mixer-measures table").first).to_be_visible(timeout=PATIENCE * 1000)

    # A chart of a text over the master.
    page.locator("[data-section='how much is enough?'] summary").click()
    page.locator("#lora-mixer-own-text").fill(loud[:200])
    page.locator("#lora-mixer-own-axis").fill("master 0, 1, 2")
    page.locator("#lora-mixer-draw-text").click()
    chart = page.locator("#lora-mixer-plot-text .js-plotly-plot")
    expect(chart).to_contain_text("likeliest at gain", timeout=PATIENCE * 1000)

    # A blind vote.
    tabs = page.locator("#lora-mixer-tabs")
    tabs.get_by_role("tab", name="Votes", exact=True).click()
    page.locator("#lora-mixer-votes-prompts").fill("Who are you?")
    page.locator("#lora-mixer-votes-begin").click()
    ballot = page.locator("#lora-mixer-ballot:visible")
    expect(ballot.locator(".lora-mixer-ballot-count")).to_contain_text("Pair 1 of", timeout=PATIENCE * 1000)
    ballot.locator("[data-verdict=left]").click()
    wait_until(page, lambda: len(mixer.console.experiments.records.votes()) == 1, "the vote is kept")

    # What is heard becomes a folder for other runtimes.
    tabs.get_by_role("tab", name="Adapters", exact=True).click()
    page.locator("#lora-mixer-bake-name").fill("softer")
    expect(page.locator("#lora-mixer-bake-plan")).to_contain_text("softer")
    page.locator("#lora-mixer-bake-go").click()
    expect(page.locator("#lora-mixer-bake-result")).to_contain_text("softer is in", timeout=PATIENCE * 1000)
    assert (tmp_path / "state" / "loras" / "softer" / "adapter_model.safetensors").is_file()

    # What needs the model in this process says so.
    tabs.get_by_role("tab", name="Learn", exact=True).click()
    expect(page.locator("#lora-mixer-learn-page")).to_contain_text("Learning needs the model in this process")
