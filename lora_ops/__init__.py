"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice import advise
    from .ballot import Ballot, Revealed, Slip
    from .comparison import MAX_COLUMNS, Column, ColumnResult, Result, Run, Update, compare
    from .desk import Cancelled, Desk
    from .export import to_csv, to_html
    from .fade import Fade
    from .fader import Fader
    from .jsonl import from_jsonl, to_jsonl
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
    from .trials import MAX_CELLS, Experiment, Progress, Question, Trial, experiment
    from .votes import Pair, Rate, Standing, Tally, identity, tally

_HOME = {
    "Adapter": "target",
    "AdapterRecord": "record",
    "AlreadyKept": "records",
    "Ballot": "ballot",
    "Cancelled": "desk",
    "Column": "comparison",
    "ColumnRecord": "record",
    "ColumnResult": "comparison",
    "Desk": "desk",
    "Duel": "record",
    "Experiment": "trials",
    "Fade": "fade",
    "Fader": "fader",
    "Faders": "mix",
    "MAX_CELLS": "trials",
    "MAX_COLUMNS": "comparison",
    "MessageRecord": "record",
    "Mix": "mix",
    "Pair": "votes",
    "Rate": "votes",
    "Progress": "trials",
    "Question": "trials",
    "Record": "record",
    "Records": "records",
    "RecordsError": "record",
    "ReplyRecord": "record",
    "Result": "comparison",
    "Revealed": "ballot",
    "Run": "comparison",
    "ScoresRecord": "record",
    "Slip": "ballot",
    "Standing": "votes",
    "Summary": "records",
    "Tally": "votes",
    "Target": "target",
    "Trial": "trials",
    "TrialRecord": "record",
    "Update": "comparison",
    "Vote": "record",
    "advise": "advice",
    "compare": "comparison",
    "experiment": "trials",
    "from_jsonl": "jsonl",
    "identity": "votes",
    "tally": "votes",
    "to_csv": "export",
    "to_html": "export",
    "to_jsonl": "jsonl",
}

__all__ = [
    "MAX_CELLS",
    "MAX_COLUMNS",
    "Adapter",
    "AdapterRecord",
    "AlreadyKept",
    "Ballot",
    "Cancelled",
    "Column",
    "ColumnRecord",
    "ColumnResult",
    "Desk",
    "Duel",
    "Experiment",
    "Fade",
    "Fader",
    "Faders",
    "MessageRecord",
    "Mix",
    "Pair",
    "Rate",
    "Progress",
    "Question",
    "Record",
    "Records",
    "RecordsError",
    "ReplyRecord",
    "Result",
    "Revealed",
    "Run",
    "ScoresRecord",
    "Slip",
    "Standing",
    "Summary",
    "Tally",
    "Target",
    "Trial",
    "TrialRecord",
    "Update",
    "Vote",
    "advise",
    "compare",
    "experiment",
    "from_jsonl",
    "identity",
    "tally",
    "to_csv",
    "to_html",
    "to_jsonl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
