"""The shelf: the adapters in a folder and their training checkpoints, without loading any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..files import put_right
from .adapter_files import AdapterFileError, AdapterFiles
from .fitting import Fitting
from .folders import Place, natural, places
from .gguf_on_shelf import ON_LLAMA_ALONE, GGUFAdapter, GGUFFitting, read_gguf_on_shelf
from .notes import NotesError, ShelfNotes

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Entry", "NotesError", "Place", "ShelfNotes", "arranged", "places", "shelf", "stages"]


@dataclass(frozen=True)
class Entry:
    """One adapter on the shelf, damaged or not.

    Attributes:
        name: what a host loads it by: its folder's name, "run/checkpoint-100", or a GGUF adapter's file.
        folder: where it is; of a GGUF adapter its file.
        run: the training run that a checkpoint is of, else its own name.
        files: what a PEFT adapter's files tell, or None if they cannot be read.
        error: why they cannot; empty if they can.
        fits: why it cannot be loaded into the model that is loaded; empty if it can, or if there is no model.
        time: when it was written, in seconds since 1970.
        gguf: what a GGUF adapter's file tells, or None if it is none, or cannot be read.
    """

    name: str
    folder: Path
    run: str
    files: AdapterFiles | None
    error: str
    fits: str
    time: float
    gguf: GGUFAdapter | None = None

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a stage of a training run, in a folder inside the run's."""
        return self.run != self.name

    @property
    def step(self) -> int | None:
        """The training step, if it is known."""
        return self.files.step if self.files else None


def shelf(folders: Path | Sequence[Path], loaded_model: nn.Module | Path | None = None) -> list[Entry]:
    """Every adapter in these folders, and every checkpoint in a folder of theirs, sorted by name.

    Reads a few kilobytes of each, and those only once while they do not change. What a killed write left behind in
    these folders is put right.

    Args:
        folders: a folder of adapters, or several; an adapter's own folder, or a GGUF adapter's file, stands for itself.
            They need not exist.
        loaded_model: what `Entry.fits` is about, with or without adapters: a model of torch, or the file of a GGUF
            model. Of any other nothing is said.
    """
    folders = (folders,) if isinstance(folders, Path) else tuple(folders)
    for folder in folders:
        if not folder.is_file():
            put_right(folder)
    return _remembered(folders).look(loaded_model)


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
        members.sort(key=lambda entry: (entry.is_checkpoint, entry.step or 0, natural(entry.name)))
    if by == "time":
        order = sorted(runs, key=lambda run: max(entry.time for entry in runs[run]), reverse=True)
    else:
        order = sorted(runs, key=natural)
    return [entry for run in order for entry in runs[run]]


def stages(entries: Iterable[Entry], run: str) -> list[Entry]:
    """What can be loaded of one training run, from its first checkpoint to what became of it."""
    members = [entry for entry in entries if entry.run == run and entry.files and not entry.fits]
    return sorted(members, key=lambda entry: (not entry.is_checkpoint, entry.step or 0, natural(entry.name)))


@dataclass(frozen=True)
class _Read:
    """What came of reading an adapter: its files, or why they cannot be read."""

    stamp: tuple[Any, ...]
    files: AdapterFiles | None
    error: str
    gguf: GGUFAdapter | None = None


@dataclass(frozen=True)
class _Look:
    """What somebody saw who looked.

    Attributes:
        read: what came of reading, by the folders of adapters.
        found: the entries in the order in which they were found.
        arranged: the same in an order for people.
        fitting: what they were held against; None without a model.
    """

    read: Mapping[Path, _Read] = field(default_factory=dict)
    found: Sequence[Entry] = ()
    arranged: Sequence[Entry] = ()
    fitting: Fitting | GGUFFitting | None = None


class _Memory:
    """What was seen in some folders last: what has not changed since is neither read nor judged again."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._last = _Look()

    def look(self, loaded_model: nn.Module | Path | None) -> list[Entry]:
        last = self._last  # taken, and left, at once: others may look at the same time
        fitting = _fitting(loaded_model)
        there = places(self._folders).values()
        alike = _Alike(last.read)
        read = {place.folder: _read(place, last.read.get(place.folder), alike) for place in there}
        before = {entry.name: entry for entry in last.found if read.get(entry.folder) is last.read[entry.folder]}
        if fitting is not last.fitting:
            before = {}
        found = [_entry(place, read[place.folder], before.get(place.name), fitting) for place in there]
        same = len(found) == len(last.found) and all(map(is_, found, last.found))
        self._last = _Look(read, found, last.arranged if same else arranged(found), fitting)
        return list(self._last.arranged)


class _Alike:
    """One set of targets for all adapters that have the same, as those of one recipe do: else they fill the memory."""

    def __init__(self, read: Mapping[Path, _Read]) -> None:
        self._read = read

    def __call__(self, files: AdapterFiles) -> AdapterFiles:
        return replace(files, targets=self._known.setdefault(files.targets, files.targets))

    @cached_property
    def _known(self) -> dict[Any, Any]:
        known = {id(one.files.targets): one.files.targets for one in self._read.values() if one.files is not None}
        return {targets: targets for targets in known.values()}


@lru_cache(maxsize=8)
def _remembered(folders: tuple[Path, ...]) -> _Memory:
    return _Memory(folders)


def _fitting(loaded_model: Any) -> Fitting | GGUFFitting | None:
    if isinstance(loaded_model, Path):
        return GGUFFitting.of(loaded_model)
    return Fitting.of(loaded_model) if hasattr(loaded_model, "named_modules") else None


def _read(place: Place, known: _Read | None, alike: _Alike) -> _Read:
    if known is not None and known.stamp == place.stamp:
        return known
    try:
        if place.gguf:
            return _Read(place.stamp, None, "", read_gguf_on_shelf(place.folder))
        return _Read(place.stamp, alike(place.read()), "")
    except AdapterFileError as error:
        return _Read(place.stamp, None, str(error))
    except (OSError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        # Whatever is wrong with one adapter, the others are still listed.
        return _Read(place.stamp, None, f"{place.folder} cannot be read: {error or type(error).__name__}")


def _entry(place: Place, read: _Read, before: Entry | None, fitting: Fitting | GGUFFitting | None) -> Entry:
    """The very entry of the last look, where nothing about it has changed."""
    if before is not None and (before.folder, before.run) == (place.folder, place.run):
        return before
    facts = read.files or read.gguf
    if facts is None:
        return Entry(place.name, place.folder, place.run, None, read.error, "", _time(place.folder))
    reason = _why_not(place, read, fitting)
    return Entry(place.name, place.folder, place.run, read.files, "", reason, facts.time, read.gguf)


def _why_not(place: Place, read: _Read, fitting: Fitting | GGUFFitting | None) -> str:
    if isinstance(fitting, GGUFFitting):
        return fitting.why_not(place.folder)
    if fitting is None:
        return ""
    return fitting.why_not(read.files) if read.files else ON_LLAMA_ALONE


def _time(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _text(entry: Entry) -> str:
    files, gguf = entry.files, entry.gguf
    facts = (files.method, *files.kinds, files.base_model) if files else ()
    if gguf:
        facts = ("lora", *gguf.kinds, gguf.base_model, gguf.architecture)
    return " ".join((entry.name, *facts)).casefold()
