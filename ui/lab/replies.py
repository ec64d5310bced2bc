"""What is said about replies, in a line: how far they are, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .sheet import Line

if TYPE_CHECKING:
    from ...lora_ops import Result, Update
    from ...lora_ops.lab.experiment import Progress
    from .sheet import Sheet


def progress(sheet: Sheet, progress: Progress) -> Line:
    """How far an experiment is."""
    update, rows = progress.update, progress.trials
    most, share = _reached(update, sheet.limit) if update else (0, 0.0)
    part = (progress.done + (share if progress.done < rows else 0.0)) / rows
    parts = [f"{progress.done} of {rows} done" if rows > 1 else ""]
    if update is None:
        parts.append("waiting for the model …" if not progress.done else "")
    elif rows == 1:
        parts.append(f"{most} tokens of at most {sheet.limit}" if sheet.limit else f"{most} tokens")
        parts.append(f"{update.seconds:.1f} s")
    left = progress.seconds_left
    parts.append(f"at most {clock(left)} left" if left is not None and left >= 1 else "")
    return Line(" · ".join(piece for piece in parts if piece), True, part)


def _reached(update: Update, limit: int | None) -> tuple[int, float]:
    """How many tokens the furthest of the columns that run has said, and how much of all replies is said at least.

    Where memory does not hold all columns at once some have ended before others begin.
    """
    columns = list(zip(update.tokens, update.finished, strict=True))
    running = [tokens for tokens, over in columns if tokens and not over] or [tokens for tokens, _ in columns]
    parts = [1.0 if over else min(tokens / limit, 1.0) if limit else 0.0 for tokens, over in columns]
    return max(running, default=0), sum(parts) / len(parts) if parts and limit else 0.0


def shorten(text: str, most: int = 90) -> str:
    """A text on one line, cut where it is too long to stand above replies."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def left(seconds: float, part: float) -> str:
    """How long it will go on, at the pace so far; nothing as long as that would be a guess."""
    if part <= 0 or seconds < 1:
        return ""
    rest = seconds / part - seconds
    return f"at most {clock(rest)} left" if rest >= 1 else ""


def clock(seconds: float) -> str:
    """A time for people: 12 s, 3 min 20 s.

    >>> clock(12.4), clock(200)
    ('12 s', '3 min 20 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def summary(results: Sequence[Result], rows: int, to_the_chat: bool, seconds: float | None = None) -> str:
    """What came of an experiment, in a line. Replies to a text of one's own are no replies to the chat's last turn.

    Args:
        results: of the rows that have ended.
        rows: how many there were to be.
        to_the_chat: whether they may go into the chat.
        seconds: how long it took; if not given, what the rows took one after the other.
    """
    if not results:
        return "Stopped before the first word."
    seconds = seconds or sum(result.seconds for result in results)
    tokens = sum(len(column.token_ids) for result in results for column in result.columns)
    parts = [
        f"stopped after {len(results)} of {rows}" if len(results) < rows else f"{rows} rows" if rows > 1 else "",
        f"{seconds:.1f} s",
        f"{tokens / seconds:.1f} tokens a second together" if seconds else "",
        manner(results),
        seeds([result.seed for result in results]),
        "all say the same" if tokens and all(_same(result) for result in results) else "",
        "" if to_the_chat else "these answer a text of your own, so they cannot go into the chat",
    ]
    return " · ".join(part for part in parts if part)


def manner(results: Sequence[Result]) -> str:
    """In one batch, in several, or why one after the other."""
    notes = dict.fromkeys(getattr(result, "note", "") for result in results)
    if said := next((note for note in notes if note), ""):
        return said
    alone = next((result for result in results if not result.batched), None)
    return f"one after the other ({alone.why_not_batched})" if alone else "in one batch"


def seeds(values: Sequence[int]) -> str:
    """Which seeds the dice had."""
    different = list(dict.fromkeys(values))
    return f"seed {different[0]}" if len(different) == 1 else f"seeds {different[0]} to {different[-1]}"


def _same(result: Result) -> bool:
    return len({column.text for column in result.columns}) == 1
