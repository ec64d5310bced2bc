"""The shelf: the adapters in a folder and their training checkpoints, without loading any."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..files import write_aside
from ..mix import explain
from .adapter_files import AdapterFileError, AdapterFiles, looks_like_adapter, read_adapter
from .fitting import Fitting

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Entry:
    """One adapter on the shelf, damaged or not.

    Attributes:
        name: what a host loads it by: its folder's name, or "run/checkpoint-100".
        folder: where it is.
        run: the training run that a checkpoint is of, else its own name.
        files: what its files tell, or None if they cannot be read.
        error: why they cannot; empty if they can.
        fits: why it cannot be loaded into the model that is loaded; empty if it can, or if there is no model.
        time: when it was written, in seconds since 1970.
    """

    name: str
    folder: Path
    run: str
    files: AdapterFiles | None
    error: str
    fits: str
    time: float

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a stage of a training run, in a folder inside the run's."""
        return self.run != self.name

    @property
    def step(self) -> int | None:
        """The training step, if it is known."""
        return self.files.step if self.files else None


@dataclass(frozen=True)
class Place:
    """Where an adapter lies; nothing of it has been read.

    Attributes:
        name, folder, run: as in `Entry`.
        root: a folder that its files may be in, besides its own.
    """

    name: str
    folder: Path
    run: str
    root: Path

    def read(self) -> AdapterFiles:
        """What its files tell.

        Raises:
            AdapterFileError: they are damaged, or elsewhere.
        """
        return read_adapter(self.folder, self.root)


def shelf(folders: Path | Sequence[Path], loaded_model: nn.Module | None = None) -> list[Entry]:
    """Every adapter in these folders, and every checkpoint in a folder of theirs, sorted by name.

    Reads a few kilobytes of each, and those only once while they do not change.

    Args:
        folders: a folder of adapters, or several; an adapter's own folder stands for itself. They need not exist.
        loaded_model: what `Entry.fits` is about, with or without adapters.
    """
    fitting = Fitting.of(loaded_model) if loaded_model is not None else None
    return arranged(_entry(place, fitting) for place in _places(folders))


def places(folders: Path | Sequence[Path]) -> dict[str, Place]:
    """Where each entry lies, by its name; nothing is read."""
    return {place.name: place for place in _places(folders)}


def arranged(entries: Iterable[Entry], by: Literal["name", "time"] = "name", search: str = "") -> list[Entry]:
    """Entries in an order for people: runs by name, or the newest first; each with its checkpoints by their steps.

    Args:
        entries: of a shelf.
        by: "name" or "time".
        search: words that all must occur in an entry's name, method, kinds or base model.
    """
    words = search.casefold().split()
    runs: dict[str, list[Entry]] = {}
    for entry in entries:
        if all(word in _text(entry) for word in words):
            runs.setdefault(entry.run, []).append(entry)
    for members in runs.values():
        members.sort(key=lambda entry: (entry.is_checkpoint, entry.step or 0, _natural(entry.name)))
    if by == "time":
        order = sorted(runs, key=lambda run: max(entry.time for entry in runs[run]), reverse=True)
    else:
        order = sorted(runs, key=_natural)
    return [entry for run in order for entry in runs[run]]


def stages(entries: Iterable[Entry], run: str) -> list[Entry]:
    """What can be loaded of one training run, from its first checkpoint to what became of it."""
    members = [entry for entry in entries if entry.run == run and entry.files and not entry.fits]
    return sorted(members, key=lambda entry: (not entry.is_checkpoint, entry.step or 0, _natural(entry.name)))


def _places(folders: Path | Sequence[Path]) -> Iterator[Place]:
    taken: set[str] = set()

    def named(folder: Path, root: Path) -> Iterator[Place]:
        name, number = folder.name, 1
        while name in taken:
            number += 1
            name = f"{folder.name}-{number}"
        taken.add(name)
        checkpoints = list(_checkpoints(folder))
        if looks_like_adapter(folder) or not checkpoints:
            yield Place(name, folder, name, root)
        for checkpoint in checkpoints:
            yield Place(f"{name}/{checkpoint.name}", checkpoint, name, root)

    for folder in [folders] if isinstance(folders, Path) else folders:
        if looks_like_adapter(folder):
            yield from named(folder, folder.resolve())
        else:
            root = folder.resolve()
            for child in _folders_in(folder):
                yield from named(child, root)


def _checkpoints(folder: Path) -> Iterator[Path]:
    """Adapters in the folder of another, which are its stages."""
    return (child for child in _folders_in(folder) if looks_like_adapter(child))


def _folders_in(folder: Path) -> list[Path]:
    try:
        children = [child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir()]
    except OSError:  # there is no such folder, or nobody may look into it
        return []
    return sorted(children, key=lambda child: _natural(child.name))


def _entry(place: Place, fitting: Fitting | None) -> Entry:
    try:
        files = place.read()
    except AdapterFileError as error:
        return Entry(place.name, place.folder, place.run, None, str(error), "", _time(place.folder))
    reason = fitting.why_not(files) if fitting else ""
    return Entry(place.name, place.folder, place.run, files, "", reason, files.time)


def _time(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _text(entry: Entry) -> str:
    files = entry.files
    facts = (files.method, *files.kinds, files.base_model) if files else ()
    return " ".join((entry.name, *facts)).casefold()


def _natural(name: str) -> list[Any]:
    """Sorts "checkpoint-20" before "checkpoint-100", and capitals beside small letters."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.zfill(20), part) if part.isdigit() else (part, part) for part in parts]
