"""The experiment that a page shows: what every column says to every row, as it grows, and what a page must be told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...lora_ops.lab.difference import first_difference, words
from .columns import letter

if TYPE_CHECKING:
    from ...lora_ops import Column, ColumnResult, Question, Result
    from ...lora_ops.results.record import Record, ScoresRecord
    from .columns import Filled

#: A column that has ended while others go on is "ended"; when all of its row have, they are "done".
WAITING, RUNNING, ENDED, DONE = "waiting", "running", "ended", "done"
_ENDS = {"length": "cut off", "stopped": "stopped"}
_keys = itertools.count(1)


@dataclass(frozen=True)
class Row:
    """One question under one seed, asked of all columns.

    Attributes:
        asked: the question; without token ids where an experiment was read back.
        seed: of every column's dice.
        question: its number in the experiment: rows that share it differ in their seed.
    """

    asked: Question
    seed: int
    question: int = 0


@dataclass
class Cell:
    """What one column says to one row. `text` comes without the row's opening."""

    state: str = WAITING
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    result: ColumnResult | None = None


@dataclass
class Line:
    """The line under the buttons: how far it is, or what came of it."""

    text: str = ""
    running: bool = False
    #: How much of it is done, from 0 to 1, where that is known.
    part: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a page draws it."""
        return {"text": self.text, "running": self.running, "part": self.part}


@dataclass
class Sheet:
    """An experiment, and how it is looked at.

    Attributes:
        columns: name and mix of each, as they were when it was asked; after its place each has a letter.
        rows: what they were asked.
        filled: the sweep that the columns are, if they are one.
        to_chat: the prompt of the chat's last turn, if the first row asked that: its replies may go into the chat.
        limit: how many tokens a reply may have.
        reference: the column that the others are held against.
        age: grows after every change of what is said, so that of two reports the older one can be told.
        notes: what to know about it, shown above it ("read from a file").
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    filled: Filled | None = None
    to_chat: str | None = None
    limit: int | None = None
    notes: list[str] = field(default_factory=list)
    reference: int = 0
    age: int = 0
    line: Line = field(default_factory=Line)
    #: What is kept of it, as it was when it began.
    record: Record | None = None
    #: Whether it is known already that it cannot be kept.
    lost: bool = False
    #: Its number among what is kept, if it is, and the place of each row among the record's trials.
    kept: int | None = None
    places: dict[int, int] = field(default_factory=dict)
    #: What came of each row that has ended, and how its columns judge each other's replies where that was measured.
    results: dict[int, Result] = field(default_factory=dict)
    scores: dict[int, ScoresRecord] = field(default_factory=dict)
    #: Charts that were drawn of it.
    figures: list[Any] = field(default_factory=list)
    key: int = field(default_factory=lambda: next(_keys))

    def __post_init__(self) -> None:
        self.cells = [[Cell() for _ in self.columns] for _ in self.rows]

    def grow(
        self, row: int, texts: Sequence[str], tokens: Sequence[int], over: Sequence[bool], took: Sequence[float]
    ) -> None:
        """The columns of a row have said more; `took` are seconds."""
        for cell, text, count, ended, seconds in zip(self.cells[row], texts, tokens, over, took, strict=True):
            if cell.state != DONE:
                cell.state = ENDED if ended else RUNNING
                cell.text, cell.tokens, cell.seconds = text, count, seconds
        self.age += 1

    def finish(self, row: int, result: Result) -> None:
        """All columns of a row have ended."""
        self.results[row] = result
        for cell, said in zip(self.cells[row], result.columns, strict=True):
            cell.state, cell.result = DONE, said
            cell.text, cell.tokens, cell.seconds = said.text, len(said.token_ids), said.seconds
        self.age += 1

    def settle(self) -> None:
        """Nothing runs any more: rows that were never reached say nothing."""
        for row in self.cells:
            for cell in row:
                if cell.state in (RUNNING, ENDED):
                    cell.state = DONE
        self.age += 1

    def shown(self, row: int, column: int) -> str:
        """A reply as it is read, with what it begins with."""
        cell = self.cells[row][column]
        return self.rows[row].asked.opening + cell.text if cell.text or cell.state != WAITING else ""

    def title(self, column: int) -> str:
        """A column by its letter and its name: "B · The base model"."""
        return f"{letter(column)} · {self.columns[column].label}"

    def head(self) -> dict[str, Any]:
        """What a page has to know before any reply."""
        filled = self.filled
        grid = filled and {
            "x": filled.x_title, "xs": list(filled.x_labels), "y": filled.y_title, "ys": list(filled.y_labels),
        }  # fmt: skip
        return {
            "key": self.key,
            "columns": [{"letter": letter(at), "name": one.label} for at, one in enumerate(self.columns)],
            "rows": [{"label": row.asked.label, "seed": row.seed} for row in self.rows],
            "grid": grid,
            "use": self.to_chat is not None,
            "limit": self.limit,
            "drawable": filled is not None and not filled.y and len(filled.x_labels) == len(self.columns),
            "reference": self.reference,
        }


class Teller:
    """Tells one listener what has changed in a sheet since it was told before."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._told: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._count = 0

    def news(self, whole: bool = False) -> dict[str, Any]:
        """What is new. `n` counts up by one, so that a listener notices when it has missed something."""
        if whole:
            self._told.clear()
        sheet = self.sheet
        # Read first: replies may grow in another thread meanwhile, and a report must not pass for newer than it is.
        age, shown = sheet.age, sheet.line.to_dict()
        cells = []
        for row, line in enumerate(sheet.cells):
            for column, cell in enumerate(line):
                now = (cell.state, cell.text, cell.tokens, sheet.reference, id(cell.result))
                before = self._told.get((row, column))
                if before == now or (before is None and cell.state == WAITING):
                    continue
                self._told[row, column] = now
                cells.append(_cell(sheet, row, column, before[1] if before else None))
        self._count += 1
        news = {"key": sheet.key, "n": self._count, "age": age, "cells": cells}
        return {**news, "line": shown, "note": " ".join(sheet.notes)}


def _cell(sheet: Sheet, row: int, column: int, before: str | None) -> dict[str, Any]:
    cell = sheet.cells[row][column]
    opening = sheet.rows[row].asked.opening
    told: dict[str, Any] = {"r": row, "c": column, "s": cell.state, "n": cell.tokens}
    if cell.state == DONE:
        told.update(pace=_pace(cell), end=_end(cell), **_marked(sheet, row, column))
    elif before is not None and cell.text.startswith(before):
        # Lengths as the page counts them, in UTF-16.
        told.update(at=_length(opening + before), add=cell.text[len(before) :], pace=_pace(cell))
    else:
        told.update(text=opening + cell.text, pace=_pace(cell))
    return told


def _marked(sheet: Sheet, row: int, column: int) -> dict[str, Any]:
    """A finished reply in pieces: those that the reference column does not say are marked."""
    text = sheet.shown(row, column)
    against = sheet.cells[row][sheet.reference]
    if column == sheet.reference or against.state != DONE:
        return {"pieces": [[text, 0]] if text else [], "leaves": None}
    pieces = [[piece.text, int(piece.changed)] for piece in words(text, sheet.shown(row, sheet.reference))]
    mine, other = sheet.cells[row][column].result, against.result
    leaves = first_difference(mine.token_ids, other.token_ids) if mine and other else None
    return {"pieces": pieces, "leaves": leaves}


def _pace(cell: Cell) -> str:
    return f"{cell.tokens / cell.seconds:.1f}/s" if cell.seconds else ""


def _end(cell: Cell) -> str:
    return _ENDS.get(cell.result.finish, "") if cell.result else "stopped"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
