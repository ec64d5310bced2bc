"""Where our own page keeps what a user makes: in the folder of the project, or, where that is a package among others,
in the folders that the system has for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

_NAME = "lora-mixer"


class Folders(NamedTuple):
    """For profiles, baked adapters, votes and the log; and for what can be made again. Neither need exist yet."""

    user_data: Path
    cache: Path


def folders(root: Path) -> Folders:
    """Those of the project in `root`."""
    if (root / "run.py").is_file():  # which no wheel holds
        return Folders(root / "user_data", root / ".cache")
    home = Path.home()
    if sys.platform == "win32":
        local = _named("LOCALAPPDATA", home / "AppData" / "Local") / _NAME
        return Folders(local / "user_data", local / "cache")
    if sys.platform == "darwin":
        library = home / "Library"
        return Folders(library / "Application Support" / _NAME, library / "Caches" / _NAME)
    # https://specifications.freedesktop.org/basedir-spec/latest/
    data, cache = _named("XDG_DATA_HOME", home / ".local" / "share"), _named("XDG_CACHE_HOME", home / ".cache")
    return Folders(data / _NAME, cache / _NAME)


def _named(variable: str, otherwise: Path) -> Path:
    """The folder that a variable of the environment names; one that is not absolute names none."""
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else otherwise
