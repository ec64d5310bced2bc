"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here."""

from .advice import advice
from .compare import Column, ColumnResult, Result, Run, Update, compare
from .desk import Cancelled, Desk
from .mix import Faders, Mix
from .target import Adapter, Target

__all__ = [
    "Adapter",
    "Cancelled",
    "Column",
    "ColumnResult",
    "Desk",
    "Faders",
    "Mix",
    "Result",
    "Run",
    "Target",
    "Update",
    "advice",
    "compare",
]
