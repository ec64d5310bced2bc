"""Driving the page in headless Chromium, the way a user does: what the tests of the page share."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: How long anything may take before it counts as broken: a test machine may be very busy.
PATIENCE = 60.0
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    *(rf"{os.environ.get(root, '')}\Google\Chrome\Application\chrome.exe" for root in ("PROGRAMFILES", "LOCALAPPDATA")),
    rf"{os.environ.get('PROGRAMFILES(X86)', '')}\Microsoft\Edge\Application\msedge.exe",
)
# Nothing outside this machine is asked for; Gradio 4.37 would like to have a script from elsewhere.
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
# Chromium logs what is not there (Gradio asks for fonts and a manifest of its own), and Gradio that a page was left.
_NOT_OURS = re.compile(
    r"Failed to load resource|manifest|fonts\.(googleapis|gstatic)|iframe-resizer|iframeResizer"
    r"|AbortError: signal is aborted|Connection errored out"
    r"|Server stopped unexpectedly"  # a test that ends its own server has the page still open
)


def find_chromium() -> str | None:
    """The program, from `LORA_MIXER_CHROMIUM` or where it usually is."""
    named = os.environ.get("LORA_MIXER_CHROMIUM")
    if named:
        return named
    found = (shutil.which(program) for program in _PROGRAMS)
    return next((path for path in (*found, *_PLACES) if path and Path(path).is_file()), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser. Without one the test is skipped; where one is required, it fails."""
    program = find_chromium()
    if program is None:
        reason = "no Chromium or Chrome was found: install one, or name it in LORA_MIXER_CHROMIUM"
        if os.environ.get("CI") or os.environ.get("LORA_MIXER_REQUIRE_BROWSER"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS), timeout=PATIENCE * 1000)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visits:
    """Opens pages, and remembers what went wrong in them."""

    browser: Any
    problems: list[str] = field(default_factory=list)
    _contexts: list[Any] = field(default_factory=list)

    def context(self, **options: Any) -> Any:
        """A browser of one's own: nothing is shared with other contexts."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE * 1000)
        context.on("page", self._listen)
        self._contexts.append(context)
        return context

    def __call__(self, url: str, context: Any = None, **options: Any) -> Any:
        """A page at `url`, in a context of its own if none is given."""
        page = (context or self.context(**options)).new_page()
        page.goto(url)
        return page

    def close(self) -> None:
        """Closes all pages."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _listen(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", self._logged)
        page.on("dialog", self._asked)

    def _logged(self, message: Any) -> None:
        # The script never throws into the host, it warns.
        ours = "LoRA Mixer" in message.text
        if ours or (message.type == "error" and not _NOT_OURS.search(message.text)):
            self.problems.append(f"{message.type}: {message.text[:400]}")

    def _asked(self, dialog: Any) -> None:
        self.problems.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


def wait_until(
    page: Any, condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = PATIENCE
) -> Any:
    """Waits, while the browser goes on, for something that is not on the page; returns what came true.

    Raises:
        AssertionError: it did not come true; `what` says what was waited for, or is called to say so.
    """
    for _ in range(int(seconds / 0.05)):
        if value := condition():
            return value
        page.wait_for_timeout(50)
    raise AssertionError(f"this did not happen: {what() if callable(what) else what}")


def steady(page: Any, locator: Any) -> dict[str, float]:
    """Where an element lies once it has come to rest: a page that redraws may move it, or make it anew."""
    seen: list[Any] = []

    def rests() -> Any:
        seen.append(locator.bounding_box())
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3] and seen[-1]

    locator.scroll_into_view_if_needed()
    box: dict[str, float] = wait_until(page, rests, "an element that stands still")
    return box


# Serving a page from this process


@contextmanager
def serving(blocks: Any, **options: Any) -> Iterator[str]:
    """A `gr.Blocks` on a free port of this machine: its address."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = "127.0.0.1,localhost"
    launched: list[Any] = []

    def launch() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())  # Gradio 4 wants one in the thread that launches
        try:
            local = {"server_name": "127.0.0.1", "server_port": None, "inbrowser": False}
            blocks.launch(prevent_thread_lock=True, quiet=True, **local, **options)
        except BaseException as error:  # carried over to the test's own thread
            launched.append(error)

    # In a thread of its own: Playwright keeps an event loop in this one.
    thread = threading.Thread(target=launch)
    thread.start()
    thread.join()
    if launched:
        raise launched[0]
    try:
        yield blocks.local_url
    finally:
        blocks.close(verbose=False)


@dataclass
class Mixer:
    """Our standalone page around a model in this process."""

    host: Any
    console: Any
    url: str = ""
    blocks: Any = None

    @property
    def desk(self) -> Any:
        return self.console.desk()

    @property
    def model(self) -> Any:
        return self.host.model

    def gains(self, adapter: str = "pirate") -> dict[str, float]:
        """What every target's scaling is now, as loaded being 1."""
        targets = [target for target in self.desk.adapters[adapter].targets if target.scalable]
        return {short(target.name): round(self.desk.scaling(target) / target.scaling, 6) for target in targets}

    def free(self) -> bool:
        """Whether nobody holds the model."""
        return not self.host.lock.locked()

    def afresh(self) -> None:
        """As if the page was started anew: every fader as loaded."""
        from lora_mixer.ui.lab.lab import Lab
        from lora_mixer.ui.page.panel import Panel

        self.console.set_range(0.0, 2.0)
        self.console.panel = Panel()
        self.console.lab = self.console.twice.lab = Lab()
        if self.host.trouble() is None:
            self.console.move(Panel())


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Mixer, Any]]:
    """The standalone page around a model that tells how loud its adapter is, and that model."""
    from helpers.gauge import gauge

    made = gauge()
    with standalone(host_of(made.model, made.tokenizer)) as mixer:
        yield mixer, made


def short(name: str) -> str:
    """A target's name, without what is the same for all: "layers.0.mlp.up_proj"."""
    return name.split("model.")[-1]


@contextmanager
def standalone(host: Any, key: str = "") -> Iterator[Mixer]:
    """The standalone page around `host`, served; with a key programs are answered too."""
    from lora_mixer.hosts.standalone.page import build_page

    page = build_page(host, ROOT, key=key)
    # The door lives as long as the process, which here plays many hosts.
    door = sys.modules["lora_mixer"].__dict__.pop("door")
    sys.modules.pop("lora_mixer_script", None)
    mixer = Mixer(host, door.console, blocks=page.blocks)
    with serving(page.blocks.queue(), **page.launch_options) as mixer.url:
        yield mixer


def host_of(model: Any, tokenizer: Any, **options: Any) -> Any:
    """A standalone host that plays `model`, and calls its adapters what PEFT calls them."""
    from lora_mixer.hosts.standalone.host import StandaloneHost
    from lora_mixer.hosts.standalone.load import Loaded, Start

    names = list(getattr(model, "peft_config", {}))
    state = Path(tempfile.mkdtemp(prefix="lora-mixer-state-"))
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    start = Start(ROOT, Path("tiny"), {name: Path(name) for name in names}, state=state)
    host = StandaloneHost(start, **options)
    if model is not None:
        numbers = sum(numbers.numel() for name, numbers in model.named_parameters() if ".lora_" not in name)
        host.use(Loaded(model, tokenizer, numbers))
    return host


# The page, as its user sees it


class Board:
    """The desk on a page, and the chat beside it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.desk = page.locator("#lora-mixer-desk .lora-mixer-desk")

    def open(self) -> Board:
        """Goes to the desk's tab, and waits until the desk is there."""
        self.page.get_by_role("tab", name="LoRA Mixer", exact=True).first.click()
        self.desk.wait_for()
        return self

    def chat(self) -> Board:
        """Goes to the chat's tab."""
        self.page.get_by_role("tab", name="Chat", exact=True).first.click()
        return self

    def strip(self, adapter: str = "pirate") -> Any:
        return self.desk.locator(f'[data-adapter="{adapter}"]')

    def label(self, label: str) -> Any:
        """A control of the desk, by what a screen reader calls it."""
        return self.desk.get_by_label(label, exact=True)

    def master(self, adapter: str = "pirate") -> Any:
        return self.label(f"Master fader of {adapter}")

    def type(self, label: str, text: str, adapter: str = "") -> None:
        """Types a number into a field, and Enter."""
        field = (self.strip(adapter) if adapter else self.desk).get_by_label(label, exact=True)
        field.fill(text)
        field.press("Enter")

    def press(self, do: str) -> None:
        """Clicks one of the desk's own buttons."""
        self.desk.locator(f"[data-do={do}]").first.click()

    def cell(self, layer: int, kind: str, adapter: str = "pirate") -> Any:
        return self.strip(adapter).locator(f"[role=gridcell][data-layer='{layer}'][data-kind='{kind}']")

    def section(self, name: str, adapter: str = "pirate") -> Any:
        """A section of a strip, opened."""
        section = self.strip(adapter).locator(f"[data-section={name}]")
        if section.get_attribute("open") is None:
            section.locator("summary").click()
        return section

    def curve(self, adapter: str = "pirate") -> Any:
        return self.section("depth", adapter).locator("[data-part=curve]")

    def fact(self, name: str, adapter: str = "pirate") -> Any:
        return self.strip(adapter).locator(f"[data-fact={name}]")


def compare(page: Any, seconds: float = PATIENCE) -> None:
    """A comparison from its start to its end: the page must show another one, for the last may have said the same."""
    from playwright.sync_api import expect

    key, running = (f"loraMixer.lab.{what}" for what in ("sheet && loraMixer.lab.sheet.key", "line.running"))
    before = page.evaluate(key)
    page.locator("#lora-mixer-start").click()
    wait_until(page, lambda: page.evaluate(key) != before and not page.evaluate(running), "another comparison", seconds)
    expect(page.locator("#lora-mixer-start")).to_be_enabled()


def toast(page: Any) -> Any:
    """The messages that Gradio raises."""
    return page.get_by_test_id("toast-body")


def set_number(page: Any, elem_id: str, value: Any) -> None:
    """Sets a slider or number of Gradio by the number in it."""
    box = page.locator(f"#{elem_id} input[type=number]").first
    box.fill(str(value))
    box.press("Enter")
    box.blur()


def plays(page: Any, letter: str) -> str:
    """What the menu of a column of the comparison shows."""
    return str(page.locator(f"#lora-mixer-plays-{letter}").evaluate("(menu) => menu.selectedOptions[0].textContent"))


def contrast(page: Any, locator: Any) -> float:
    """The contrast of a text against what lies behind it, after WCAG 2: 4.5 is readable."""
    return float(locator.evaluate(_CONTRAST))


_CONTRAST = """(node) => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = [255, 255, 255];
  for (let at = node; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 250) { behind = colour; break; }
  }
  const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
