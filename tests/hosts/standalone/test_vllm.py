"""Our own page on a server that behaves as vLLM does: replies, others beside it, and what goes wrong with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import false_vllm
from helpers.false_vllm import KEY, FalseVllm
from helpers.standalone_tiny import values_of

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Start
from lora_mixer.hosts.standalone.player import CONNECT
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.hosts.standalone.server import OnServer
from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.standing import Standing
from lora_mixer.lora_ops.engines.vllm import VllmEngine

ASKED = History().say("where is my book?")
LONG = Settings(do_sample=False, max_new_tokens=60, repetition_penalty=1.0)
SOFT = Mix({"pirate": Faders(master=0.5)})

Open = Callable[..., StandaloneHost]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FalseVllm]:
    monkeypatch.setattr("lora_mixer.lora_ops.engines.vllm.stock._GRACE", 0.1)
    with false_vllm.serving() as state:
        yield state
        assert not state.amiss, "a real server could have ended"


@pytest.fixture
def opened(server: FalseVllm, tmp_path: Path) -> Iterator[Open]:
    """Opens pages on the server, with a shelf of two adapters of which they play the pirate."""
    hosts = []
    loras = tmp_path / "user_data" / "loras"
    for seed, name in enumerate(("pirate", "butler")):
        false_vllm.write_adapter(loras / name, seed)

    def one(**settings: Any) -> StandaloneHost:
        given = {"url": server.url, "key": KEY, "shared": tmp_path / "shared", **settings}
        adapters = given.pop("adapters", {"pirate": loras / "pirate"})
        host = StandaloneHost(Start(tmp_path, None, adapters, server=OnServer(**given)))
        host.show_chat([], [], lambda history: [history])
        host.load()
        hosts.append(host)
        return host

    yield one
    for host in hosts:
        host.close()


def said(host: StandaloneHost, settings: Settings = LONG) -> str:
    return list(host.generate(host.ask_again(values_of(ASKED, settings))))[-1]


def settled(host: StandaloneHost) -> Standing:
    """What became of the mix on the desk, once that is known."""
    assert isinstance(host.engine, VllmEngine)
    deadline = time.monotonic() + 60
    while (standing := host.engine.standing).on_its_way and time.monotonic() < deadline:
        time.sleep(0.02)
    return standing


def test_the_page_shows_what_the_server_calls_its_model_and_where_it_is(opened: Open, server: FalseVllm) -> None:
    host = opened()
    assert host.model_name == "letters" and host.player is not None
    assert host.player.facts == f"on vLLM at {server.url.removeprefix('http://')}"
    assert list(host.loaded_adapters()) == ["pirate"] and host.trouble() is None
    assert len(server.loaded) == 1, "the adapter is there before anybody waits for a reply"


def test_a_reply_is_under_the_faders_and_the_chats_settings(opened: Open, server: FalseVllm) -> None:
    host = opened()
    desk = Desk(host.engine, host.lock)
    loud = said(host)
    desk.apply(SOFT)
    assert said(host) != loud
    desk.reset()
    assert said(host) == loud
    dice = Settings(seed=5, temperature=1.5, top_k=0, top_p=1.0, min_p=0.0, max_new_tokens=30)
    assert said(host, dice) == said(host, dice)
    body = next(body for path, body in reversed(server.asked) if path == "/v1/completions")
    assert {name: body[name] for name in ("seed", "temperature", "top_p", "top_k", "min_p")} == {
        "seed": 5, "temperature": 1.5, "top_p": 1.0, "top_k": 0, "min_p": 0.0,
    }  # fmt: skip


def test_a_reply_goes_on_from_what_it_began_with(opened: Open) -> None:
    host = opened()
    whole = host.request(ASKED, LONG)
    begun = host.request(ASKED, LONG, "ahoy")
    assert begun.token_ids[: len(whole.token_ids)] == whole.token_ids and begun.opening == "ahoy"
    assert begun.prompt == f"{whole.prompt}ahoy"


def test_a_text_without_a_chat_is_gone_on_with_as_it_is(opened: Open) -> None:
    host = opened()
    assert host.player is not None
    request = host.player.request([], LONG, "where is")
    assert request.prompt == "where is" and request.stop_strings == ()


def test_a_model_without_a_chat_template_is_told_a_plain_chat(opened: Open, server: FalseVllm) -> None:
    server.templates = False
    host = opened()
    assert host.player is not None and host.player.facts.endswith("without a chat template")
    request = host.ask_again(values_of(ASKED, LONG))
    assert request.prompt.startswith("user where is my book?") and "\nUser:" in request.stop_strings
    assert said(host)


def test_a_reply_ends_when_it_is_stopped_though_the_server_says_nothing(opened: Open, server: FalseVllm) -> None:
    host = opened()
    server.pause, stop = 30.0, threading.Event()
    request = host.ask_again(values_of(ASKED, LONG))
    threading.Timer(0.2, stop.set).start()
    assert list(host.stream(request, stop)) == []


def test_a_mix_that_the_server_refuses_in_the_middle_of_a_reply_leaves_the_reply_as_it_is(
    opened: Open, server: FalseVllm, tmp_path: Path
) -> None:
    host = opened()
    desk, whole = Desk(host.engine, host.lock), said(host)
    server.most_rank, server.pause = 1, 0.01
    texts = []
    for partial in host.stream(host.ask_again(values_of(ASKED, LONG))):
        texts.append(partial.text)
        if len(texts) == 2:
            desk.apply(SOFT)
    assert texts[-1] == whole
    standing = settled(host)
    assert "rank 2" in standing.error and standing.most_rank == 1
    with pytest.raises(HostError, match="larger --max-lora-rank"):
        said(host)
    assert isinstance(desk.engine, VllmEngine)
    desk.engine.serve_at_most(1)
    assert said(host)
    assert "left out" in settled(host).told()


def test_adapters_come_and_go_while_the_server_runs(opened: Open) -> None:
    host = opened()
    assert host.loaded_adapters() == {"pirate": (host.lora_dir or Path()) / "pirate"}, "as the shelf knows it"
    alone, engine = said(host), host.engine
    assert host.load_adapters(["butler"], keep=True) == {"butler": "butler"}
    desk = Desk(host.engine, host.lock)
    assert host.engine is engine and list(desk.adapters) == ["pirate", "butler"]
    assert settled(host).rank == 4, "the same faders are another mix now"
    assert said(host) != alone
    desk.apply(Mix({"butler": Faders(on=False)}))
    assert said(host) == alone
    host.unload_adapters()
    desk.refresh()
    assert said(host) and not desk.adapters


def test_two_pages_on_one_server_hear_what_each_of_them_mixes(opened: Open, server: FalseVllm) -> None:
    one, other = opened(), opened()
    Desk(one.engine, one.lock).apply(SOFT)
    loud = said(other)
    heard: dict[str, list[str]] = {"one": [], "other": []}

    def talk(name: str, host: StandaloneHost) -> None:
        heard[name] = [said(host) for _ in range(3)]

    threads = [threading.Thread(target=talk, args=pair) for pair in (("one", one), ("other", other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(heard["other"]) == {loud} and len(set(heard["one"])) == 1 and heard["one"][0] != loud
    mine = set(server.loaded)
    one.close()
    assert set(server.loaded) < mine and said(other) == loud, "what the other page hears is left alone"


def test_a_server_that_goes_away_is_told_and_found_again(opened: Open, server: FalseVllm) -> None:
    host = opened()
    whole, address = said(host), server.url
    client = host.engine.client  # type: ignore[union-attr]
    client._port, port = 9, client._port
    with pytest.raises(HostError, match="nothing listens there"):
        said(host)
    trouble = host.trouble()
    assert trouble is not None and CONNECT in trouble.advice and host.offer == CONNECT
    with pytest.raises(HostError, match="nothing listens there"):
        host.accept()
    client._port = port
    server.loaded.clear()  # it was started again, and has forgotten what it had
    host.accept()
    assert host.trouble() is None and host.offer == "" and said(host) == whole and address == server.url


def test_a_server_that_has_another_model_now_is_not_played_on(opened: Open, server: FalseVllm) -> None:
    host = opened()
    said(host)
    server.loaded.clear()
    server.model = "numbers"
    with pytest.raises(HostError, match="another model than before"):
        said(host)
    assert not server.loaded, "nothing is loaded into a model that it is not for"
    trouble = host.trouble()
    assert trouble is not None and "numbers" in trouble.advice


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"key": "open"}, "--key-file"),
        ({"url": "http://127.0.0.1:9"}, "nothing listens there"),
        ({"url": "ftp://x"}, "no address"),
        ({"shared": None}, "--shared DIR"),
        ({"adapters": {}}, "--lora DIR"),
        ({"seen_as": "/nowhere"}, r"does not see the shared folder.*--seen-as"),
    ],
)
def test_what_cannot_be_played_is_told_with_the_option_that_helps(
    opened: Open, server: FalseVllm, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(HostError, match=says):
        opened(**settings)
    assert not server.loaded


def test_a_folder_that_cannot_be_written_to_is_told(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HostError, match="file/shared cannot be used.*--shared"):
        opened(shared=tmp_path / "file" / "shared")


def test_a_server_that_takes_no_adapters_while_it_runs_is_told(opened: Open, server: FalseVllm, tmp_path: Path) -> None:
    server.run_time = False
    with pytest.raises(HostError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        opened()
    assert not list((tmp_path / "shared").iterdir()), "nothing is left in the folder"


def test_an_adapter_that_the_server_has_no_form_for_is_refused_by_name(opened: Open, tmp_path: Path) -> None:
    dora = false_vllm.write_adapter(tmp_path / "loud", use_dora=True)
    with pytest.raises(HostError, match="'loud' cannot be played by vLLM: it is DoRA"):
        opened(adapters={"loud": dora})


def test_a_page_with_a_rank_that_the_server_does_not_take_opens_all_the_same(opened: Open, server: FalseVllm) -> None:
    server.most_rank = 1
    host = opened()
    Desk(host.engine, host.lock)
    assert settled(host).most_rank == 1
