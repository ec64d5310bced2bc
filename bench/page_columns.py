"""Several columns through the real page, against one column that no page is told of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..lora_ops import Column, Desk, Faders, Mix, compare
from .clock import Series, Way, in_turns
from .generating import full_length
from .page import browsing, served
from .page_server import ENDLESS
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, QUESTION, Workshop, prompt

TITLE = "Columns through the page, float32"
ABOUT = """\
The standalone page in headless Chromium, the demo's model with a rank-16 adapter on 210 targets: Compare, pressed with
the mouse, for columns of {tokens} greedy tokens, each of another gain; no token ends a reply. Timed in the browser,
from its own `click` event to the moment when the last card is done. Browser, server and model share this machine. The
page compares two columns or more, so one column is `compare` in a process of its own, with no page around it: all that
the page costs counts against it. The other numbers of columns are measured without the page too, and say the same
words."""

#: How many columns, and how many times as long as one column without the page they may take.
COUNTS: dict[int, float | None] = {2: None, 8: 1.7, 16: 2.2}
ROUNDS = 4
_LOADING_MS, _RUN_MS = 180_000, 300_000

#: Columns, and whether through the page.
Case = tuple[int, bool]
ONE = (1, False)


def measure(shop: Workshop) -> Section:
    """Compares in turns, through the page and without it; ratios are to one column without it."""
    tokens = shop.pick(64, 6)
    counts = [count for count in COUNTS if count <= shop.pick(16, 8)]
    alone = _Alone(shop, tokens)
    with (
        served(shop.scratch / "columns.jsonl", ENDLESS, "--dtype", "float32", "--lora", str(shop.adapter())) as url,
        browsing() as browser,
    ):
        shop.say("opening the page")
        page = _Page(browser.new_page(viewport={"width": 1280, "height": 860}), url, tokens)
        shop.say(f"{', '.join(map(str, counts))} columns of {tokens} tokens through the page and without it, in turns")
        ways: dict[Case, Way] = {(count, False): alone.way(count) for count in (1, *counts)}
        ways |= {(count, True): page.way(count) for count in counts}
        # What a page, a desk and a table of experiments do when they are used for the first time is not measured here.
        for case in ((1, False), (2, False), (2, True)):
            ways[case].sample()
        times = in_turns(ways, shop.pick(ROUNDS, 1), warm_up=False)
    for count in counts:
        assert page.said[count] == alone.said[count], f"{count} columns say other words on the page"
    return Section(TITLE, ABOUT.format(tokens=tokens), [_ratios(counts, times), _times(counts, times)], _goals(times))


def _gains(count: int) -> list[float]:
    return [at / 8 for at in range(count)]


class _Alone:
    """`compare`, and nobody to show it to.

    Attributes:
        said: what the columns said last, by their number.
    """

    def __init__(self, shop: Workshop, tokens: int) -> None:
        model, self._tokenizer = shop.model()
        self._desk = Desk(model)
        self._ids = prompt(self._tokenizer)
        self._tokens = tokens
        self.said: dict[int, list[str]] = {}

    def way(self, count: int) -> Way:
        return Way(lambda: self._say(count))

    def _say(self, count: int) -> None:
        columns = [Column(f"{gain:g}", Mix({ADAPTER: Faders(master=gain)})) for gain in _gains(count)]
        generation = full_length(self._tokens)
        run = compare(self._desk, self._tokenizer, self._ids, columns, seed=7, generation=generation)
        for _ in run:
            pass
        assert run.result.batched, run.result.why_not_batched
        assert all(len(column.token_ids) == self._tokens for column in run.result.columns)
        self.said[count] = [column.text for column in run.result.columns]


@dataclass(frozen=True)
class _Timed(Way):
    """A way that says itself how many seconds it took."""

    def sample(self) -> float:
        if self.prepare is not None:
            self.prepare()
        seconds: float = self.run()
        return seconds


class _Page:
    """A user of the page, who fills the columns from a sweep and compares.

    Attributes:
        said: what the cards said last, by their number.
    """

    #: Settles when that many cards are done that were not there before: with the seconds since the button was pressed.
    _WATCH = """
    ([columns, patience]) => {
      const cards = () => [...document.querySelectorAll("#lora-mixer-results .lora-mixer-reply")];
      const before = new Set(cards());
      let pressed = null;
      const press = (event) => { pressed = event.timeStamp; };
      document.getElementById("lora-mixer-start").addEventListener("click", press, { capture: true, once: true });
      window.benchRun = new Promise((resolve, reject) => {
        const watch = new MutationObserver(() => {
          const done = cards().filter((card) => card.classList.contains("is-done") && !before.has(card));
          if (done.length !== columns) return;
          watch.disconnect();
          resolve((performance.now() - pressed) / 1000);
        });
        const what = { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] };
        watch.observe(document.getElementById("lora-mixer-results"), what);
        setTimeout(() => reject(new Error("the comparison does not end")), patience);
      });
    }
    """

    def __init__(self, page: Any, url: str, tokens: int) -> None:
        self._page, self._tokens = page, tokens
        self.said: dict[int, list[str]] = {}
        page.goto(url)
        page.locator("#page-header .facts").wait_for(timeout=_LOADING_MS)
        self._number("max-new-tokens", tokens)
        self._number("repetition-penalty", 1)
        page.locator("#chat-do-sample input").uncheck()
        page.get_by_role("tab", name="LoRA Mixer", exact=True).first.click()
        page.locator("#lora-mixer-start:enabled").wait_for(timeout=_LOADING_MS)
        page.locator("#lora-mixer-source").get_by_label("A text of my own", exact=True).click()
        page.locator("#lora-mixer-text textarea").fill(QUESTION)
        page.get_by_role("button", name="Fill from a sweep").click()

    def way(self, count: int) -> Way:
        return _Timed(lambda: self._compare(count), prepare=lambda: self._fill(count))

    def _number(self, name: str, value: int) -> None:
        box = self._page.locator(f"#chat-{name} input[type=number]")
        box.fill(str(value))
        box.press("Enter")

    def _fill(self, count: int) -> None:
        self._page.locator("#lora-mixer-sweep-x").fill(f"master {', '.join(f'{gain:g}' for gain in _gains(count))}")
        self._page.locator("#lora-mixer-fill").click()
        lines = self._page.locator(".lora-mixer-column")
        until = time.monotonic() + 60
        while lines.count() != count:
            if time.monotonic() > until:
                raise RuntimeError(f"the page has {lines.count()} columns, and not {count}")
            self._page.wait_for_timeout(50)
        self._page.wait_for_timeout(300)  # what the page has to do about that is done

    def _compare(self, count: int) -> float:
        start = self._page.locator("#lora-mixer-start:enabled")
        start.scroll_into_view_if_needed()
        self._page.evaluate(self._WATCH, [count, _RUN_MS])
        start.click()
        seconds: float = self._page.evaluate("window.benchRun")
        status = self._page.locator("#lora-mixer-status", has_text="in one batch")
        status.wait_for()
        start.wait_for()
        notes = self._page.locator("#lora-mixer-results .lora-mixer-reply-notes").all_text_contents()
        assert all(f"{self._tokens} tokens" in note for note in notes), f"not {self._tokens} tokens each: {notes}"
        self.said[count] = self._page.locator("#lora-mixer-results .lora-mixer-reply-text").all_text_contents()
        return seconds


def _ratios(counts: Sequence[int], times: dict[Case, Series]) -> Table:
    rows = [("1", "", ratio(times[ONE] / times[ONE]), "")]
    for count in counts:
        page, alone = times[count, True], times[count, False]
        rows.append((f"{count}", ratio(page / times[ONE]), ratio(alone / times[ONE]), ratio(page / alone)))
    head = ("through the page, times one column", "without it, times one column", "the page, times without")
    return Table(("columns", *head), rows)


def _times(counts: Sequence[int], times: dict[Case, Series]) -> Table:
    rows = [("1", "", duration(times[ONE]))]
    rows += [(f"{count}", duration(times[count, True]), duration(times[count, False])) for count in counts]
    return Table(("columns", "through the page", "without it"), rows)


def _goals(times: dict[Case, Series]) -> list[Goal]:
    goals = []
    for count, limit in COUNTS.items():
        if limit is not None and (count, True) in times:
            against = times[count, True] / times[ONE]
            what, wanted = f"{count} columns of float32 through the page", f"at most {limit} x one column without it"
            goals.append(Goal(what, wanted, f"{ratio(against)} x", against.median <= limit))
    return goals
