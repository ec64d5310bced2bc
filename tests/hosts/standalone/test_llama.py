"""Our own page on a real llama-server: replies, adapters that come and go, a server that dies, and what is refused."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import false_llama, standalone_tiny
from helpers.llama import ADAPTERS, Llama
from helpers.standalone_tiny import GREEDY, values_of
from standin.textgen_model import save_adapter

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import ON_LLAMA, StandaloneHost
from lora_mixer.hosts.standalone.llama import AGAIN, LlamaPlayer, on_their_server
from lora_mixer.hosts.standalone.llama_start import OnLlama
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.player import CONNECT
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.hosts.standalone.server import OnServer
from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.engine import Cancelled

ASKED = History().say("Where is my book?")
SILENT = Mix({"pirate": Faders(on=False)})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page: the demo's adapters, and one for another model."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "demo").mkdir()
    (folder / "demo" / "adapters").symlink_to(ADAPTERS)
    save_adapter(folder / "user_data" / "loras" / "stranger")
    return folder


@pytest.fixture(scope="module")
def served_host(home: Path) -> Iterator[StandaloneHost]:
    start = Start(home, None, {"pirate": ADAPTERS / "pirate"}, llama=OnLlama(gguf_file(), context=512, threads=1))
    host = StandaloneHost(start)
    host.show_chat([], [], lambda history: [history])
    host.load()
    yield host
    host.close()


@pytest.fixture
def host(served_host: StandaloneHost) -> StandaloneHost:
    """It plays the pirate alone, as loaded."""
    if list(served_host.loaded_adapters()) != ["pirate"]:
        served_host.load_adapters(["pirate"])
    Desk(served_host.engine, served_host.lock).reset()
    return served_host


def server_of(host: StandaloneHost) -> Any:
    assert isinstance(host.player, LlamaPlayer)
    return host.player._server


def said(host: StandaloneHost, settings: Settings = GREEDY) -> str:
    return list(host.generate(host.ask_again(values_of(ASKED, settings))))[-1]


def test_the_prompt_is_what_the_models_template_makes_of_the_chat(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho").say("And?")
    request = host.ask_again(values_of(history, Settings(system="Be brief.")))
    assert request.prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"
        "<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert host.engine is not None and host.engine.tokens is not None
    assert host.engine.tokens.decode(request.token_ids) == request.prompt


def test_a_reply_grows_under_the_faders_and_is_the_same_each_time(host: StandaloneHost) -> None:
    desk = Desk(host.engine, host.lock)
    request = host.ask_again(values_of(ASKED, GREEDY))
    parts = [partial.text for partial in host.stream(request)]
    assert len(parts) > 3 and all(later.startswith(one) for one, later in zip(parts, parts[1:], strict=False))
    desk.apply(SILENT)
    assert said(host) != parts[-1]
    desk.reset()
    assert said(host) == parts[-1]


def test_the_chats_settings_hold_and_those_that_it_has_not_are_off(host: StandaloneHost) -> None:
    dice = Settings(seed=5, max_new_tokens=8, temperature=1.5, top_k=0, top_p=1.0, repetition_penalty=1.0)
    assert said(host, dice) == said(host, dice)
    assert said(host, dice) != said(host, Settings(**{**vars(dice), "seed": 6}))
    sampling = host.ask_again(values_of(ASKED, dice)).sampling
    assert (sampling.min_p, sampling.top_k, sampling.top_p) == (0.0, 0, 1.0)
    first = said(host, GREEDY).split()[0]
    assert first not in said(host, Settings(**{**vars(GREEDY), "stop_strings": first}))


def test_a_fader_moved_in_the_middle_of_a_reply_is_obeyed(host: StandaloneHost) -> None:
    desk = Desk(host.engine, host.lock)
    whole, request = said(host), host.ask_again(values_of(ASKED, GREEDY))
    texts = []
    for partial in host.stream(request):
        texts.append(partial.text)
        if len(texts) == 3:
            desk.apply(SILENT)
    assert whole.startswith(texts[2]) and texts[-1] != whole


def test_a_reply_that_goes_on_says_what_it_would_have_said(host: StandaloneHost) -> None:
    whole, short = said(host), said(host, replace(GREEDY, max_new_tokens=5))
    _, settings = host.read(values_of(ASKED, replace(GREEDY, max_new_tokens=7)))
    request = host.request(ASKED, settings, opening=short)
    assert request.prompt.endswith(short) and request.opening == short
    assert short + list(host.generate(request))[-1] == whole
    Desk(host.engine, host.lock).apply(SILENT)
    assert short + list(host.generate(request))[-1] != whole


def test_a_reply_ends_when_it_is_stopped(host: StandaloneHost) -> None:
    request = host.ask_again(values_of(ASKED, Settings(max_new_tokens=400, do_sample=True, seed=1, stop_strings="")))
    stop, partials = threading.Event(), []
    for partial in host.stream(request, stop):
        partials.append(partial)
        stop.set()
    assert len(partials) < 100
    assert list(host.stream(request, stop)) == [], "one that is stopped before its first word says nothing"


def test_adapters_come_and_go_on_the_same_engine(host: StandaloneHost) -> None:
    engine, before, alone = host.engine, server_of(host), said(host)
    assert engine is not None
    told: list[Any] = []
    names = host.load_adapters(["butler"], keep=True, on_loaded=told.append)
    assert names == {"butler": "butler"} == told[0]
    assert host.engine is engine and engine.outdated() and not before.alive
    desk = Desk(engine, host.lock)
    assert list(desk.adapters) == ["pirate", "butler"] == list(host.loaded_adapters())
    desk.apply(Mix({"butler": Faders(on=False)}))
    assert said(host) == alone
    base = engine.base
    host.unload_adapters()
    assert engine.base is base and "Adapters tab" in host.trouble().advice  # type: ignore[union-attr]
    assert said(host), "without adapters the base model goes on"


def test_what_cannot_be_played_is_refused_by_name_and_all_is_as_before(host: StandaloneHost) -> None:
    before, alone = server_of(host), said(host)
    with pytest.raises(HostError, match="stranger"):
        host.load_adapters(["stranger"], keep=True)
    with pytest.raises(HostError, match="no adapter 'butlr'"):
        host.load_adapters(["butlr"])
    with pytest.raises(HostError, match="not loaded"):
        host.unload_adapters(["butler"])
    assert server_of(host) is before and before.alive and said(host) == alone


def test_a_disk_without_room_for_the_parts_is_told(host: StandaloneHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lora_mixer.lora_ops.engines.llama_server.store.split", full)
    monkeypatch.setattr("lora_mixer.lora_ops.engines.llama_server.store._MADE", "another")
    with pytest.raises(HostError, match="butler could not be split.*[Nn]o space|butler could not be split.*full"):
        host.load_adapters(["butler"], keep=True)
    assert list(host.loaded_adapters()) == ["pirate"] and said(host)


def test_a_server_that_does_not_start_with_others_leaves_the_one_that_runs(
    host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_mixer.hosts.standalone import llama_start

    alone, start = said(host), llama_start.OwnServers.start

    def picky(self: Any, parts: list[Any], say: Any) -> Any:
        if any(part.adapter == "butler" for part in parts):
            raise HostError("There is no room for it.")
        return start(self, parts, say)

    monkeypatch.setattr(llama_start.OwnServers, "start", picky)
    with pytest.raises(HostError, match="no room for it. It plays as before"):
        host.load_adapters(["butler"], keep=True)
    assert list(host.loaded_adapters()) == ["pirate"] and said(host) == alone


def test_a_load_tells_how_far_it_is_and_can_be_stopped_with_all_as_it_was(
    host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lora_mixer.lora_ops.engines.llama_server.store._MADE", "counted")
    monkeypatch.setattr("lora_mixer.lora_ops.engines.llama_server.server._GLANCE", 0.01)
    before, alone = server_of(host), said(host)
    for at in ("Splitting butler for llama.cpp: 30 of 60 …", "Starting llama.cpp with 270 files of adapters …"):
        told: list[tuple[str, float | None]] = []

        def tell(text: str, part: float | None, at: str = at, told: Any = told) -> None:
            told.append((text, part))
            if text == at and (part is not None or told.count((text, part)) > 1):
                raise Cancelled

        with pytest.raises(Cancelled):
            host.load_adapters(["butler"], keep=True, tell=tell)
        assert told[-1][0] == at and list(host.loaded_adapters()) == ["pirate"]
        assert server_of(host) is before and before.alive and said(host) == alone
    assert [part for _, part in told if part is not None][-1] == 1.0


def test_a_change_of_place_is_stopped_by_the_same_button(host: StandaloneHost, monkeypatch: pytest.MonkeyPatch) -> None:
    os.kill(server_of(host).pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    while server_of(host).alive:
        time.sleep(0.05)
    failures: list[str] = []

    def accept() -> None:
        try:
            host.accept()
        except HostError as error:
            failures.append(str(error))

    assert not host.can_call_off
    start = host._say

    def pressed_at_once(text: str, part: float | None = None) -> None:
        host.call_off()
        start(text, part)

    monkeypatch.setattr(host, "_say", pressed_at_once)
    accept()
    assert failures == ["Stopped: all is as it was."] and host.progress == "" and host.offer == AGAIN
    monkeypatch.undo()
    accept()
    assert len(failures) == 1 and host.trouble() is None and said(host)


def test_a_server_that_dies_is_told_and_started_again_by_one_click(host: StandaloneHost) -> None:
    alone, engine = said(host), host.engine
    host.progress = ""
    assert host.offer == ""
    os.kill(server_of(host).pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    while server_of(host).alive:
        time.sleep(0.05)
    trouble = host.trouble()
    assert trouble is not None and AGAIN in trouble.advice and host.offer == AGAIN
    with pytest.raises(HostError, match="has ended"):
        said(host)
    host.accept()
    assert host.trouble() is None and host.engine is engine and said(host) == alone
    with pytest.raises(HostError, match="nothing to be done"):
        host.accept()


def test_a_server_that_runs_is_played_as_it_is(llama: Llama) -> None:
    host = StandaloneHost(Start(Path("nowhere"), server=OnServer(llama.server.url, llama.server.key)))
    host.load()
    assert list(host.loaded_adapters()) == ["pirate", "butler"] and "127.0.0.1" in host.model_name
    Desk(host.engine, host.lock).apply(Mix({"butler": Faders(on=False)}))
    assert said(host)
    for change in (lambda: host.unload_adapters(), lambda: host.unload_adapters(["pirate"])):
        with pytest.raises(HostError, match="takes adapters when it starts"):
            change()
    host.close()
    assert llama.server.alive, "it is somebody else's"


def test_a_server_with_another_key_or_none_at_all_is_told(llama: Llama) -> None:
    with pytest.raises(HostError, match="wants another key"):
        on_their_server(OnLlama(url=llama.server.url, key="none"), {})
    with pytest.raises(HostError, match="nothing listens there"):
        on_their_server(OnLlama(url="http://127.0.0.1:9"), {})
    with pytest.raises(HostError, match="no address"):
        on_their_server(OnLlama(url="ftp://x"), {})
    with false_llama.answering({"/lora-adapters": (404, {})}) as url, pytest.raises(HostError, match="no llama-server"):
        on_their_server(OnLlama(url=url), {})


def test_a_server_of_others_that_goes_away_can_be_found_again() -> None:
    with false_llama.answering({"/apply-template": {"prompt": "Hi"}}) as url:
        player = on_their_server(OnLlama(url=url), {})
        assert player.trouble() is None
    with pytest.raises(HostError, match="does not answer"):
        player.request([{"role": "user", "content": "Hi"}], GREEDY, "")
    trouble = player.trouble()
    assert trouble is not None and player.cure == CONNECT in trouble.advice
    with pytest.raises(HostError, match="does not answer"):
        player.revive(lambda text, part=None: None)


def test_the_demo_stays_where_it_is_when_an_adapter_cannot_go_along(tmp_path: Path) -> None:
    host = standalone_tiny.shelved(tmp_path)
    host.start = Start(tmp_path, None, host.start.adapters)
    before = host.player
    assert host.offer == ON_LLAMA
    with pytest.raises(HostError, match="pirate"):
        host.accept()
    assert host.player is before and host.progress == "" and host.offer == ON_LLAMA
    host.multi_user = True
    assert host.offer == ""
