"""Our own page as a desk on a vLLM server: what a move comes to, what the server does not take, and one that goes away.

The server is one that behaves as vLLM does (`helpers/false_vllm.py`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import false_vllm
from helpers.browser import Board, Mixer, compare, set_number, standalone, toast, wait_until
from helpers.false_vllm import FalseVllm
from playwright.sync_api import expect
from safetensors.numpy import load_file

from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.player import CONNECT
from lora_mixer.hosts.standalone.server import OnServer
from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.ui.page.panel import Panel

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


def read_scaling(folder: Path) -> float:
    config = json.loads((folder / "adapter_config.json").read_text())
    return float(config["lora_alpha"] / config["r"])


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
    server.pause = 0.05  # else one may be over before the other begins
    compare(page)
    server.pause = 0.0
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


def test_votes_charts_and_a_bake_on_a_vllm_server(mixer: Mixer, server: FalseVllm, tmp_path: Path, visit: Any) -> None:
    page = visit(mixer.url)
    expect(page.locator("#chat-send")).to_be_enabled()
    set_number(page, "chat-max-new-tokens", 8)
    set_number(page, "chat-seed", 7)
    Board(page).open()
    tabs = page.locator("#lora-mixer-tabs")

    # A chart of a text over the master: each point is an adapter of its own there.
    page.locator("[data-section='how much is enough?'] summary").click()
    page.locator("#lora-mixer-own-text").fill("the sea is deep and blue")
    page.locator("#lora-mixer-own-axis").fill("master 0, 0.5, 1")
    page.locator("#lora-mixer-draw-text").click()
    expect(page.locator("#lora-mixer-plot-text .js-plotly-plot")).to_contain_text("likeliest at gain")
    read = {body["model"] for path, body in server.asked if "prompt_logprobs" in (body or {})}
    assert len(read) == 3 and all(name.startswith("mixer-") for name in read)
    shot(page, "chart")

    # Blind votes: as loaded against the base.
    tabs.get_by_role("tab", name="Votes", exact=True).click()
    page.locator("#lora-mixer-votes-prompts").fill("where is my book?\nwho are you?")
    page.locator("#lora-mixer-votes-begin").click()
    ballot = page.locator("#lora-mixer-ballot:visible")
    for number in (1, 2):
        expect(ballot.locator(".lora-mixer-ballot-count")).to_contain_text(f"Pair {number} of 2")
        replies = ballot.locator(".lora-mixer-reply-text").all_inner_texts()
        assert len(set(replies)) == 2 and all(replies)
        # One of the two each time, whichever side it stands on.
        ballot.locator(f"[data-verdict={'left' if replies[0] > replies[1] else 'right'}]").click()
    expect(page.locator("#lora-mixer-outcome:visible")).to_contain_text(re.compile("preferred|level"))
    assert len(mixer.console.experiments.records.votes()) == 2
    shot(page, "votes")

    # What needs the model in this process says so.
    tabs.get_by_role("tab", name="Learn", exact=True).click()
    expect(page.locator("#lora-mixer-learn-elsewhere")).to_contain_text("Learning needs the model in this process")
    for part in ("material", "wish"):  # nobody is to fill in a form that cannot be sent
        expect(page.locator(f"#lora-mixer-learn-{part}")).to_be_hidden()
    shot(page, "learn")

    # What is heard there becomes a folder for other runtimes.
    mixer.console.move(Panel(Mix({"pirate": Faders(master=0.5)})))
    tabs.get_by_role("tab", name="Adapters", exact=True).click()
    page.locator("#lora-mixer-bake-name").fill("softer")
    expect(page.locator("#lora-mixer-bake-plan")).to_contain_text("softer")
    page.locator("#lora-mixer-bake-go").click()
    expect(page.locator("#lora-mixer-bake-result")).to_contain_text("softer is in")
    shot(page, "bake")
    loras = tmp_path / "state" / "loras"
    soft, loud = (load_file(loras / name / "adapter_model.safetensors") for name in ("softer", "pirate"))
    assert read_scaling(loras / "softer") == 1.0 and set(soft) == set(loud)
    for name in (name.removesuffix(".lora_A.weight") for name in loud if name.endswith(".lora_A.weight")):
        update, whole = (one[f"{name}.lora_B.weight"] @ one[f"{name}.lora_A.weight"] for one in (soft, loud))
        np.testing.assert_allclose(update, 0.5 * read_scaling(loras / "pirate") * whole, rtol=1e-5, atol=1e-6)


def test_a_server_that_takes_no_more_is_told_and_nothing_is_lost(mixer: Mixer, server: FalseVllm, visit: Any) -> None:
    page = visit(mixer.url)
    expect(page.locator("#chat-send")).to_be_enabled()
    set_number(page, "chat-max-new-tokens", 8)
    server.room = 0
    page.locator("#chat-input textarea").fill("where is my book?")
    page.locator("#chat-send").click()
    expect(toast(page).first).to_contain_text("takes no more at the moment")
    Board(page).open()
    page.locator("#lora-mixer-source").get_by_label("A text of my own", exact=True).click()
    page.locator("#lora-mixer-text textarea").fill("where is my book?")
    page.locator("#lora-mixer-start").click()
    expect(page.locator("#lora-mixer-status")).to_contain_text("takes no more at the moment")
    server.room = None
    compare(page)
    assert all(page.locator("#lora-mixer-results .lora-mixer-reply-text").all_inner_texts())
