"""The API of our own page: a mix for every request, profiles as models, and answers to those who may ask alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from helpers import standalone_tiny
from helpers.api_served import CHAT, COMPLETIONS, KEY, MODELS, PLAIN, Api, chat, events, served

from lora_mixer.hosts.standalone import openai_server
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.openai_reply import request_of
from lora_mixer.hosts.standalone.openai_request import read_chat
from lora_mixer.hosts.standalone.turn import turn
from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare
from lora_mixer.lora_ops.profile import Profile
from lora_mixer.lora_ops.profiles import FOLDER, Profiles

SOFT = Mix({"pirate": Faders(master=0.25)})


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneHost]:
    made = standalone_tiny.host()
    home = tmp_path_factory.mktemp("home")
    made.start = Start(home, home / "tiny", {}, state=home)
    profiles = Profiles(home / FOLDER)
    profiles.save(Profile(name="softer pirate", mix=SOFT))
    profiles.save(Profile(name="stranger", mix=Mix({"butler": Faders()})))
    desk = Desk(made.engine, made.lock)
    yield made
    desk.reset()


@pytest.fixture(scope="module")
def api(host: StandaloneHost) -> Iterator[Api]:
    with served(host) as found:
        yield found


def column(host: StandaloneHost, mix: Mix) -> str:
    """What the mix says, asked as columns are."""
    request = request_of(host, read_chat(json.dumps(chat()).encode()))
    run = compare(host.engine.desk, None, request.token_ids, [Column("", mix)], seed=0, generation=request.sampling)
    list(run)
    return run.result.columns[0].text


def test_each_request_is_answered_under_the_mix_that_it_asks_for(api: Api, host: StandaloneHost) -> None:
    desk = host.engine.desk
    desk.apply(Mix({"pirate": Faders(master=3)}))
    asked = {
        "softer pirate": SOFT, 0: desk.base(), 2: Mix({"pirate": Faders(master=2)}),
        None: desk.mix, "{}": Mix(), "whole": SOFT, "short": SOFT,
    }  # fmt: skip
    written: dict[Any, Any] = {"{}": {}, "whole": SOFT.to_dict(), "short": {"pirate": 0.25}}
    said = {name: api.text(lora_mix=written.get(name, name)) for name in asked}
    assert said == {name: column(host, mix) for name, mix in asked.items()}
    assert len(set(said.values())) == 5 and desk.mix["pirate"].master == 3
    assert api.text(model="tiny:softer pirate") == said["softer pirate"]
    assert api.text(model="tiny") == api.text(model="TINY") == said[None]


def test_two_at_once_each_get_their_own_and_a_chat_in_between_hears_the_faders(api: Api, host: StandaloneHost) -> None:
    values = standalone_tiny.values_of(History())
    chats: dict[str, str] = {}

    def talk() -> None:
        with turn(host.lock, threading.Event()):
            chats["between"] = list(host.generate(host.ask("Ahoy", values)))[-1]

    mixes = [0, 1, 2, "softer pirate"]
    alone = [api.text(lora_mix=mix) for mix in mixes]
    talk()
    undisturbed, together = chats.pop("between"), {}

    def ask(at: int) -> None:
        together[at] = api.text(lora_mix=mixes[at % 4])

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(8)] + [threading.Thread(target=talk)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert together == {at: alone[at % 4] for at in range(8)} and chats["between"] == undisturbed


def test_a_stream_says_what_the_whole_says(api: Api) -> None:
    for path, said in ((CHAT, chat()), (COMPLETIONS, {"prompt": "Ahoy", **PLAIN})):
        _, whole = api.ask(path, {**said, "lora_mix": 2})
        options = {"stream": True, "stream_options": {"include_usage": True}}
        status, stream = api.ask(path, {**said, "lora_mix": 2, **options})
        pieces = events(stream)
        choices = [piece["choices"][0] for piece in pieces[:-1]]
        texts = [one["delta"].get("content", "") if path == CHAT else one["text"] for one in choices]
        own = whole["choices"][0]
        assert status == 200 and "".join(texts) == (own["message"]["content"] if path == CHAT else own["text"]) != ""
        assert choices[-1]["finish_reason"] == own["finish_reason"] == "length"
        assert pieces[-1]["usage"] == whole["usage"] and whole["usage"]["completion_tokens"] == 8


def test_the_same_seed_says_the_same(api: Api) -> None:
    said = [api.text(temperature=1, seed=seed, lora_mix=2, max_tokens=12) for seed in (5, 5, 6)]
    assert said[0] == said[1] != said[2]


def test_the_profiles_that_fit_are_models(api: Api) -> None:
    _, found = api.ask(MODELS)
    assert [one["id"] for one in found["data"]] == ["tiny", "tiny:softer pirate"]
    assert api.ask(f"{MODELS}/tiny:softer%20pirate") == (200, found["data"][1])
    status, refusal = api.ask(f"{MODELS}/gpt-4")
    assert status == 404 and "tiny:softer pirate" in refusal["error"]["message"]


@pytest.mark.parametrize(
    ("more", "code", "names"),
    [
        ({"lora_mix": "loud"}, "profile_not_found", "loud"),
        ({"lora_mix": "stranger"}, "invalid_lora_mix", "butler"),
        ({"lora_mix": {"butler": 1}}, "invalid_lora_mix", "butler"),
        ({"lora_mix": {"pirate": float("inf")}}, "invalid_lora_mix", "pirate"),
        ({"lora_mix": 1, "model": "tiny:softer pirate"}, "invalid_lora_mix", "tiny:softer pirate"),
        ({"model": "tiny:loud"}, "model_not_found", "loud"),
        ({"model": "gpt-4"}, "model_not_found", "gpt-4"),
        ({"n": 2}, "unsupported_value", "n"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_there_is_refused_before_anything_is_said(
    api: Api, more: dict[str, Any], code: str, names: str, stream: bool
) -> None:
    status, answer = api.ask(CHAT, chat(**more, stream=stream))
    assert status == 400 and answer["error"]["code"] == code and names in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": "Bearer \xe9"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_strangers_and_other_pages_are_told_nothing(
    api: Api, headers: dict[str, str], status: int, method: str
) -> None:
    for path in (CHAT, MODELS, "/v1/nothing"):
        told, answer = api.ask(path, chat() if method == "POST" else None, method, headers)
        assert told == status and set(answer) == {"error"} and "softer" not in str(answer)


@pytest.mark.parametrize(
    ("path", "said", "method", "headers", "status"),
    [
        (CHAT, chat(), "POST", {"Content-Type": "text/plain"}, 415),
        (CHAT, chat(), "POST", {"Content-Type": ""}, 415),
        (CHAT, b"{", "POST", {}, 400),
        (CHAT, chat(), "PUT", {}, 405),
        (CHAT, None, "GET", {}, 405),
        (MODELS, chat(), "POST", {}, 405),
        ("/v1/embeddings", chat(), "POST", {}, 404),
        ("/v1/", None, "GET", {}, 404),
        (CHAT, chat("x" * 3000), "POST", {}, 400),
    ],
)
def test_what_is_no_request_is_refused_in_openais_form(
    api: Api, path: str, said: Any, method: str, headers: dict[str, str], status: int
) -> None:
    told, answer = api.ask(path, said, method, headers)
    assert told == status and set(answer["error"]) == {"message", "type", "param", "code"}


def test_what_is_too_much_is_not_read_to_its_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "MOST", 1000)
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        said = chat("x" * 2000) if not headers else b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"
        assert api.ask(CHAT, said, "POST", headers)[0] == 413


def test_a_client_that_is_gone_is_not_answered_on(
    api: Api, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    own = openai_server.reply

    def noted(*args: Any) -> Any:
        runs.append(own(*args))
        return runs[-1]

    monkeypatch.setattr(openai_server, "reply", noted)
    for stream in (True, False):
        with closing(api.connection()) as connection:
            api.send(connection, CHAT, chat(lora_mix=2, max_tokens=1900, stream=stream))
            if stream:
                connection.getresponse().read(50)
            else:
                while not (runs[1:] and host.lock.locked()):
                    time.sleep(0.01)
        runs[-1]._thread.join(timeout=60)
        assert runs[-1].result.finish == "stopped" and runs[-1].result.tokens < 1900


def test_more_than_can_wait_are_sent_away(api: Api, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "_AT_ONCE", 0)
    status, answer = api.ask(CHAT, chat())
    assert status == 429 and answer["error"]["code"] == "rate_limit"


@pytest.mark.parametrize("stream", [False, True])
def test_what_goes_wrong_while_it_answers_is_told_in_words(
    api: Api, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    def fails(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the model is out of breath")

    monkeypatch.setattr(host.engine, "say", fails)
    status, answer = api.ask(CHAT, chat(lora_mix=2, stream=stream))
    assert status == 500 and "out of breath" in answer["error"]["message"]
    assert not host.lock.locked()


def test_a_stream_that_breaks_off_says_so(api: Api, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch) -> None:
    own = host.stream

    def breaks(*args: Any) -> Iterator[Any]:
        yield next(own(*args))
        raise RuntimeError("the model is out of breath")

    monkeypatch.setattr(host, "stream", breaks)
    status, stream = api.ask(CHAT, chat(stream=True))
    assert status == 200 and "out of breath" in stream and "[DONE]" not in stream
