"""Our own page as a desk on a vLLM server: what a move comes to, what the server does not take, and one that goes away.

The server is one that behaves as vLLM does (`helpers/false_vllm.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import false_vllm
from helpers.browser import Board, Mixer, compare, set_number, standalone, toast, wait_until
from helpers.false_vllm import FalseVllm
from playwright.sync_api import expect

from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.player import CONNECT
from lora_mixer.hosts.standalone.server import OnServer

pytestmark = pytest.mark.browser


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FalseVllm]:
    monkeypatch.setattr("lora_mixer.lora_ops.engines.vllm.stock._GRACE", 0.1)
    with false_vllm.serving() as state:
        yield state
        assert not state.amiss, "a real server could have ended"


@pytest.fixture
def mixer(server: FalseVllm, tmp_path: Path) -> Iterator[Mixer]:
    """A page on the server, whose shelf holds a second adapter."""
    state = tmp_path / "state"
    pirate, _ = (
        false_vllm.write_adapter(state / "loras" / name, seed) for seed, name in enumerate(("pirate", "butler"))
    )
    there = OnServer(server.url, false_vllm.KEY, tmp_path / "shared")
    host = StandaloneHost(Start(tmp_path, None, {"pirate": pirate}, state=state, server=there))
    host.load()
    with standalone(host) as mixer:
        yield mixer
    host.close()


def say(page: Any, text: str) -> str:
    """Says something; the reply."""
    page.locator("#chat-input textarea").fill(text)
    page.locator("#chat-send").click()
    expect(page.locator("#chat-last .user .text")).to_have_text(text)
    expect(page.locator("#chat-last .copy")).to_be_visible()
    return str(page.locator("#chat-last .bot .text").text_content())


def shot(page: Any, name: str) -> None:
    """A picture for whoever looks, where one is wanted."""
    if folder := os.environ.get("LORA_MIXER_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"vllm-{name}.png"))


def test_a_desk_on_a_vllm_server_from_the_first_word_to_a_server_that_comes_back(
    mixer: Mixer, server: FalseVllm, visit: Any
) -> None:
    page = visit(mixer.url)
    head, offer = page.locator("#page-header"), page.locator("#page-offer")
    expect(head).to_contain_text("letters")
    expect(head).to_contain_text("on vLLM at 127.0.0.1")
    expect(page.locator("#chat-send")).to_be_enabled()
    set_number(page, "chat-max-new-tokens", 12)
    set_number(page, "chat-seed", 7)
    loud = say(page, "where is my book?")
    page.get_by_role("button", name="LoRA faders", exact=True).click()
    standing = page.locator("[data-part=standing]")
    expect(standing).to_contain_text("an adapter of rank 2")
    expect(page.locator("[data-part=move]")).to_contain_text("once the faders stand still")
    expect(page.locator("[data-part=mid-reply]")).to_contain_text("Moved in the middle of a reply")

    # A move, and what has no form there.
    board = Board(page).open()
    board.master().fill("0.5")
    said = page.locator("#lora-mixer-desk .lora-mixer-topbar .lora-mixer-line")
    expect(said).to_contain_text("written and loaded in")
    fade = board.section("fade")
    expect(fade).to_contain_text("gains that change over a reply would need one for each token")
    expect(fade.locator("[data-do=add-fade]")).to_be_disabled()
    shot(page, "desk")

    # Two at once are too much for the server, until the strongest components are asked for.
    server.most_rank = 3
    mixer.host.load_adapters(["butler"], keep=True)
    too_much = board.desk.locator(".lora-mixer-offer")
    expect(too_much).to_contain_text("this mix has rank 4")
    shot(page, "refused")
    too_much.locator("[data-do=offer]").click()
    expect(too_much).to_be_hidden()
    expect(said).to_contain_text("of its energy is left out")

    # Columns in the server's batch, and how likely each holds the other's words.
    compare(page)
    expect(page.locator("#lora-mixer-status")).not_to_contain_text("one after the other")
    assert server.most_at_once >= 2
    expect(page.locator("[data-part=scores]")).to_contain_text("measure when nobody else uses it")
    page.locator("#lora-mixer-measure").click()
    expect(page.locator("#lora-mixer-measures")).to_be_visible()
    wait_until(page, lambda: any("prompt_logprobs" in (body or {}) for _, body in server.asked), "likelihoods")

    # The server goes away, and comes back without remembering anything.
    board.chat()
    client = mixer.host.engine.client
    client._port, port = 9, client._port
    page.locator("#chat-input textarea").fill("hello?")
    page.locator("#chat-send").click()
    expect(toast(page).first).to_contain_text("nothing listens there")
    expect(head).to_contain_text("is not there")
    expect(offer).to_have_text(CONNECT)
    shot(page, "gone")
    client._port = port
    server.loaded.clear()
    offer.click()
    expect(head).to_contain_text("on vLLM")
    expect(offer).to_be_hidden()
    mixer.host.unload_adapters(["butler"])
    board.open()
    board.press("reset-all")
    expect(said).to_contain_text("an adapter of rank 2")
    board.chat()
    expect(page.locator("#chat-last .bot .text")).to_have_text(loud)
    page.locator("#chat-clear").click()
    assert say(page, "where is my book?") == loud
