"""A reply to the API says what its mix says, with the same dice, and leaves the faders where they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import standalone_tiny
from helpers.llama import Llama

from lora_mixer.hosts.openai_refusal import Refusal
from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.openai_reply import Said, reply, request_of
from lora_mixer.hosts.standalone.openai_request import Asked, read_chat, read_completion
from lora_mixer.hosts.standalone.server import OnServer
from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare

LOUD, SILENT = Mix({"pirate": Faders(master=2.0)}), Mix({"pirate": Faders(on=False)})
FADING = Mix.from_dict({"adapters": {"pirate": {"fades": {"master": [[0, 0], [4, 2]]}}}})


@pytest.fixture
def host() -> Iterator[StandaloneHost]:
    made = standalone_tiny.host()
    desk = Desk(made.engine, made.lock)
    desk.apply(Mix({"pirate": Faders(master=0.5)}))
    yield made
    desk.reset()


def asked(**more: Any) -> Asked:
    said = {"messages": [{"role": "user", "content": "Ahoy"}], "temperature": 0, "max_tokens": 8, **more}
    return read_chat(json.dumps(said).encode())


def said(host: StandaloneHost, of: Asked, mix: Mix | None, heard: Callable[[Said], None] = lambda _: None) -> Said:
    run = reply(host, request_of(host, of), mix)
    for news in run:
        heard(news)
    assert news == run.result
    return run.result


@pytest.mark.parametrize("mix", [Mix(), LOUD, SILENT, FADING], ids=["as loaded", "loud", "base", "fading"])
@pytest.mark.parametrize("dice", [{}, {"temperature": 1, "seed": 7}], ids=["greedy", "sampled"])
def test_it_says_what_a_column_says_and_the_faders_stay(host: StandaloneHost, mix: Mix, dice: dict[str, Any]) -> None:
    desk, of = host.engine.desk, asked(**dice)
    request = request_of(host, of)
    run = compare(desk, None, request.token_ids, [Column("", mix)], seed=request.seed, generation=request.sampling)
    list(run)
    before = desk.scaling(desk.adapters["pirate"].targets[0])
    assert said(host, of, mix).text == run.result.columns[0].text
    assert desk.mix["pirate"].master == 0.5 and desk.scaling(desk.adapters["pirate"].targets[0]) == before


@pytest.mark.parametrize("dice", [{}, {"temperature": 1, "seed": 7}], ids=["greedy", "sampled"])
def test_without_a_mix_it_hears_the_faders_with_the_same_dice(host: StandaloneHost, dice: dict[str, Any]) -> None:
    for mix in (host.engine.desk.mix, LOUD):
        host.engine.desk.apply(mix)
        heard, own = said(host, asked(**dice), None), said(host, asked(**dice), mix)
        assert (heard.text, heard.finish) == (own.text, own.finish)
    assert heard.text != said(host, asked(**dice), SILENT).text


def test_a_fader_that_is_moved_meanwhile_waits_for_a_mix_and_moves_a_reply_without(host: StandaloneHost) -> None:
    desk = host.engine.desk
    alone = said(host, asked(), SILENT)
    assert said(host, asked(), SILENT, lambda _: desk.apply(LOUD)) == alone
    assert desk.mix == LOUD and said(host, asked(), None) == said(host, asked(), LOUD)
    desk.apply(SILENT)
    assert said(host, asked(), None, lambda _: desk.apply(LOUD)).text != alone.text


@pytest.mark.parametrize("mix", [None, LOUD], ids=["faders", "mix"])
def test_it_ends_at_a_stop_string_or_at_its_length(host: StandaloneHost, mix: Mix | None) -> None:
    host.engine.desk.apply(LOUD)
    whole = said(host, asked(), mix)
    assert (whole.finish, whole.tokens) == ("length", 8)
    at = next(letter for letter in whole.text[1:] if letter.isprintable())
    ended = said(host, asked(stop=at), mix)
    assert ended.finish == "stop" and ended.text == whole.text[: whole.text.index(at)]


@pytest.mark.parametrize("mix", [None, LOUD], ids=["faders", "mix"])
def test_it_stops_when_nobody_listens_and_when_nobody_waits(host: StandaloneHost, mix: Mix | None) -> None:
    run = reply(host, request_of(host, asked(max_tokens=1900)), mix)
    listening = iter(run)
    next(listening)
    listening.close()
    assert run.result.finish == "stopped" and run.result.tokens < 1900
    assert not host.lock.locked() and not standalone_tiny.generating_threads()
    with host.lock:
        waits = reply(host, request_of(host, asked()), mix)
        threading.Timer(0.05, waits.stop).start()
        assert not list(waits) and waits.result == Said("", 0, "stopped")


def test_a_text_goes_on_without_a_template(host: StandaloneHost) -> None:
    request = request_of(host, read_completion(b'{"prompt": "Ahoy", "temperature": 0}'))
    tokenizer = standalone_tiny.tokenizer()
    assert request.prompt == "Ahoy" and list(request.token_ids) == tokenizer("Ahoy")["input_ids"]
    assert said(host, read_completion(b'{"prompt": "Ahoy", "temperature": 0}'), LOUD).tokens == 16


def test_a_reply_goes_on_from_its_beginning(host: StandaloneHost) -> None:
    messages = [{"role": "user", "content": "Ahoy"}, {"role": "assistant", "content": "Arr, "}]
    request = request_of(host, asked(messages=messages))
    assert request.prompt == request_of(host, asked()).prompt + "Arr, "


def test_on_llama_cpp_it_says_what_a_column_says_and_a_text_goes_on(llama: Llama) -> None:
    host = StandaloneHost(Start(Path("nowhere"), server=OnServer(llama.server.url, llama.server.key)))
    host.load()
    desk = Desk(host.engine, host.lock)
    desk.apply(desk.base())
    words = {}
    for mix in (None, Mix({"butler": Faders(on=False)}), Mix({"pirate": Faders(on=False)}), desk.base()):
        request = request_of(host, asked())
        run = compare(desk, None, request.token_ids, [Column("", mix or desk.mix)], seed=0, generation=request.sampling)
        list(run)
        words[str(mix)] = said(host, asked(), mix).text
        assert words[str(mix)] == run.result.columns[0].text
    assert len(set(words.values())) == 3 and desk.mix == desk.base()
    going_on = read_completion(b'{"prompt": "Once upon a", "temperature": 0, "max_tokens": 4}')
    assert request_of(host, going_on).prompt == "Once upon a"
    assert said(host, going_on, desk.base()).tokens == said(host, going_on, None).tokens == 4
    host.close()


def test_a_model_that_is_another_by_its_turn_is_not_asked(host: StandaloneHost) -> None:
    run = reply(host, request_of(host, asked()), LOUD)
    host.use(standalone_tiny.host().player)
    with pytest.raises(HostError, match="were changed while this waited"):
        list(run)


def test_what_cannot_be_asked_is_refused(host: StandaloneHost) -> None:
    with pytest.raises(Refusal, match="2048") as refusal:
        request_of(host, asked(messages=[{"role": "user", "content": "x" * 3000}]))
    assert (refusal.value.status, refusal.value.code) == (400, "context_length_exceeded")
    loading = StandaloneHost(Start(host.start.root))
    with pytest.raises(Refusal, match="One moment") as refusal:
        request_of(loading, asked())
    assert (refusal.value.status, refusal.value.code) == (503, "model_not_ready")


def test_what_a_template_refuses_is_said_in_its_own_words(
    host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    picky = "{{ raise_exception('roles must take turns') }}"
    monkeypatch.setattr(host.player.tokenizer, "chat_template", picky)
    with pytest.raises(Refusal, match="roles must take turns") as refusal:
        request_of(host, asked())
    assert refusal.value.status == 400
