"""The command line: what needs no page, for a terminal and for scripts.

Exit statuses: 0 it is done, 1 something failed on the way, 2 what was asked for is not understood or cannot be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..lora_ops.optional_packages import MissingPackage, needed
from .exits import FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status. Results go to stdout, all else to stderr."""
    _stay_local()
    try:
        for package in ("typer", "rich"):
            needed(package, "the command line")
    except MissingPackage as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    from .errors import run

    return run(list(sys.argv[1:] if argv is None else argv))


def _stay_local() -> None:
    """Settle, before anything is imported, that no library asks the network for anything."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
