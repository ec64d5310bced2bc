"""The demo's page on llama.cpp: one click there and back, with the same faders and the same chat."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import ROOT, Board, Mixer, set_number, standalone, toast, wait_until
from helpers.shelved import adapters_tab, mix_tab
from playwright.sync_api import expect

from lora_mixer.hosts.standalone.host import HERE, ON_LLAMA, StandaloneHost
from lora_mixer.hosts.standalone.llama import AGAIN
from lora_mixer.hosts.standalone.llama_start import OnLlama
from lora_mixer.hosts.standalone.load import Start, demo_adapters
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.page.panel import Panel

#: The README's picture is made on the way, as `tests/test_pictures.py` makes the others.
FOLDER = ROOT / ("docs" if os.environ.get("LORA_MIXER_PICTURES") else "test-results")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    """The demo, loaded as `run.py demo` loads it; one thread, since the machine has others to run."""
    from lora_mixer.hosts.standalone import load as loading

    one_thread = lambda gguf: OnLlama(gguf, context=512, threads=1)  # noqa: E731
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "OnLlama", one_thread)
        state = tmp_path_factory.mktemp("state")
        host = StandaloneHost(Start(ROOT, None, demo_adapters(ROOT), state=state), initial_off=["butler"])
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


def test_one_click_has_the_demo_play_on_llama_cpp_and_back_with_the_same_faders(demo: Mixer, visit: Any) -> None:
    page = visit(demo.url, device_scale_factor=1.5)
    expect(page.locator("#chat-send")).to_be_enabled()
    set_number(page, "chat-max-new-tokens", 60)
    set_number(page, "chat-seed", 7)
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={3: 2.0}), "butler": Faders(on=False)})
    demo.console.move(Panel(mix))
    gains, before = demo.gains(), say(page, "Who are you?")
    other = visit(demo.url)  # somebody else's page hears of it too
    offer, head = page.locator("#page-offer"), page.locator("#page-header")
    expect(offer).to_have_text(ON_LLAMA)
    offer.click()
    expect(head).to_contain_text("llama.cpp")
    expect(offer).to_have_text(HERE)
    expect(other.locator("#page-header")).to_contain_text("llama.cpp")
    assert demo.console.desk().engine.name == "llama.cpp" and demo.console.panel.mix == mix
    assert demo.gains() == gains
    expect(page.locator("#chat-last .bot .text")).to_have_text(before)
    set_number(page, "chat-max-new-tokens", 8)
    begun = say(page, "And where is my book?")
    page.locator("#chat-continue").click()
    expect(page.locator("#chat-version")).to_contain_text("2 / 2")
    expect(page.locator("#chat-last .copy")).to_be_visible()
    further = str(page.locator("#chat-last .bot .text").text_content())
    assert further.startswith(begun) and len(further) > len(begun)
    set_number(page, "chat-max-new-tokens", 60)
    page.get_by_role("button", name="LoRA faders", exact=True).click()
    expect(page.locator("[data-part=mid-reply]")).to_contain_text("Moved in the middle of a reply")
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / "llama.png", animations="disabled")
    page.get_by_role("button", name="LoRA faders", exact=True).click()
    board = Board(page).open()
    assert float(board.master().input_value()) == 0.5
    expect(page.locator("#lora-mixer-cost")).to_contain_text("N of them cost about N times one")
    board.section("fade")
    expect(board.strip()).to_contain_text("slopes take long")
    # What its files hold is told as of a model in this process, and why it has no fader for the rank.
    expect(board.strip().locator("[data-part=spectrum]")).to_contain_text("95 % of what it adds lies in 3.2 components")
    expect(board.strip().locator(".lora-mixer-rank-row")).to_contain_text("bake it at a smaller rank")
    board.section("grid")
    for heat, unit in (("loudness", "of the weight it is added to"), ("needed", "components hold 95 %")):
        board.strip().locator(f"[data-heat={heat}]").click()
        expect(board.strip().locator("[data-part=legend]")).to_contain_text(unit)
        expect(board.strip().locator("[data-bar=q_proj] .lora-mixer-bar-number")).not_to_have_text("\u2013")
    adapters_tab(page)
    page.locator("#lora-mixer-bake-name").fill("softer")
    page.locator("#lora-mixer-bake-way").select_option("gguf-half")
    page.locator("#lora-mixer-bake-keep").select_option("rank")
    page.locator("#lora-mixer-bake-part").fill("4")
    expect(page.locator("#lora-mixer-bake-plan")).to_contain_text("of rank 4")
    page.locator("#lora-mixer-bake-go").click()
    expect(page.locator("#lora-mixer-bake-result")).to_contain_text("Played: a llama-server holds")
    expect(page.locator("[data-entry='softer.gguf']")).to_be_visible()
    # What it cannot do is told before anybody fills in a form.
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    elsewhere, examples = (page.locator(f"#lora-mixer-learn-{part}") for part in ("elsewhere", "material"))
    expect(elsewhere).to_contain_text("save the mix as a profile, which plays here too")
    expect(examples).to_be_hidden()
    if shots := os.environ.get("LORA_MIXER_SHOTS"):
        page.screenshot(path=str(Path(shots) / "llama-learn.png"))
    mix_tab(page)

    os.kill(demo.host.player._server.pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    board.chat()
    expect(head).to_contain_text("llama.cpp has ended")
    expect(offer).to_have_text(AGAIN)
    page.locator("#chat-input textarea").fill("Hello?")
    page.locator("#chat-send").click()
    expect(toast(page).first).to_contain_text("has ended")
    offer.click()
    expect(head).to_contain_text("on llama.cpp")
    assert say(page, "Hello again?") and demo.gains() == gains

    offer.click()
    expect(head).to_contain_text("float32")
    expect(offer).to_have_text(ON_LLAMA)
    wait_until(page, lambda: demo.console.desk() and demo.console.desk().engine.name == "PEFT", "PEFT plays again")
    board.open()
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    expect(examples).to_be_visible()
    expect(elsewhere).to_be_hidden()
    mix_tab(page)
    board.chat()
    assert demo.console.panel.mix == mix and demo.gains() == gains
    assert page.locator("#chat-turns .user").count() == 3
    assert say(page, "Thanks.")


def test_the_page_of_a_gguf_looks_right_at_any_width(tmp_path: Path, visit: Any) -> None:
    from lora_mixer.demo.base_model import gguf_file

    how = OnLlama(gguf_file(), context=512, threads=1)
    adapters = {"pirate": ROOT / "demo" / "adapters" / "pirate"}
    host = StandaloneHost(Start(ROOT, None, adapters, state=tmp_path, llama=how))
    host.load()
    try:
        with standalone(host) as mixer:
            for width in (390, 1600):
                page = visit(mixer.url, viewport={"width": width, "height": 900})
                expect(page.locator("#page-header")).to_contain_text("on llama.cpp")
                expect(page.locator("#page-offer")).to_be_hidden()
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if shots := os.environ.get("LORA_MIXER_SHOTS"):
                    page.screenshot(path=str(Path(shots) / f"llama-{width}.png"))
    finally:
        host.close()
