"""What was measured, as tables for the terminal and for `RESULTS.md`: the same Markdown in both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .clock import Series

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first `left` columns stand left, the others right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1

    def markdown(self) -> str:
        lines = [tuple(self.head), *(tuple(row) for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.head))]
        rule = tuple("-" * width if at < self.left else "-" * (width - 1) + ":" for at, width in enumerate(widths))
        return "\n".join(self._line(line, widths) for line in (lines[0], rule, *lines[1:]))

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = (
            cell.ljust(width) if at < self.left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"


@dataclass(frozen=True)
class Goal:
    """What was to be reached, what was measured, and whether that is enough."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Section:
    """One measurement: what was done, in prose, then tables of ratios, then of absolute times."""

    title: str
    about: str
    tables: Sequence[Table] = ()
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        parts = [f"## {self.title}", self.about, *(table.markdown() for table in self.tables), *self.notes]
        return "\n\n".join(parts)


def goals_table(goals: Sequence[Goal]) -> Table:
    """All goals and what became of them."""
    rows = [(goal.what, goal.wanted, goal.measured, "yes" if goal.met else "**no**") for goal in goals]
    return Table(("goal", "wanted", "measured", "met"), rows, left=4)


def ratio(series: Series) -> str:
    """A ratio's median, and in brackets how far the middle 80 % of the repetitions lie apart."""
    return f"{_number(series.median)}{_spread(series, 1.0)}"


def duration(series: Series) -> str:
    """A time's median and spread, in the unit that suits it."""
    size, unit = next(((size, unit) for size, unit in _UNITS if series.median >= size), _UNITS[-1])
    return f"{_number(series.median / size)} {unit}{_spread(series, size)}"


def _spread(series: Series, size: float) -> str:
    if len(series.values) < 2:
        return " (once)"
    low, high = (_number(series.percentile(percent) / size) for percent in (10, 90))
    return f" ({low} – {high})"


def _number(value: float) -> str:
    """Three digits that mean something; thousands with a comma."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write(path: Path, text: str) -> None:
    """Writes a file aside and renames it: under its name it is always whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
