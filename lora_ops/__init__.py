"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice import advise
    from .bakery.baking import Baked, bake, bake_weights
    from .bakery.combining import combine, combine_weights, concatenate
    from .bakery.merging import Merged, merge
    from .bakery.resize import Keep, Resized, resize, resize_weights
    from .bakery.runtimes import objections
    from .bakery.summing import COMBINATIONS, Recipe
    from .bakery.verifying import CannotVerify, verify, verify_model
    from .desk import Desk
    from .engines.engine import Cancelled, Judgement, NotInRows
    from .engines.peft.loading import LoadingError, change_adapters, loaded_adapters
    from .engines.sampling import Sampling
    from .fade import Fade
    from .fader import Fader
    from .lab.column import MAX_COLUMNS, Column, ColumnResult, Result
    from .lab.comparison import Run, Update, compare
    from .lab.curves import Curve, curve, likelihood_curve
    from .lab.difference import first_difference, words
    from .lab.questions import read_prompts
    from .lab.scoring import Scores, judge, score
    from .lab.sweep import Axis, parse_axis
    from .lab.trials import MAX_CELLS, Experiment, Progress, Question, Trial, experiment
    from .measure.impacts import Impact, impact
    from .measure.loudnesses import Levels, Loud, Loudness, loudness
    from .measure.pruning import keep_top, silence_idle
    from .measure.spectrum import Spectrum, TargetSpectrum, spectrum, spectrum_weights
    from .mix import Faders, Mix
    from .profile import Profile, ProfileError, read_mix
    from .profile_fit import Fit, fit
    from .profiles import Profiles
    from .results.ballot import Ballot, Revealed, Slip
    from .results.export import to_csv, to_html
    from .results.jsonl import from_jsonl, to_jsonl
    from .results.record import (
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
    from .results.records import AlreadyKept, Records
    from .results.summaries import Summary
    from .results.votes import Pair, Rate, Standing, Tally, identity, tally
    from .shapes import SHAPES, shape
    from .shelf.adapter_files import AdapterFileError, AdapterFiles, read_adapter
    from .shelf.adapter_weights import AdapterWeights, loaded_weights, read_weights
    from .shelf.shelf import Entry, ShelfNotes
    from .target import Adapter, Target

_HOME = {
    "Adapter": "target",
    "AdapterFileError": "shelf.adapter_files",
    "AdapterFiles": "shelf.adapter_files",
    "AdapterRecord": "results.record",
    "AdapterWeights": "shelf.adapter_weights",
    "AlreadyKept": "results.records",
    "Axis": "lab.sweep",
    "Baked": "bakery.baking",
    "Ballot": "results.ballot",
    "COMBINATIONS": "bakery.summing",
    "Cancelled": "engines.engine",
    "CannotVerify": "bakery.verifying",
    "Column": "lab.column",
    "ColumnRecord": "results.record",
    "ColumnResult": "lab.column",
    "Curve": "lab.curves",
    "Desk": "desk",
    "Duel": "results.record",
    "Entry": "shelf.shelf",
    "Experiment": "lab.trials",
    "Fade": "fade",
    "Fader": "fader",
    "Faders": "mix",
    "Fit": "profile_fit",
    "Impact": "measure.impacts",
    "Judgement": "engines.engine",
    "Keep": "bakery.resize",
    "Levels": "measure.loudnesses",
    "LoadingError": "engines.peft.loading",
    "Loud": "measure.loudnesses",
    "Loudness": "measure.loudnesses",
    "MAX_CELLS": "lab.trials",
    "MAX_COLUMNS": "lab.column",
    "Merged": "bakery.merging",
    "MessageRecord": "results.record",
    "Mix": "mix",
    "NotInRows": "engines.engine",
    "Pair": "results.votes",
    "Profile": "profile",
    "ProfileError": "profile",
    "Profiles": "profiles",
    "Progress": "lab.trials",
    "Question": "lab.trials",
    "Rate": "results.votes",
    "Recipe": "bakery.summing",
    "Record": "results.record",
    "Records": "results.records",
    "RecordsError": "results.record",
    "ReplyRecord": "results.record",
    "Resized": "bakery.resize",
    "Result": "lab.column",
    "Revealed": "results.ballot",
    "Run": "lab.comparison",
    "SHAPES": "shapes",
    "Sampling": "engines.sampling",
    "Scores": "lab.scoring",
    "ScoresRecord": "results.record",
    "ShelfNotes": "shelf.shelf",
    "Slip": "results.ballot",
    "Spectrum": "measure.spectrum",
    "Standing": "results.votes",
    "Summary": "results.summaries",
    "Tally": "results.votes",
    "Target": "target",
    "TargetSpectrum": "measure.spectrum",
    "Trial": "lab.trials",
    "TrialRecord": "results.record",
    "Update": "lab.comparison",
    "Vote": "results.record",
    "advise": "advice",
    "bake": "bakery.baking",
    "bake_weights": "bakery.baking",
    "change_adapters": "engines.peft.loading",
    "combine": "bakery.combining",
    "combine_weights": "bakery.combining",
    "compare": "lab.comparison",
    "concatenate": "bakery.combining",
    "curve": "lab.curves",
    "experiment": "lab.trials",
    "first_difference": "lab.difference",
    "fit": "profile_fit",
    "from_jsonl": "results.jsonl",
    "identity": "results.votes",
    "impact": "measure.impacts",
    "judge": "lab.scoring",
    "keep_top": "measure.pruning",
    "likelihood_curve": "lab.curves",
    "loaded_adapters": "engines.peft.loading",
    "loaded_weights": "shelf.adapter_weights",
    "loudness": "measure.loudnesses",
    "merge": "bakery.merging",
    "objections": "bakery.runtimes",
    "parse_axis": "lab.sweep",
    "read_adapter": "shelf.adapter_files",
    "read_mix": "profile",
    "read_prompts": "lab.questions",
    "read_weights": "shelf.adapter_weights",
    "resize": "bakery.resize",
    "resize_weights": "bakery.resize",
    "score": "lab.scoring",
    "shape": "shapes",
    "silence_idle": "measure.pruning",
    "spectrum": "measure.spectrum",
    "spectrum_weights": "measure.spectrum",
    "tally": "results.votes",
    "to_csv": "results.export",
    "to_html": "results.export",
    "to_jsonl": "results.jsonl",
    "verify": "bakery.verifying",
    "verify_model": "bakery.verifying",
    "words": "lab.difference",
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
    "Judgement",
    "Keep",
    "Levels",
    "LoadingError",
    "Loud",
    "Loudness",
    "MAX_CELLS",
    "MAX_COLUMNS",
    "Merged",
    "MessageRecord",
    "Mix",
    "NotInRows",
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
    "Resized",
    "Result",
    "Revealed",
    "Run",
    "SHAPES",
    "Sampling",
    "Scores",
    "ScoresRecord",
    "ShelfNotes",
    "Slip",
    "Spectrum",
    "Standing",
    "Summary",
    "Tally",
    "Target",
    "TargetSpectrum",
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
    "resize",
    "resize_weights",
    "score",
    "shape",
    "silence_idle",
    "spectrum",
    "spectrum_weights",
    "tally",
    "to_csv",
    "to_html",
    "to_jsonl",
    "verify",
    "verify_model",
    "words",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
