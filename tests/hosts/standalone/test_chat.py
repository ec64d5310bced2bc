"""The standalone chat: turns, versions, Stop, pages that close, and pages that take turns."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from helpers import standalone_tiny
from helpers.standalone_tiny import GREEDY, LONG, generating_threads, values_of
from standin.textgen_model import tiny_model, with_adapter

from lora_mixer.hosts.standalone.chat import Chat
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Loaded, Start
from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.engine import Cancelled


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return standalone_tiny.tokenizer()


@pytest.fixture
def host() -> StandaloneHost:
    return standalone_tiny.host()


@pytest.fixture
def chat(host: StandaloneHost) -> Chat:
    with gr.Blocks():
        return Chat(host)


ME = SimpleNamespace(session_hash="me")


def texts(updates: list[Any]) -> tuple[History, str]:
    """The history and the status in what an answering event yields."""
    return updates[0], updates[-2]


def test_a_message_is_answered_and_asked_again_as_another_version(chat: Chat, host: StandaloneHost) -> None:
    steps = list(chat.say(ME, "Hi", *values_of(History())))
    assert steps[0][0].busy and steps[0][-1] == ""
    first, status = texts(steps[-1])
    assert not first.busy and first.last.user == "Hi" and first.last.reply
    assert "tokens" in status
    again, _ = texts(list(chat.say_again(ME, *values_of(first, replace(GREEDY, max_new_tokens=9))))[-1])
    assert again.last.versions[0] == first.last.reply and len(again.last.versions) == 2 and again.last.shown == 1
    assert len(steps[0]) == len(steps[-1]) == len(host.chat_outputs()) + 2
    assert not host.lock.locked()


def test_a_reply_goes_on_where_it_ended_under_the_faders_as_they_stand(chat: Chat, host: StandaloneHost) -> None:
    first, _ = texts(list(chat.say(ME, "Hi", *values_of(History())))[-1])
    steps = list(chat.say_more(ME, *values_of(first)))
    assert steps[0][0].busy and steps[0][0].last.reply == first.last.reply, "what there is stays in view"
    more, status = texts(steps[-1])
    assert first.last is not None and first.last.reply and more.last is not None and more.last.reply
    assert more.last.versions[0] == first.last.reply and len(more.last.versions) == 2 and "tokens" in status
    assert more.last.reply.startswith(first.last.reply) and len(more.last.reply) > len(first.last.reply)
    desk = Desk(host.model, host.lock)
    try:
        desk.apply(desk.base())
        other, _ = texts(list(chat.say_more(ME, *values_of(first)))[-1])
    finally:
        desk.reset()
    assert other.last.reply.startswith(first.last.reply) and other.last.reply != more.last.reply


def test_a_reply_that_goes_on_can_be_stopped_and_nothing_is_lost(chat: Chat, host: StandaloneHost) -> None:
    first, _ = texts(list(chat.say(ME, "Hi", *values_of(History())))[-1])
    steps = chat.say_more(ME, *values_of(first, LONG))
    for _ in range(3):
        next(steps)
    chat.stop_session(ME, History())
    stopped, status = texts(list(steps)[-1])
    assert stopped.last.versions[0] == first.last.reply and "Stopped" in status and not host.lock.locked()
    with host.lock:
        steps = chat.say_more(ME, *values_of(first))
        next(steps)
        chat.stop_session(ME, History())
        nothing, status = texts(list(steps)[-1])
    assert nothing == first and "before the first word" in status


def test_a_model_that_has_nothing_to_add_says_so(
    chat: Chat, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History().say("Hi").answer("Ho")
    monkeypatch.setattr(host, "turn", lambda request, stop: iter(()) if request.opening == "Ho" else None)
    monkeypatch.setattr("lora_mixer.hosts.standalone.chat.closing", nullcontext)
    settled, status = texts(list(chat.say_more(ME, *values_of(history)))[-1])
    assert settled == history and "nothing to add" in status
    with pytest.raises(gr.Error, match="say something first"):
        next(chat.say_more(ME, *values_of(History())))


def test_a_failure_is_shown_and_leaves_everything_free(
    chat: Chat, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(host.model, "generate", out_of_memory)
    steps = chat.say(ME, "Hi", *values_of(History()))
    seen = []
    with pytest.raises(gr.Error, match="not enough memory"):
        for step in steps:
            seen.append(step)
    assert seen[-1][0] == History() and seen[-1][-1] == "Hi"
    assert not host.lock.locked()
    monkeypatch.undo()
    assert texts(list(chat.say(ME, "Hi", *values_of(History())))[-1])[0].last.reply


def test_stop_keeps_what_was_said_and_is_for_its_own_page_alone(chat: Chat, host: StandaloneHost) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    for _ in range(3):
        last = next(steps)
    chat.stop_session(SimpleNamespace(session_hash="somebody else"), History())
    assert len(next(steps)[2]) >= len(last[2])
    chat.stop_session(ME, History())
    history, status = texts(list(steps)[-1])
    assert history.last.reply and "Stopped" in status
    assert not host.lock.locked() and not generating_threads()


def test_a_page_that_closes_frees_the_lock(chat: Chat, host: StandaloneHost) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    next(steps)
    next(steps)
    assert host.lock.locked()
    steps.close()
    assert not host.lock.locked() and not generating_threads()
    assert list(chat.say(ME, "Hi", *values_of(History())))


def test_two_pages_take_turns(chat: Chat, host: StandaloneHost) -> None:
    done: list[History] = []

    def second() -> None:
        steps = chat.say(SimpleNamespace(session_hash="you"), "Hi", *values_of(History()))
        done.append(list(steps)[-1][0])

    with host.lock:
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.4)
        assert not done and not generating_threads()
    waiting.join(20)
    assert done and done[0].last.reply


def test_stop_ends_the_waiting_for_a_turn(chat: Chat, host: StandaloneHost) -> None:
    with host.lock:
        running = host._stop
        steps = chat.say(ME, "Hi", *values_of(History()))
        next(steps)
        chat.stop_session(ME, History())
        history, status = texts(list(steps)[-1])
        assert host._stop is running and not running.is_set()  # whoever generates meanwhile is left alone
    assert history == History() and "Stopped" in status


def test_a_message_is_refused_while_one_is_answered_and_when_it_is_empty(chat: Chat) -> None:
    with pytest.raises(gr.Error, match="still being answered"):
        next(chat.say(ME, "Hi", *values_of(History(busy=True).say("One").answer(""))))
    with pytest.raises(gr.Error, match="Type a message"):
        next(chat.say(ME, "  ", *values_of(History())))
    with pytest.raises(gr.Error, match="nothing to regenerate"):
        next(chat.say_again(ME, *values_of(History())))


def test_a_refused_message_does_not_settle_the_reply_that_is_on_its_way(chat: Chat) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    busy = next(steps)[0]
    with pytest.raises(gr.Error):
        next(chat.say(ME, "Me too", *values_of(busy)))
    assert not any(isinstance(update, History) for update in chat.settle(ME, busy))
    steps.close()
    assert chat.settle(ME, busy)[0] == History()


def test_the_view_follows_the_history(chat: Chat, host: StandaloneHost) -> None:
    history = History().say("Hi").answer("one").answer("two")
    by_part = dict(zip([part.elem_id for part in host.chat_outputs()], chat.view(history), strict=True))
    assert by_part["chat-previous"]["interactive"] is True
    assert by_part["chat-next"]["interactive"] is False
    assert "2 / 2" in by_part["chat-version"]
    busy = dict(zip(by_part, chat.view(History(history.turns, busy=True)), strict=True))
    assert busy["chat-send"]["visible"] is False and busy["chat-stop"]["visible"] is True
    assert busy["chat-regenerate"]["interactive"] is False and busy["chat-clear"]["interactive"] is False


def test_the_head_of_the_page_says_how_far_it_is_and_offers_to_stop(
    chat: Chat, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_mixer.hosts.standalone.chat import STOP

    host._say("Splitting it: 50 of 210 …", 50 / 210)
    head, _, offer = chat.head()
    assert "value='24'" in head and "50 of 210" in head and offer["interactive"] is False
    monkeypatch.setattr(host, "_accepting", True)
    assert chat.head()[2]["value"] == STOP and chat.head()[2]["interactive"] is True

    async def press() -> list[Any]:
        return [step async for step in chat.accept()]

    [[_, _, offer]] = asyncio.run(press())
    assert host._called_off.is_set() and offer["interactive"] is False
    with pytest.raises(Cancelled):
        host._say("Splitting it: 51 of 210 …", 51 / 210)
    monkeypatch.setattr(host, "_accepting", False)
    host._settle()
    assert "<progress" not in chat.head()[0]


def test_the_header_escapes_names(tokenizer: Any) -> None:
    from lora_mixer.hosts.standalone.chat import header

    host = StandaloneHost(Start(Path(), Path("<i>tiny"), {"<b>": Path("b")}))
    assert "&lt;i&gt;tiny" in header(host) and "<i>" not in header(host)
    host.use(Loaded(with_adapter(tiny_model(), "<u>"), tokenizer, 31_000))
    assert "&lt;u&gt;" in header(host) and "<u>" not in header(host) and "31K parameters" in header(host)
    host.failure = "<img>"
    assert "<img>" not in header(host)
