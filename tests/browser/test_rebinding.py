"""In a browser: a page of another name or port cannot drive the standalone page, and what it itself needs is open."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from helpers import browser
from helpers.standalone_served import Served
from helpers.standalone_served import served as serve

EVIL = "evil.example"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as found:
        yield found


@pytest.fixture
def rebound() -> Iterator[Any]:
    """A browser for which the name of a stranger's site points to this machine."""
    program = browser.find_chromium()
    if program is None:
        pytest.skip("no Chromium or Chrome was found")
    from playwright.sync_api import sync_playwright

    rules = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", rules]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def another_server() -> Iterator[int]:
    """A page of somebody else, on another port of this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>another</title><body></body>")

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


# What a stranger's script tries: text that needs no leave of the server first, JSON that does, and only reading.
ATTACK = """async ({root, call, data}) => {
  const tried = [];
  const body = JSON.stringify({data: [data], fn_index: call, session_hash: "evil"});
  for (const path of ["/run/predict", "/gradio_api/run/predict", "/queue/join", "/gradio_api/queue/join"])
    for (const options of [
      {method: "POST", body, headers: {"Content-Type": "application/json"}},
      {method: "POST", body, mode: "no-cors", headers: {"Content-Type": "text/plain"}},
      {method: "POST", body, mode: "no-cors", credentials: "include"},
    ]) try { const got = await fetch(root + path, options); tried.push(got.status); } catch { tried.push("blocked"); }
  try { tried.push((await (await fetch(root + "/config")).text()).includes("components") ? "read" : "nothing"); }
  catch { tried.push("blocked"); }
  return tried;
}"""


def test_a_site_whose_name_points_here_drives_nothing(served: Served, rebound: Any) -> None:
    page = rebound.new_page()
    answer = page.goto(f"http://{EVIL}:{served.port}/")
    assert answer.status == 421 and f"http://127.0.0.1:{served.port}" in page.inner_text("body")
    before = served.mixer.console.fader_range
    call = {"call": served.number("lora-mixer-panel"), "data": '{"do": "range", "min": -7, "max": 7}'}
    tried = page.evaluate(ATTACK, {"root": "", **call})
    assert set(tried) <= {421, "nothing"} and served.mixer.console.fader_range == before


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_port_drives_nothing(served: Served, rebound: Any, name: str) -> None:
    before = served.mixer.console.fader_range
    call = {"call": served.number("lora-mixer-panel"), "data": '{"do": "range", "min": -7, "max": 7}'}
    with another_server() as port:
        page = rebound.new_page()
        page.goto(f"http://{name}:{port}/")
        for target in ("127.0.0.1", "localhost"):
            tried = page.evaluate(ATTACK, {"root": f"http://{target}:{served.port}", **call})
            assert set(tried) <= {403, 0, "blocked", "nothing"}  # 0: a browser does not say
        page.evaluate(
            "(root) => { const it = document.createElement('iframe'); it.src = root; document.body.append(it); }",
            f"http://127.0.0.1:{served.port}/",
        )
        page.wait_for_timeout(1000)
        assert not any(frame.query_selector("#chat-input") for frame in page.frames)
    assert served.mixer.console.fader_range == before


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_page_itself_works_under_its_own_names(served: Served, rebound: Any, name: str) -> None:
    page = rebound.new_page()
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"http://{name}:{served.port}/")
    board = browser.Board(page).open()
    board.master().press("ArrowDown")
    browser.wait_until(page, lambda: served.mixer.gains()["layers.0.mlp.up_proj"] != 1, "a fader that moved")
    board.chat()
    page.locator("#chat-input textarea").fill("hello")
    page.locator("#chat-send").click()
    browser.wait_until(page, lambda: page.locator("#chat-log .bot").count() and served.mixer.free(), "a reply")
    assert refused == []
    served.mixer.afresh()
