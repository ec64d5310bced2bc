"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice import advise
    from .comparison import MAX_COLUMNS, Column, ColumnResult, Result, Run, Update, compare
    from .desk import Cancelled, Desk
    from .fade import Fade
    from .fader import Fader
    from .mix import Faders, Mix
    from .record import (
        AdapterRecord,
        ColumnRecord,
        Duel,
        MessageRecord,
        Record,
        RecordsError,
        ReplyRecord,
        ScoresRecord,
        TrialRecord,
        Vote,
    )
    from .records import AlreadyKept, Records, Summary
    from .target import Adapter, Target

_HOME = {
    "Adapter": "target",
    "AdapterRecord": "record",
    "AlreadyKept": "records",
    "Cancelled": "desk",
    "Column": "comparison",
    "ColumnRecord": "record",
    "ColumnResult": "comparison",
    "Desk": "desk",
    "Duel": "record",
    "Fade": "fade",
    "Fader": "fader",
    "Faders": "mix",
    "MAX_COLUMNS": "comparison",
    "MessageRecord": "record",
    "Mix": "mix",
    "Record": "record",
    "Records": "records",
    "RecordsError": "record",
    "ReplyRecord": "record",
    "Result": "comparison",
    "Run": "comparison",
    "ScoresRecord": "record",
    "Summary": "records",
    "Target": "target",
    "TrialRecord": "record",
    "Update": "comparison",
    "Vote": "record",
    "advise": "advice",
    "compare": "comparison",
}

__all__ = [
    "MAX_COLUMNS",
    "Adapter",
    "AdapterRecord",
    "AlreadyKept",
    "Cancelled",
    "Column",
    "ColumnRecord",
    "ColumnResult",
    "Desk",
    "Duel",
    "Fade",
    "Fader",
    "Faders",
    "MessageRecord",
    "Mix",
    "Record",
    "Records",
    "RecordsError",
    "ReplyRecord",
    "Result",
    "Run",
    "ScoresRecord",
    "Summary",
    "Target",
    "TrialRecord",
    "Update",
    "Vote",
    "advise",
    "compare",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
