"""What the columns say, as HTML; whatever a model or a user wrote is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lora_ops import ColumnResult, Result, Update

_ENDS = {"end": "", "length": "cut at the length limit", "stop string": "", "stopped": "stopped", "": ""}


def empty(side: str) -> str:
    """A column before its first comparison."""
    return _column(side, "", "", f'<span class="lora-mixer-faint">What column {side} says will stand here.</span>')


def running(label: str, text: str, tokens: int, seconds: float, finished: bool) -> str:
    """A column while it is written."""
    pace = f"{tokens} tokens · {tokens / seconds:.1f}/s" if seconds else ""
    caret = "" if finished else '<span class="lora-mixer-caret"></span>'
    return _column(label, "", pace, escape(text) + caret)


def done(column: ColumnResult) -> str:
    """A column that has ended."""
    notes = [f"{len(column.token_ids)} tokens", f"{column.tokens_per_second:.1f}/s", _ENDS[column.finish]]
    text = escape(column.text) or '<span class="lora-mixer-faint">(it said nothing)</span>'
    return _column(column.label, "lora-mixer-done", " · ".join(note for note in notes if note), text)


def progress(update: Update, limit: int | None) -> str:
    """How far a comparison is."""
    most = max(update.tokens, default=0)
    of = f" of at most {limit}" if limit else ""
    return f"{most} tokens{of} · {update.seconds:.1f} s"


def summary(result: Result) -> str:
    """What came of a comparison, in a line."""
    tokens = sum(len(column.token_ids) for column in result.columns)
    pace = f"{tokens / result.seconds:.1f} tokens a second together" if result.seconds else ""
    manner = "in one batch" if result.batched else f"one after the other ({escape(result.why_not_batched)})"
    same = "all say the same" if len({column.text for column in result.columns}) == 1 and tokens else ""
    parts = [f"{result.seconds:.1f} s", pace, manner, f"seed {result.seed}", same]
    return " · ".join(part for part in parts if part)


def status(text: str) -> str:
    """The line under the buttons. `text` must be escaped already."""
    return f'<div class="lora-mixer-status" role="status">{text}</div>'


def _column(label: str, css: str, notes: str, body: str) -> str:
    return (
        f'<div class="lora-mixer-reply {css}"><div class="lora-mixer-reply-head"><b>{escape(label)}</b>'
        f'<span>{escape(notes)}</span></div><div class="lora-mixer-reply-text">{body}</div></div>'
    )
