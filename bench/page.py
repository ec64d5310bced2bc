"""From a fader in the browser to the model, through the real page."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..hosts.standalone.load import demo_adapters
from .child import free_port, running
from .clock import Series
from .drive import Driver
from .moves import Move, delays, read_log
from .report import Goal, Section, Table, duration
from .workshop import ROOT, Workshop

TITLE = "From a fader to the model"
ABOUT = """\
The standalone page in headless Chromium, the demo's model, the master fader beside the chat, moved with the mouse.
Timed from the browser's own `input` event to the moment when the new number (or, when faders move faster than they are
sent, a newer one) stands in the PEFT layers of the server's process. Browser, server and model share this machine."""

WANTED_MS = 150
IDLE = "single moves, nobody generates"
WRITING = "single moves while the chat generates"
DRAG = "a fast drag, nobody generates"
DRAG_WRITING = "a fast drag while the chat generates"


def measure(shop: Workshop) -> Section:
    """Moves the fader in four ways, and times each move."""
    log = shop.scratch / "applied.jsonl"
    own = () if demo_adapters(ROOT) else ("--lora", str(shop.adapter()))
    with served(log, *own) as url, browsing() as browser:
        shop.say("opening the page")
        driver = Driver(browser.new_page(viewport={"width": 1280, "height": 860}), url)
        moves = shop.pick(80, 10)
        moved: dict[str, list[Move]] = {}
        ways = {IDLE: driver.idle, DRAG: driver.drag, WRITING: driver.writing, DRAG_WRITING: driver.drag_writing}
        for name, move in ways.items():
            shop.say(name)
            moved[name] = move(moves)
    applied = read_log(log, driver.adapter)
    times = {name: Series(tuple(delays(of_one, applied))) for name, of_one in moved.items()}
    rows = [
        (name, *(_milliseconds(series.percentile(p)) for p in (50, 95, 100)), f"{len(series.values)}")
        for name, series in times.items()
    ]
    tables = [Table(("", "half within", "95 % within", "all within", "moves"), rows)]
    if steps := _sent(moved):
        tables.append(steps)
    return Section(TITLE, ABOUT, tables, [_goal(name, times[name]) for name in (WRITING, DRAG_WRITING)])


def _goal(name: str, times: Series) -> Goal:
    p95 = times.percentile(95)
    return Goal(f"fader to model, {name}: 95 %", f"under {WANTED_MS} ms", _milliseconds(p95), p95 * 1000 < WANTED_MS)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _sent(moved: dict[str, list[Move]]) -> Table | None:
    """How much of it passes in the browser, before the page's script hands a panel to Gradio."""
    series = {
        name: Series(tuple(move.sent - move.at for move in moves if move.sent is not None))
        for name, moves in moved.items()
    }
    rows = [(name, duration(one), _milliseconds(one.percentile(95))) for name, one in series.items() if one.values]
    return Table(("of that, until the script sends", "median", "95 % within"), rows) if rows else None


@contextmanager
def served(log: Path, *more: str) -> Iterator[str]:
    """The address of a page that `page_server` watches, while the block lasts; `more` are arguments of the page."""
    port = free_port()
    argv = [str(log), "--port", str(port), "--no-browser", *more]
    said = log.with_suffix(".said")
    with said.open("w", encoding="utf-8") as out, running("page_server", *argv, log=out) as process:
        url = f"http://127.0.0.1:{port}/"
        until = time.monotonic() + 180
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the page did not start:\n{said.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.2)
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def browsing() -> Iterator[Any]:
    """Headless Chromium: the one that `LORA_MIXER_CHROMIUM` names, one that is installed, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            yield browser
        finally:
            browser.close()


def chromium(names: Sequence[str] = ("chromium", "chromium-browser", "google-chrome", "chrome")) -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    if named := os.environ.get("LORA_MIXER_CHROMIUM"):
        return named
    return next((path for name in names if (path := shutil.which(name))), None)
