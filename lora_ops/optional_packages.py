"""Packages that only some features need: imported late, and missed politely."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

#: What lists all that LoRA Mixer needs besides: in the repository, and wherever somebody has put that; no wheel has it.
_REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"


class MissingPackage(RuntimeError):
    """A feature needs a package that is not installed; the message says which, and how to get it."""


def needed(module: str, feature: str = "this") -> ModuleType:
    """The module of that name.

    Args:
        module: what to import: "plotly.graph_objects".
        feature: what needs it, for the message: "drawing charts".

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise MissingPackage(_told(module, feature)) from error


def lacking(error: BaseException) -> str:
    """What to tell of an error that came of a package that is not installed; empty if it did not, or the module is one
    of our own.
    """
    name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return "" if name.partition(".")[0] in ("", __name__.partition(".")[0]) else _told(name, "this")


def _told(module: str, feature: str) -> str:
    package = module.partition(".")[0]
    command = how_to_install(package)
    return f"{feature} needs the package {package}, which is not installed: run `{command}`, and start again"


def how_to_install(package: str) -> str:
    """The command that installs what is missing into the Python that runs, whichever that is: a host's own, which may
    have no shell to type it in (the portable builds of TextGen). What LoRA Mixer needs besides comes with it.
    """
    wanted = [] if package in _listed() else [package]
    if _REQUIREMENTS.is_file():
        wanted += ["-r", _quoted(_here(_REQUIREMENTS))]
    return " ".join([_quoted(_here(Path(sys.executable))), "-m pip install", *wanted])


def _listed() -> set[str]:
    """The packages that the list names."""
    lines = _REQUIREMENTS.read_text(encoding="utf-8").splitlines() if _REQUIREMENTS.is_file() else []
    return {name.group() for line in lines if (name := re.match(r"[\w-]+", line))}


def _here(path: Path) -> str:
    """As seen from where the program was started, if it is below that; else all of it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
