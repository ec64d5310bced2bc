"""Runs a command and makes an exit status and one line for people of whatever goes wrong."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Sequence

import typer
from pydantic import ValidationError

from ..hosts.protocol import HostError
from ..lora_ops.mix import explain
from ..lora_ops.optional_packages import MissingPackage
from ..lora_ops.torch_errors import in_words
from .app import app
from .exits import DONE, FAILED, MISUSED, NAME

_DEBUG = "--debug"
_LACKS = (
    "the package {} is not installed here: run this in an environment that has torch, transformers and PEFT, or as "
    "`python3 run.py mixer …` in LoRA Mixer's folder, which makes one"
)


def run(argv: Sequence[str]) -> int:
    """As `main`, with typer at hand. `--debug` anywhere shows where an error came from."""
    debug = _DEBUG in argv
    words = [word for word in argv if word != _DEBUG]
    _quiet()
    try:
        status = app(words, prog_name=NAME, standalone_mode=False)
    except typer.Exit as end:
        return int(end.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _told("stopped; nothing was left half-written", FAILED, debug)
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own: a command or option that is not understood
            error.show()  # type: ignore[attr-defined]
            return MISUSED
        if isinstance(error, FileExistsError) and error.errno is None:  # ours
            return _told(f"{error}. (--overwrite allows it.)", MISUSED, debug)
        if isinstance(error, ValidationError):
            return _told(explain(error), MISUSED, debug)
        if isinstance(error, HostError | ValueError):
            return _told(str(error), MISUSED, debug)
        if isinstance(error, OSError) and error.strerror and error.filename:
            return _told(f"{error.filename}: {error.strerror}", FAILED, debug)
        if package := _missing(error):
            return _told(_LACKS.format(package), FAILED, debug)
        if isinstance(error, OSError | MissingPackage | RuntimeError | MemoryError):
            return _told(in_words(error), FAILED, debug)
        traceback.print_exc()
        return FAILED
    return status if isinstance(status, int) else DONE


def _missing(error: Exception) -> str:
    """The package that is not installed, if that is what went wrong; a module of our own would be our fault."""
    name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    package = name.partition(".")[0]
    return "" if package == __name__.partition(".")[0] else package


def _told(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return status


def _quiet() -> None:
    """Other people's notes would stand between our lines."""
    warnings.simplefilter("ignore")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
