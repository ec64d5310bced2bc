"""How long a host takes to start with the extension, and without."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .child import answer
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ROOT, Workshop

TITLE = "Start of the host"
ABOUT = """\
From the start of the process to a served page, for our own page builder with an extension that does nothing, and with
`script.py`; no model is loaded. Then what the extension's own parts take in a host that has Gradio already: importing
`script.py`, `custom_css()` and `custom_js()`, and `ui()`, in a new process each time."""

EMPTY, OURS = "an empty extension", "LoRA Mixer"
_NOTHING = 'params = {"display_name": "Nothing", "is_tab": True}\n\n\ndef ui():\n    pass\n'


def measure(shop: Workshop) -> Section:
    """Starts both in turns; ratios are to the empty extension."""
    empty = shop.scratch / "empty"
    empty.mkdir()
    (empty / "script.py").write_text(_NOTHING, encoding="utf-8")
    starts = {EMPTY: _Start(empty), OURS: _Start(ROOT)}
    shop.say("starting the page with and without the extension, in turns")
    in_turns({name: Way(start.run) for name, start in starts.items()}, shop.pick(5, 1))
    times = {name: start.times() for name, start in starts.items()}
    rows = [
        (
            name,
            ratio(times[name] / times[EMPTY]),
            duration(times[name]),
            f"{starts[name].last['modules']:,}",
            f"{starts[name].last['bytes'] / 1024:,.0f} KiB",
        )
        for name in starts
    ]
    head = ("page with", "times as long as without", "process to page", "modules loaded", "size of the page")
    shop.say("importing script.py and building its page")
    part = [json.loads(answer("host_start", "parts", str(ROOT))) for _ in range(shop.pick(5, 1))]
    return Section(
        TITLE, ABOUT, [Table(head, rows), _parts(part)], [_heavy(starts[OURS].last, part)], [_loaded(part[-1])]
    )


class _Start:
    """Starts of one page; they are timed by the clock on the wall, which both processes share."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seconds: list[float] = []
        self.last: dict[str, Any] = {}

    def run(self) -> None:
        began = time.time()
        self.last = json.loads(answer("host_start", "page", str(self._root)))
        self._seconds.append(self.last["served"] - began)

    def times(self) -> Series:
        """Seconds from the process to the page; the first, which warmed up, is left out."""
        return Series(tuple(self._seconds[1:]))


def _parts(runs: list[dict[str, Any]]) -> Table:
    steps = {name: Series(tuple(run["steps"][name] for run in runs)) for name in runs[0]["steps"]}
    whole = Series(tuple(sum(run["steps"].values()) for run in runs))
    rows = [(name, duration(series)) for name, series in {**steps, "all of it": whole}.items()]
    return Table(("the extension's part", "time"), rows)


def _heavy(page: dict[str, Any], runs: list[dict[str, Any]]) -> Goal:
    heavy = sorted({*page["heavy"], *(name for run in runs for name in run["heavy"])})
    measured = f"loaded: {', '.join(heavy)}" if heavy else "none of them is"
    return Goal("torch, transformers and PEFT before there is a model", "not loaded", measured, not heavy)


def _loaded(run: dict[str, Any]) -> str:
    ours = [name for name in run["new"] if name.split(".")[0].startswith("lora_mixer")]
    others = sorted({name.split(".")[0] for name in run["new"]} - {name.split(".")[0] for name in ours})
    beside = f"and of others {', '.join(others)}" if others else "and none of others'"
    return f"In a host that has Gradio, the extension loads {len(ours)} modules of its own, {beside}."
