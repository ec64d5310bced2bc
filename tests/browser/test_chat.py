"""The chat of the standalone page in a browser, on a model whose words tell how loud its adapter is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from helpers.browser import Board, Mixer, host_of, set_number, standalone, toast, wait_until
from helpers.gauge import Gauge, gauge
from playwright.sync_api import expect

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.ui.page.panel import Panel

pytestmark = pytest.mark.browser

FULL, NONE = "f", "n"
HOSTILE = '<img src=x onerror=pwned=1> & <script>pwned=1</script>\n**bold** $x$ <b>"quoted"</b>'


@dataclass
class Talk:
    """The chat on a page, and the model behind it."""

    page: Any
    mixer: Mixer
    model: Gauge

    def __post_init__(self) -> None:
        self.input = self.page.locator("#chat-input textarea")
        self.reply = self.page.locator("#chat-last .bot .text")
        self.status = self.page.locator("#chat-status")
        self.version = self.page.locator("#chat-version")

    def press(self, button: str) -> None:
        self.page.locator(f"#chat-{button}").click()

    def say(self, text: str) -> None:
        self.input.fill(text)
        self.press("send")
        expect(self.page.locator("#chat-last .user .text")).to_have_text(text)

    def settled(self) -> None:
        """Waits until the chat is ready for more."""
        expect(self.page.locator("#chat-send")).to_be_visible()
        expect(self.page.locator("#chat-stop")).to_be_hidden()

    def answer_begins(self, tokens: int) -> None:
        """Lets the model say so many tokens, and waits until the page shows that it speaks."""
        self.model.brake.let(tokens)
        wait_until(self.page, self.model.brake.waits, "the model says what it may")
        expect(self.reply).to_contain_text(FULL)


@pytest.fixture
def talk(served: tuple[Mixer, Gauge], visit: Any) -> Iterator[Talk]:
    """A chat whose replies have six tokens."""
    mixer, model = served
    mixer.afresh()
    page = visit(mixer.url)
    expect(page.locator("#chat-send")).to_be_enabled()
    set_number(page, "chat-max-new-tokens", 6)
    yield Talk(page, mixer, model)
    model.brake.free()
    wait_until(page, mixer.free, "the model is given back")


@pytest.fixture
def asked(served: tuple[Mixer, Gauge], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every request that the chat makes from here on."""
    host, requests = served[0].host, []
    stream = host.stream

    def noted(request: Any, stop: Any = None) -> Any:
        requests.append(request)
        return stream(request, stop)

    monkeypatch.setattr(host, "stream", noted)
    return requests


def test_a_message_is_answered_while_one_reads(talk: Talk) -> None:
    talk.model.brake.hold()
    talk.input.fill("Hello")
    talk.input.press("Enter")
    expect(talk.page.locator("#chat-last .user .text")).to_have_text("Hello")
    expect(talk.input).to_have_value("")
    talk.answer_begins(3)
    expect(talk.page.locator("#chat-stop")).to_be_visible()
    talk.model.brake.free()
    talk.settled()
    expect(talk.reply).to_have_text(FULL * 6)
    expect(talk.status).to_contain_text("6 tokens")
    talk.say("And more")
    talk.settled()
    expect(talk.page.locator("#chat-past .user .text")).to_have_text("Hello")
    expect(talk.page.locator("#chat-past .bot .text")).to_have_text(FULL * 6)


def test_stop_keeps_what_was_said(talk: Talk) -> None:
    set_number(talk.page, "chat-max-new-tokens", 500)
    talk.model.brake.hold()
    talk.say("Hello")
    talk.answer_begins(3)
    talk.press("stop")
    talk.model.brake.free()
    talk.settled()
    expect(talk.status).to_contain_text("Stopped.")
    said = talk.reply.text_content()
    assert said == FULL * len(said) and 3 <= len(said) < 500
    wait_until(talk.page, talk.mixer.free, "the model is given back")


def test_a_reply_is_made_again_and_every_version_is_kept(talk: Talk) -> None:
    talk.say("Hello")
    talk.settled()
    expect(talk.version).to_have_text("")
    talk.mixer.console.move(type(talk.mixer.console.panel).from_dict({"bypass": True}))
    talk.press("regenerate")
    expect(talk.version).to_have_text("2 / 2")
    talk.settled()
    expect(talk.reply).to_have_text(NONE * 6)
    talk.press("previous")
    expect(talk.reply).to_have_text(FULL * 6)
    expect(talk.version).to_have_text("1 / 2")
    expect(talk.page.locator("#chat-previous")).to_be_disabled()
    talk.press("next")
    expect(talk.reply).to_have_text(NONE * 6)
    expect(talk.page.locator("#chat-next")).to_be_disabled()


def test_clear_and_reload_begin_a_new_chat(talk: Talk) -> None:
    talk.say("Hello")
    talk.settled()
    talk.press("clear")
    expect(talk.page.locator("#chat-log .empty")).to_be_visible()
    expect(talk.page.locator("#chat-regenerate")).to_be_disabled()
    talk.page.locator("#chat-log .suggest").first.click()
    expect(talk.input).not_to_have_value("")
    talk.press("send")
    expect(talk.reply).to_have_text(FULL * 6)
    talk.settled()
    talk.page.reload()
    expect(talk.page.locator("#chat-log .empty")).to_be_visible()
    talk.say("Hello")
    talk.settled()
    expect(talk.reply).to_have_text(FULL * 256)  # the settings begin anew, too


def test_a_page_that_is_reloaded_while_it_is_answered_gives_the_model_back(talk: Talk) -> None:
    talk.model.brake.hold()
    talk.say("Hello")
    talk.answer_begins(2)
    talk.page.reload()
    expect(talk.page.locator("#chat-log .empty")).to_be_visible()
    talk.model.brake.free()
    talk.say("Hello again")
    talk.settled()
    expect(talk.reply).to_contain_text(FULL)


def test_the_settings_are_what_the_model_is_asked_with(talk: Talk, asked: list[Any]) -> None:
    talk.page.locator("#chat-system textarea").fill("Be brief.")
    for name, value in {"max-new-tokens": 4, "temperature": 0.7, "top-p": 0.8, "top-k": 5, "seed": 11}.items():
        set_number(talk.page, f"chat-{name}", value)
    talk.say("Hello")
    talk.settled()
    expect(talk.reply).to_have_text(FULL * 4)
    expect(talk.status).to_contain_text("seed 11")
    talk.page.locator("#chat-do-sample input").uncheck()
    talk.press("regenerate")
    expect(talk.version).to_have_text("2 / 2")
    talk.settled()
    sampled, greedy = asked
    assert sampled.prompt.startswith("Be brief.") and sampled.seed == 11
    expected = {"max_new_tokens": 4, "do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 5}
    assert {name: getattr(sampled.sampling, name) for name in expected} == expected
    assert greedy.sampling.do_sample is False


def test_what_cannot_be_asked_is_refused_with_the_reason(talk: Talk) -> None:
    talk.press("send")
    expect(toast(talk.page)).to_contain_text("Type a message first")
    toast(talk.page).get_by_role("button").first.click()
    expect(toast(talk.page)).to_have_count(0)
    set_number(talk.page, "chat-seed", -2)
    talk.input.fill("Hello")
    talk.press("send")
    expect(toast(talk.page)).to_contain_text("Seed must be")
    expect(talk.input).to_have_value("Hello")
    talk.settled()


def test_what_people_write_stays_text(talk: Talk) -> None:
    talk.say(HOSTILE)
    talk.settled()
    assert talk.page.locator("#chat-last .user .text").text_content() == HOSTILE
    assert talk.page.locator("#chat-log img, #chat-log script, #chat-log b").count() == 0
    assert talk.page.evaluate("typeof pwned") == "undefined"


def test_a_chat_waits_for_its_turn_and_can_give_up(talk: Talk) -> None:
    with talk.mixer.host.lock:  # somebody else is being answered
        talk.say("Hello")
        expect(talk.status).to_contain_text("Waiting for the model")
        talk.press("stop")
        talk.settled()
        expect(talk.status).to_contain_text("Stopped before the first word")
        expect(talk.input).to_have_value("Hello")
    talk.press("send")
    talk.settled()
    expect(talk.reply).to_have_text(FULL * 6)


def test_the_faders_beside_the_chat(talk: Talk) -> None:
    dock = talk.page.locator(".lora-mixer-dock")
    pill = talk.page.get_by_role("button", name="LoRA faders", exact=True)
    pill.click()
    dock.get_by_label("Master fader of pirate, beside the chat", exact=True).fill("0.5")
    wait_until(talk.page, lambda: set(talk.mixer.gains().values()) == {0.5}, "the fader is heard")
    dock.locator("summary").click()
    dock.get_by_label("down_proj fader of pirate", exact=True).fill("0")
    wait_until(talk.page, lambda: talk.mixer.gains()["layers.0.mlp.down_proj"] == 0, "the kind is heard")
    talk.say("Hello")
    talk.settled()
    expect(talk.reply).to_have_text(NONE * 6)
    board = Board(talk.page).open()
    expect(board.master()).to_have_value("0.5")
    expect(dock).to_be_hidden()
    board.chat()
    expect(dock.get_by_label("Master fader of pirate, beside the chat", exact=True)).to_be_visible()
    pill.press("Escape")
    expect(dock.get_by_label("Master fader of pirate, beside the chat", exact=True)).to_be_hidden()


def test_the_theme_that_was_chosen_stays(talk: Talk) -> None:
    talk.page.locator("#page-theme").click()
    expect(talk.page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    talk.page.reload()
    expect(talk.page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


def test_a_reply_is_copied(talk: Talk) -> None:
    talk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    talk.say("Hello")
    talk.settled()
    expect(talk.reply).to_have_text(FULL * 6)
    talk.page.locator("#chat-last .copy").click()
    expect(talk.page.locator("#chat-last .copy")).to_have_text("Copied")
    assert talk.page.evaluate("navigator.clipboard.readText()") == FULL * 6


def test_nothing_can_be_sent_before_the_model_is_there(visit: Any) -> None:
    model = gauge()
    host, ready = host_of(None, None), host_of(model.model, model.tokenizer)
    with standalone(host) as mixer:
        page = visit(mixer.url)
        expect(page.locator("#page-header")).to_contain_text("Loading tiny")
        expect(page.locator("#chat-send")).to_be_disabled()
        host.start = ready.start
        host.use(ready._loaded)
        expect(page.locator("#page-header")).to_contain_text("parameters, float32 on cpu")
        talk = Talk(page, mixer, model)
        set_number(page, "chat-max-new-tokens", 3)
        talk.say("Hello")
        talk.settled()
        expect(talk.reply).to_have_text(FULL * 3)


def test_a_fader_beside_the_chat_that_follows_a_fade_keeps_inside_of_its_panel(talk: Talk) -> None:
    console = talk.mixer.console
    console.move(Panel(Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 40")})})))
    talk.page.get_by_role("button", name="LoRA faders", exact=True).click()
    row = talk.page.locator(".lora-mixer-dock-panel .lora-mixer-channel .lora-mixer-fader").first
    expect(row).to_contain_text("follows a fade")
    assert row.evaluate("(row) => row.scrollWidth <= row.clientWidth")
    console.move(Panel())
    expect(row.locator("input.lora-mixer-number-input")).to_be_visible()
