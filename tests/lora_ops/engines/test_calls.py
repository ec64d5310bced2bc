"""Requests to a server of any kind: its words in a sentence, streams that are called off, and nothing that hangs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from helpers.false_llama import answering, slowly

from lora_mixer.lora_ops.engines.calls import Client, ServerError


class Bakers(Client):
    """A kind of servers with words and an end of its own."""

    kind = "a bakery"

    class error(ServerError):
        """Of a bakery."""

    def last(self, event: Mapping[str, Any]) -> bool:
        return event.get("bread") == "gone"


def events(*parts: bytes, pause: float = 0.0) -> dict[str, Any]:
    return {"/bread": slowly(list(parts), pause)}


# Addresses


@pytest.mark.parametrize(
    "url, reached",
    [
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://127.0.0.1:80/", "http://127.0.0.1:80"),
        ("https://user:secret@host/path/", "https://host/path"),
    ],
)
def test_an_address_is_understood_as_people_write_it_and_shows_no_password(url: str, reached: str):
    client = Bakers(url)
    assert client.url == reached and client.name == f"the bakery at {reached}"
    assert client.full("/bread").startswith("/path/" if "path" in url else "/bread")


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_told_with_one_that_is(url: str):
    with pytest.raises(ValueError, match="is no address of a bakery: write it as http://127.0.0.1:8080"):
        Bakers(url)


def test_a_key_goes_with_each_request_and_only_where_there_is_one():
    assert Bakers("host", key="secret").headers()["Authorization"] == "Bearer secret"
    assert "Authorization" not in Bakers("host").headers()


# Whole answers


def test_what_is_asked_is_answered():
    with answering({"/bread": {"bread": 3}}) as url:
        assert Bakers(url).get("/bread") == Bakers(url).post("/bread", {"how": "fresh"}) == {"bread": 3}


REFUSED: dict[str, tuple[Any, int | None, str]] = {
    "a wrong key": ((401, {"error": {"message": "no"}}), 401, "the bakery at .* wants another key: give it its --api-"),
    "another's call": ((404, b""), 404, "knows no /bread: it is no bakery, or too old"),
    "one that begins": ((503, {"error": "wait"}), 503, "is not ready yet: it is still loading its model"),
    "an error of its own": ((500, {"error": {"message": "out of\n luck"}}), 500, r"refused \(500\): out of luck"),
    "an error as a text": ((400, {"error": "no flour"}), 400, r"refused \(400\): no flour"),
    "an error of no form": ((400, b"<h1>no</h1>"), 400, r"refused \(400\): <h1>no</h1>"),
    "an error without words": ((400, b""), 400, r"refused \(400\): nothing"),
    "no JSON": (b"<html>hello</html>", None, "does not answer as a bakery does: <html>hello"),
    "JSON too deep": (b"[" * 100_000, None, "does not answer as a bakery does"),
    "nothing": (b"", None, "does not answer as a bakery does: nothing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_a_sentence_with_the_server_s_number(case: str):
    answer, status, words = REFUSED[case]
    with answering({"/bread": answer}) as url, pytest.raises(Bakers.error, match=words) as raised:
        Bakers(url).get("/bread")
    assert raised.value.status == status


def test_a_long_refusal_is_cut():
    with answering({"/bread": (500, {"error": {"message": "no " * 10_000}})}) as url:
        with pytest.raises(Bakers.error) as raised:
            Bakers(url).get("/bread")
        assert len(str(raised.value)) < 500 and raised.value.said.endswith("…")


def test_nobody_there_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Bakers.error, match=f"the bakery at {url} does not answer: nothing listens there"):
        Bakers(url).get("/bread")


@contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """What takes one connection, and does with it what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def one() -> None:
            came, _ = door.accept()
            with came:
                serve(came)

        thread = threading.Thread(target=one, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize("said", [b"", b"what?\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_one_that_hangs_up_is_told(said: bytes):
    def serve(came: socket.socket) -> None:
        came.recv(2**16)
        came.sendall(said)

    with raw(serve) as url, pytest.raises(Bakers.error, match="broke off"):
        Bakers(url).get("/bread")


# Streams


def heard(url: str, **options: Any) -> list[dict[str, Any]]:
    return list(Bakers(url, **options).begin("/bread", {}).events())


def test_a_stream_is_heard_to_its_last_event_and_pings_are_none():
    said = (b": a ping\n\n", b'data: {"bread": 1}\n\n', b'event: x\ndata:{"bread": "gone"}\n\n', b"data: nonsense\n\n")
    with answering(events(*said)) as url:
        assert heard(url) == [{"bread": 1}, {"bread": "gone"}]
    with answering(events(said[1], b"data: [DONE]\n\n", b"data: nonsense\n\n")) as url:
        assert heard(url) == [{"bread": 1}]


BROKEN = {
    "broken off": (b'data: {"bread": 1}\n\n', "the bakery at .* broke off in the middle of a reply"),
    "nonsense": (b"data: {nonsense\n\n", "does not answer as a bakery does: {nonsense"),
    "no object": (b"data: [1]\n\n", r"does not answer as a bakery does: \[1\]"),
    "an error among the events": (
        b'data: {"error": {"message": "cannot go on"}}\n\n',
        r"refused \(500\): cannot go on",
    ),
    "an event of an error": (b'error: {"error": {"message": "cannot go on"}}\n\n', r"refused \(500\): cannot go on"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_stream_that_goes_wrong_ends_with_a_sentence(case: str):
    part, words = BROKEN[case]
    with answering(events(part)) as url, pytest.raises(Bakers.error, match=words):
        heard(url)


def test_a_server_that_falls_silent_is_given_up():
    silent = answering(events(b'data: {"bread": 1}\n\n', pause=20))
    with silent as url, pytest.raises(Bakers.error, match="has not said a word for 1 seconds"):
        heard(url, patience=1.0)


@pytest.mark.parametrize("said", [b": begun\n\n", b'data: {"bread": 1}\n\n'])
def test_a_stream_that_is_called_off_from_another_thread_ends_though_nothing_comes(said: bytes):
    with answering(events(said, pause=30)) as url:
        call = Bakers(url).begin("/bread", {})
        timer = threading.Timer(0.3, call.call_off)
        began = time.monotonic()
        timer.start()
        assert list(call.events()) in ([], [{"bread": 1}])
        assert time.monotonic() - began < 20, "it waited for the server"


def test_a_call_that_is_called_off_before_anybody_listens_hears_nothing():
    with answering(events(b'data: {"bread": 1}\n\n')) as url:
        call = Bakers(url).begin("/bread", {})
        call.call_off()
        assert list(call.events()) == []
        whole = Bakers(url).begin("/bread", {})
        whole.call_off()
        with pytest.raises(Bakers.error, match="was not listened to any more"):
            whole.json()
