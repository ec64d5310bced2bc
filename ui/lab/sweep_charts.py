"""Charts of a sweep: how replies fare as a fader goes up, and how likely a text of one's own becomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.fader import Fader
from ..page.jobs import TextCurve
from .prompt_ids import prompt_ids
from .replies import left
from .sheet import Line

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ...lora_ops.lab.axis import Axis
    from ...lora_ops.lab.curves import Curve
    from ...lora_ops.mix import Mix
    from ..page.studio import Studio
    from .sheet import Sheet

#: What a text of one's own is tried at, if nothing else is asked for.
USUAL = "master 0 to 2 in 0.25"


class Charting:
    """A chart being worked out; what `console.comparison` holds meanwhile."""

    def __init__(self, console: Studio) -> None:
        self._console = console
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Calls it off."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was called off."""
        return self._stopped.is_set()

    def of_sweep(self, sheet: Sheet) -> Generator[Line, None, Any]:
        """Perplexity, divergence, agreement and length against the gain, of a sweep over one axis.

        Yields how far it is, and answers the figure: the mean of all rows.

        Raises:
            HostError, ValueError, RuntimeError: for people.
        """
        from ...lora_ops.lab.curves import mean
        from ...lora_ops.lab.sweep import parse_axis
        from .charts import curve as draw

        desk = self._desk()
        filled = sheet.filled
        if filled is None or filled.y or not sheet.results or len(filled.x_labels) != len(sheet.columns):
            raise HostError("Fill the columns from a sweep over one fader and compare: then there is a line to draw.")
        prompts = {row: prompt_ids(self._console, sheet, row) for row in sheet.results}
        axis = parse_axis(filled.x, desk, sheet.columns[0].mix, filled.sides)
        rows = [row for row in prompts if not _silent(sheet, row, axis, desk)] or list(prompts)[:1]
        found, began = [], time.monotonic()
        with self._console.comparison(self):
            for at, row in enumerate(rows):
                part = at / len(rows)
                told = f"Drawing: {at} of {len(rows)} rows" if len(rows) > 1 else "Drawing …"
                yield Line(" · ".join(filter(None, [told, left(time.monotonic() - began, part)])), True, part)
                found.append(self._curve(desk, sheet, row, prompts[row], axis))
        return draw(mean(found), len(found))

    def _curve(self, desk: Desk, sheet: Sheet, row: int, ids: Any, axis: Axis) -> Curve:
        from ...lora_ops.lab.curves import curve

        base, replies = sheet.columns[0].mix, [column.token_ids for column in sheet.results[row].columns]
        return curve(desk, None, ids, axis, base, replies=replies, cancelled=self._stopped.is_set)

    def of_text(self, text: str, axis: str) -> Any:
        """How likely the adapter makes a text as the gain goes up, and where more stops helping.

        Raises:
            HostError, ValueError, RuntimeError: for people.
        """
        from ...lora_ops.lab.curves import likelihood_curve
        from ...lora_ops.lab.sweep import parse_axis
        from .charts import likelihood as draw

        desk = self._desk()
        if not text.strip():
            raise HostError("Write the text first that the adapter should make likely.")
        base = self._console.panel.effective(desk.adapters.values())
        fader = self._console.crossfader
        sides = (fader.a.mix, fader.b.mix) if fader else None
        swept = parse_axis(axis.strip() or USUAL, desk, base, sides)
        with self._console.comparison(self):
            found = likelihood_curve(desk, None, text, swept, base, cancelled=self._stopped.is_set)
        self._remember(found, swept, base)
        return draw(found)

    def _remember(self, found: Curve, axis: Axis, base: Mix) -> None:
        """Keeps what was drawn of an adapter: a recipe for its next training asks for it."""
        [name, *others] = {fader.adapter for fader in axis.faders if isinstance(fader, Fader)} or {""}
        desk = self._desk()
        if not others and name in desk.adapters:
            self._console.works.curves[name, axis.of] = TextCurve(found, desk.adapters[name], base[name])

    def _desk(self) -> Desk:
        desk = self._console.desk()
        if desk is None:
            raise HostError("There is no adapter to draw a chart of.")
        return desk


def _silent(sheet: Sheet, row: int, axis: Axis, desk: Desk) -> bool:
    """Whether the reply that the others are judged by is known, and empty: then there is nothing to judge by."""
    from ...lora_ops.lab.curves import yardstick_setting

    at = yardstick_setting(axis, desk.adapters)
    return at is not None and not sheet.results[row].columns[at].token_ids


def charts_html(sheet: Sheet) -> str:
    """The charts that were drawn of an experiment, as a part of a page that needs no network."""
    from .charts import html

    return html(sheet.figures) if sheet.figures else ""
