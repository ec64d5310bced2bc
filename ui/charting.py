"""Charts of a sweep: how replies fare as a fader goes up, and how likely a text of one's own becomes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..hosts.protocol import HostError

if TYPE_CHECKING:
    from ..lora_ops import Desk
    from .console import Console
    from .sheet import Sheet

#: What a text of one's own is tried at, if nothing else is asked for.
USUAL = "master 0 to 2 in 0.25"


class Charting:
    """A chart being worked out; what `console.comparison` holds meanwhile."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Calls it off."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was called off."""
        return self._stopped.is_set()

    def of_sweep(self, sheet: Sheet) -> Any:
        """Perplexity, divergence, agreement and length against the gain, of the first row of a sweep over one axis.

        Raises:
            HostError, ValueError, RuntimeError: for people.
        """
        from ..lora_ops.lab.curves import curve
        from ..lora_ops.lab.sweep import parse_axis
        from .charts import curve as draw

        desk = self._desk()
        filled = sheet.filled
        if filled is None or filled.y or not sheet.results or len(filled.x_labels) != len(sheet.columns):
            raise HostError("Fill the columns from a sweep over one fader and compare: then there is a line to draw.")
        ids, base = self._ids(sheet, desk), sheet.columns[0].mix
        axis = parse_axis(filled.x, desk, base)
        row = next(iter(sheet.results))
        replies = [column.token_ids for column in sheet.results[row].columns]
        with self._console.comparison(self):
            found = curve(
                desk, self._console.host.tokenizer, ids, axis, base, replies=replies, cancelled=self._stopped.is_set
            )
        return draw(found)

    def of_text(self, text: str, axis: str) -> Any:
        """How likely the adapter makes a text as the gain goes up, and where more stops helping.

        Raises:
            HostError, ValueError, RuntimeError: for people.
        """
        from ..lora_ops.lab.curves import likelihood_curve
        from ..lora_ops.lab.sweep import parse_axis
        from .charts import likelihood as draw

        desk = self._desk()
        if not text.strip():
            raise HostError("Write the text first that the adapter should make likely.")
        base = self._console.panel.effective(desk.adapters.values())
        swept = parse_axis(axis.strip() or USUAL, desk, base)
        with self._console.comparison(self):
            found = likelihood_curve(
                desk, self._console.host.tokenizer, text, swept, base, cancelled=self._stopped.is_set
            )
        return draw(found)

    def _desk(self) -> Desk:
        desk = self._console.desk()
        if desk is None:
            raise HostError("There is no adapter to draw a chart of.")
        return desk

    def _ids(self, sheet: Sheet, desk: Desk) -> Any:
        import torch

        ids = sheet.rows[next(iter(sheet.results))].input_ids
        if not ids:
            raise HostError("This experiment was read from a file: compare again to draw it.")
        return torch.tensor([ids], device=next(desk.model.parameters()).device)


def charts_html(sheet: Sheet) -> str:
    """The charts that were drawn of an experiment, as a part of a page that needs no network."""
    from .charts import html

    return html(sheet.figures) if sheet.figures else ""
