"""What a person sees: tables on stdout, progress on stderr; or JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

_WIDE = 200


def show_json(data: Any) -> None:
    """Plain data on stdout; what is no number is null."""
    typer.echo(json.dumps(_finite(data), indent=2, ensure_ascii=False))


def show_facts(facts: Mapping[str, str]) -> None:
    """A name and a value on each line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(escape(name), escape(value))
    _console().print(table)


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Rows under a head; the first `left` columns stand left, and what has no head (a bar); numbers stand right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, word in enumerate(head):
        table.add_column(escape(word), justify="left" if at < left or not word else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    _console().print(table)


def say(text: str) -> None:
    """A line for people, on stderr."""
    Console(stderr=True, highlight=False).print(escape(text), style="dim")


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while the block lasts; what it gives is told how many of how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def size(count: float) -> str:
    """A number of bytes, as people read it."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def bar(share: float, width: int = 24) -> str:
    """A bar of text, for a share of the greatest."""
    return "█" * round(max(0.0, min(1.0, share if math.isfinite(share) else 0.0)) * width)


def _console() -> Console:
    """On stdout. Where that is no terminal but a file or a pipe, lines are broken late: a program reads them."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    return console


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
