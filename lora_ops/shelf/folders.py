"""Where adapters lie in folders, and whether anything about their files has changed; nothing of them is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .adapter_config import AdapterFileError
from .adapter_files import AdapterFiles, read_adapter
from .adapter_folder import CONFIG, PICKLES, WEIGHTS, snapshot_of
from .gguf_on_shelf import ON_LLAMA_ALONE, SUFFIX

#: What makes a folder look like that of an adapter, damaged or not; and what else is read of it.
_ADAPTER = frozenset((CONFIG, WEIGHTS, *PICKLES))
_READ = _ADAPTER | {"trainer_state.json"}


@dataclass(frozen=True)
class Place:
    """Where an adapter lies; nothing of it has been read.

    Attributes:
        name: what a host loads it by: its folder's name, or "run/checkpoint-100"; of a GGUF adapter its file's, with
            the folder before it that it lies in.
        folder: where it is; of a GGUF adapter its file.
        run: the training run that a checkpoint is of, else its own name.
        root: a folder that its files may be in, besides its own.
        stamp: another one after any change to its files.
        gguf: whether it is a GGUF adapter, for llama.cpp.
    """

    name: str
    folder: Path
    run: str
    root: Path
    stamp: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    gguf: bool = False

    def read(self) -> AdapterFiles:
        """What its files tell, for PEFT.

        Raises:
            AdapterFileError: they are damaged, elsewhere, or not for PEFT.
        """
        if self.gguf:
            raise AdapterFileError(f"{self.name} cannot be loaded into this model. {ON_LLAMA_ALONE}")
        return read_adapter(self.folder, self.root)


def places(folders: Path | Sequence[Path]) -> dict[str, Place]:
    """Where each adapter lies, by its name.

    Args:
        folders: a folder of adapters, or several; an adapter's own folder, or a GGUF adapter's file, stands for itself.
            They need not exist.
    """
    return {place.name: place for place in _all([folders] if isinstance(folders, Path) else folders)}


def natural(name: str) -> list[Any]:
    """Sorts "checkpoint-20" before "checkpoint-100", and capitals beside small letters."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.zfill(20), part) if part.isdigit() else (part, part) for part in parts]


@dataclass(frozen=True)
class _Contents:
    """What one look into a folder tells.

    Attributes:
        stamp: of the files in it that are read.
        adapter: whether it looks like that of an adapter.
        folders: those in it, in order.
        files: GGUF files in it, in order, with a stamp of each.
    """

    stamp: tuple[Any, ...]
    adapter: bool
    folders: tuple[Path, ...]
    files: tuple[tuple[Path, tuple[Any, ...]], ...] = ()


def _all(folders: Sequence[Path]) -> Iterator[Place]:
    taken: set[str] = set()

    def free(wanted: str) -> str:
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name)
        return name

    def alone(contents: _Contents, root: Path, before: str = "") -> Iterator[Place]:
        for file, stamp in contents.files:
            name = free(f"{before}{file.name}")
            yield Place(name, file, name, root, stamp, gguf=True)

    def named(folder: Path, contents: _Contents, root: Path) -> Iterator[Place]:
        name = free(folder.name)
        inside = [(child, _contents(child)) for child in contents.folders]
        checkpoints = [(child, its) for child, its in inside if its.adapter]
        if contents.adapter or not (checkpoints or contents.files):
            yield Place(name, folder, name, root, contents.stamp)
        for child, its in checkpoints:
            yield Place(f"{name}/{child.name}", child, name, root, its.stamp)
        yield from alone(contents, root, f"{name}/")

    for folder in folders:
        contents = _contents(folder)
        root = Path(os.path.realpath(folder))
        if contents.adapter:
            yield from named(folder, contents, root)
        else:
            yield from alone(contents, root)
            for child in contents.folders:
                yield from named(child, _contents(child), root)


def _contents(folder: Path) -> _Contents:
    """One look into a folder: thousands are looked into each time that a page asks for the shelf."""
    stamps: list[tuple[Any, ...]] = []
    names: list[str] = []
    files: list[tuple[Path, tuple[Any, ...]]] = []
    adapter = False
    read = snapshot_of(folder)
    try:
        with os.scandir(read) as entries:
            for entry in entries:
                if entry.name in _READ and _holds(entry.is_file):
                    adapter = adapter or entry.name in _ADAPTER
                    stamps.append(_stamp(entry))
                elif entry.name.lower().endswith(SUFFIX) and _holds(entry.is_file):
                    files.append((folder / entry.name, _stamp(entry)))
                elif entry.name[0] != "." and _holds(entry.is_dir):
                    names.append(entry.name)
    except NotADirectoryError:
        return _Contents((str(read),), False, (), _of_file(folder))
    except OSError as error:  # there is no such folder, or nobody may look into it
        return _Contents((str(read), error.errno), False, ())
    # A folder of the hub's cache has its files in a snapshot, and no checkpoints.
    folders = tuple(folder / name for name in sorted(names, key=natural)) if read is folder else ()
    files.sort(key=lambda file: natural(file[0].name))
    return _Contents((str(read), *sorted(stamps)), adapter, folders, tuple(files))


def _of_file(file: Path) -> tuple[tuple[Path, tuple[Any, ...]], ...]:
    """A GGUF adapter's file that stands for itself."""
    if file.suffix.lower() != SUFFIX:
        return ()
    with os.scandir(file.parent) as entries:
        return tuple((file, _stamp(entry)) for entry in entries if entry.name == file.name)


def _stamp(entry: os.DirEntry[str]) -> tuple[Any, ...]:
    try:
        facts = entry.stat()
        # Where a link leads decides whether the file may be read.
        leads = os.path.realpath(entry.path) if entry.is_symlink() else ""
    except OSError:
        return (entry.name,)
    return entry.name, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino, facts.st_dev, leads


def _holds(question: Callable[[], bool]) -> bool:
    """Of a link that leads in a circle, or to where nobody may look, nothing holds."""
    try:
        return question()
    except OSError:
        return False
