"""The standalone page answers itself alone: under its own names, to its own script, for what that needs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from helpers.standalone_served import KEY, Served
from helpers.standalone_served import served as serve

from lora_mixer.hosts.standalone.guard import Guard, own_names


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as found:
        yield found


def look(served: Served) -> dict[str, Any]:
    """A call that moves nothing."""
    return {"data": ["{}"], "fn_index": served.number("lora-mixer-poll"), "session_hash": "abc"}


EVERYWHERE = ["/", "/config", "/theme.css", "/queue/data?session_hash=a", "/file=/etc/passwd", "/proxy=http://a", "/no"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("path", EVERYWHERE)
def test_whoever_asks_for_another_name_is_told_the_right_one_whatever_is_asked(
    served: Served, path: str, method: str
) -> None:
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    port = served.port
    names = ("evil.example", "127.0.0.1.evil", "localhost.", "a@localhost", "[::2]", "10.0.0.1")
    named = [f"{name}:{port}" for name in names]
    strangers = [*named, "evil.example", "localhost", f"localhost:{port + 1}", "", ":", "\xe9"]
    for host in strangers:
        for more in ({}, preflight):
            status, text = served.ask(path, method, {"Host": host, **more})
            assert status in (421, 400), (host, status)
            assert method == "HEAD" or status == 400 or f"http://127.0.0.1:{port}" in text


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_it_answers_under_its_own_names(served: Served, name: str) -> None:
    here = f"{name}:{served.port}"
    assert served.ask("/", headers={"Host": here})[0] == 200
    own = {"Host": here, "Origin": f"http://{here}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert served.post("/run/predict", look(served), own)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},  # another name: not what this request was sent to
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:{port}@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
         "Sec-Fetch-Dest": "document"},
    ],
)  # fmt: skip
def test_another_page_neither_changes_nor_reads_anything(served: Served, headers: dict[str, str]) -> None:
    filled = {name: value.format(port=served.port) for name, value in headers.items()}
    before = served.mixer.console.revision
    move = {
        **look(served),
        "fn_index": served.number("lora-mixer-panel"),
        "data": ['{"do": "range", "min": 0, "max": 9}'],
    }
    for answer in (
        served.post("/run/predict", move, filled),
        served.post("/queue/join", move, filled),
        served.ask("/config", headers=filled),
    ):
        assert answer == (403, "Another page asked for this, and only LoRA Mixer's own page may.")
    assert served.mixer.console.revision == before


def test_a_link_to_it_can_be_followed_but_no_page_shows_it_in_a_frame(served: Served) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert served.ask("/", headers=link)[0] == 200
    assert served.ask("/", headers={**link, "Sec-Fetch-Dest": "iframe"})[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/upload"), ("GET", "/upload_progress?upload_id=1"), ("GET", "/file=/etc/passwd"),
        ("GET", "/file/etc/passwd"), ("GET", "/proxy=http://127.0.0.1/"), ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"), ("POST", "/component_server"), ("POST", "/component_server/"),
        ("GET", "/custom_component/1/client/index/a.js"), ("GET", "/dev/reload"), ("POST", "/login"),
        ("GET", "/info"), ("GET", "/runs"), ("POST", "/call/predict"), ("GET", "/call/predict/1"),
        ("POST", "/stream/1"), ("POST", "/process_recording"), ("POST", "/vibe-edit"), ("GET", "/vibe-code"),
        ("POST", "/api/predict"), ("POST", "/run/poll"), ("GET", "/docs"), ("GET", "/openapi.json"),
        ("GET", "/deep_link"), ("GET", "/token"), ("PUT", "/"), ("POST", "/"),
    ],
)  # fmt: skip
def test_what_the_page_never_uses_is_closed(served: Served, method: str, path: str) -> None:
    for folder in ("", "/gradio_api", "/gradio_api/gradio_api"):
        status, text = served.ask(folder + path, method, {"Content-Type": "application/json"}, b"{}")
        assert (status, text) == (404, "There is nothing here."), folder


def test_no_way_of_writing_a_path_goes_round_that(served: Served) -> None:
    up = "../" * 9
    for path in ("/static/../file=/etc/passwd", "//file=/etc/passwd", "/%66ile=/etc/passwd", "/FILE=/etc/passwd",
                 f"/assets/{up}etc/passwd", f"/assets/{'..%2f' * 9}etc/passwd", "/static/%2e%2e/a.py"):  # fmt: skip
        status, text = served.ask(path)
        assert status in (403, 404) and "root:" not in text and "import" not in text, path


def test_no_websocket_is_opened(served: Served) -> None:
    for host in (f"127.0.0.1:{served.port}", "evil.example"):
        shake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Host": host,
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        for path in ("/queue/join", "/queue/data", "/"):
            status, text = served.ask(path, headers=shake)
            assert status != 101 and (host != "evil.example" or status in (403, 421)), (status, text)


def test_two_hosts_are_none(served: Served) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port), 30)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nHost: evil.example\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in (b"400", b"421")


def test_too_much_is_refused_before_it_is_all_read(served: Served) -> None:
    claimed = {"Content-Length": str(10**12), "Content-Type": "application/json"}
    assert served.ask(f"{served.folder}/run/predict", "POST", claimed, b"{}")[0] == 413


def test_what_stands_beside_the_page_is_asked_with_a_key_and_the_page_is_as_ever(served: Served) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    status, text = served.ask("/v1/models", headers=key)
    assert status == 200 and '"id":"tiny"' in text
    said = b'{"messages": [{"role": "user", "content": "Ahoy"}], "max_tokens": 4, "lora_mix": {"pirate": 0}}'
    status, text = served.ask("/v1/chat/completions", "POST", {**key, "Content-Type": "application/json"}, said)
    assert status == 200 and '"finish_reason":"length"' in text
    assert served.ask("/v1/models")[0] == 401
    assert served.ask("/v1/models", headers={**key, "Host": "evil.example"})[0] == 421
    assert served.ask("/v1/models", headers={**key, "Origin": "http://evil.example"})[0] == 403
    assert served.ask("/v1", headers=key)[0] == served.ask("/gradio_api/v1/models", headers=key)[0] == 404
    assert served.ask("/")[0] == 200


def scope_of(**parts: Any) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in parts.pop("headers", {}).items()]
    return {"type": "http", "method": "GET", "path": "/", "headers": headers, **parts}


def guard(*names: str) -> Guard:
    return Guard(lambda path, body: "", names)


def status_of(guard: Guard, host: str, server: str = "127.0.0.1", **headers: str) -> int:
    refused = guard._refused(scope_of(server=(server, 7860), headers={"host": host, **headers}))
    return refused[0] if refused else 200


def test_other_names_are_answered_when_they_are_told() -> None:
    one = guard("localhost:9000", "Mixer.lan")
    assert status_of(one, "localhost:9000") == status_of(one, "mixer.LAN:7860") == 200
    assert status_of(one, "mixer.lan") == 200, "a proxy at port 80"
    assert status_of(one, "mixer.lan:9000") == status_of(one, "localhost:9001") == status_of(one, "a.mixer.lan") == 421
    assert status_of(one, "abc.gradio.live") == 421
    one.also("abc.gradio.live")
    assert status_of(one, "abc.gradio.live", origin="https://abc.gradio.live") == 200
    assert status_of(one, "127.0.0.1:7860", origin="https://abc.gradio.live") == 200, "a tunnel may write its own name"


def test_where_all_addresses_are_listened_on_the_one_that_was_called_is_answered() -> None:
    one = guard(*own_names("0.0.0.0"))
    assert status_of(one, "192.168.1.5:7860", "192.168.1.5") == 200
    assert status_of(one, "192.168.1.5:7860", "::ffff:192.168.1.5") == 200
    assert status_of(one, "[fe80::1]:7860", "fe80::1%eth0") == 200
    assert status_of(one, "192.168.1.6:7860", "192.168.1.5") == 421
    assert status_of(one, f"{socket.gethostname()}:7860", "192.168.1.5") == 200
    assert status_of(one, "evil.example:7860", "192.168.1.5") == 421
    assert own_names("127.0.0.1") == []
