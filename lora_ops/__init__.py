"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter_files import AdapterFileError, AdapterFiles, read_adapter
    from .adapter_weights import AdapterWeights, loaded_weights, read_weights
    from .advice import advise
    from .baking import Baked, bake, bake_weights
    from .ballot import Ballot, Revealed, Slip
    from .combining import COMBINATIONS, Recipe, combine, combine_weights, concatenate
    from .comparison import MAX_COLUMNS, Column, ColumnResult, Result, Run, Update, compare
    from .curves import Curve, curve, likelihood_curve
    from .desk import Cancelled, Desk
    from .difference import first_difference, words
    from .export import to_csv, to_html
    from .fade import Fade
    from .fader import Fader
    from .impacts import Impact, impact, keep_top, silence_idle
    from .jsonl import from_jsonl, to_jsonl
    from .loading import LoadingError, change_adapters, loaded_adapters
    from .loudnesses import Levels, Loud, Loudness, loudness
    from .merging import Merged, merge
    from .mix import Faders, Mix
    from .profile import Profile, ProfileError, read_mix
    from .profile_fit import Fit, fit
    from .profiles import Profiles
    from .questions import read_prompts
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
    from .runtimes import objections
    from .scoring import Scores, judge, score
    from .shapes import SHAPES, shape
    from .shelf import Entry, ShelfNotes
    from .sweep import Axis, parse_axis
    from .target import Adapter, Target
    from .trials import MAX_CELLS, Experiment, Progress, Question, Trial, experiment
    from .verifying import CannotVerify, verify
    from .votes import Pair, Rate, Standing, Tally, identity, tally

_HOME = {
    "Adapter": "target",
    "AdapterFileError": "adapter_files",
    "AdapterFiles": "adapter_files",
    "AdapterRecord": "record",
    "AdapterWeights": "adapter_weights",
    "AlreadyKept": "records",
    "Axis": "sweep",
    "Baked": "baking",
    "Ballot": "ballot",
    "COMBINATIONS": "combining",
    "Cancelled": "desk",
    "CannotVerify": "verifying",
    "Column": "comparison",
    "ColumnRecord": "record",
    "ColumnResult": "comparison",
    "Curve": "curves",
    "Desk": "desk",
    "Duel": "record",
    "Entry": "shelf",
    "Experiment": "trials",
    "Fade": "fade",
    "Fader": "fader",
    "Faders": "mix",
    "Fit": "profile_fit",
    "Impact": "impacts",
    "Levels": "loudnesses",
    "LoadingError": "loading",
    "Loud": "loudnesses",
    "Loudness": "loudnesses",
    "MAX_CELLS": "trials",
    "MAX_COLUMNS": "comparison",
    "Merged": "merging",
    "MessageRecord": "record",
    "Mix": "mix",
    "Pair": "votes",
    "Profile": "profile",
    "ProfileError": "profile",
    "Profiles": "profiles",
    "Progress": "trials",
    "Question": "trials",
    "Rate": "votes",
    "Recipe": "combining",
    "Record": "record",
    "Records": "records",
    "RecordsError": "record",
    "ReplyRecord": "record",
    "Result": "comparison",
    "Revealed": "ballot",
    "Run": "comparison",
    "SHAPES": "shapes",
    "Scores": "scoring",
    "ScoresRecord": "record",
    "ShelfNotes": "shelf",
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
    "bake": "baking",
    "bake_weights": "baking",
    "change_adapters": "loading",
    "combine": "combining",
    "combine_weights": "combining",
    "compare": "comparison",
    "concatenate": "combining",
    "curve": "curves",
    "experiment": "trials",
    "first_difference": "difference",
    "fit": "profile_fit",
    "from_jsonl": "jsonl",
    "identity": "votes",
    "impact": "impacts",
    "judge": "scoring",
    "keep_top": "impacts",
    "likelihood_curve": "curves",
    "loaded_adapters": "loading",
    "loaded_weights": "adapter_weights",
    "loudness": "loudnesses",
    "merge": "merging",
    "objections": "runtimes",
    "parse_axis": "sweep",
    "read_adapter": "adapter_files",
    "read_mix": "profile",
    "read_prompts": "questions",
    "read_weights": "adapter_weights",
    "score": "scoring",
    "shape": "shapes",
    "silence_idle": "impacts",
    "tally": "votes",
    "to_csv": "export",
    "to_html": "export",
    "to_jsonl": "jsonl",
    "verify": "verifying",
    "words": "difference",
}

__all__ = [
    "Adapter",
    "AdapterFileError",
    "AdapterFiles",
    "AdapterRecord",
    "AdapterWeights",
    "AlreadyKept",
    "Axis",
    "Baked",
    "Ballot",
    "COMBINATIONS",
    "Cancelled",
    "CannotVerify",
    "Column",
    "ColumnRecord",
    "ColumnResult",
    "Curve",
    "Desk",
    "Duel",
    "Entry",
    "Experiment",
    "Fade",
    "Fader",
    "Faders",
    "Fit",
    "Impact",
    "Levels",
    "LoadingError",
    "Loud",
    "Loudness",
    "MAX_CELLS",
    "MAX_COLUMNS",
    "Merged",
    "MessageRecord",
    "Mix",
    "Pair",
    "Profile",
    "ProfileError",
    "Profiles",
    "Progress",
    "Question",
    "Rate",
    "Recipe",
    "Record",
    "Records",
    "RecordsError",
    "ReplyRecord",
    "Result",
    "Revealed",
    "Run",
    "SHAPES",
    "Scores",
    "ScoresRecord",
    "ShelfNotes",
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
    "bake",
    "bake_weights",
    "change_adapters",
    "combine",
    "combine_weights",
    "compare",
    "concatenate",
    "curve",
    "experiment",
    "first_difference",
    "fit",
    "from_jsonl",
    "identity",
    "impact",
    "judge",
    "keep_top",
    "likelihood_curve",
    "loaded_adapters",
    "loaded_weights",
    "loudness",
    "merge",
    "objections",
    "parse_axis",
    "read_adapter",
    "read_mix",
    "read_prompts",
    "read_weights",
    "score",
    "shape",
    "silence_idle",
    "tally",
    "to_csv",
    "to_html",
    "to_jsonl",
    "verify",
    "words",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
