"""TextGen's `--extra-flags` for its llama.cpp loader, read and written as the host reads them.

The host takes a text that begins with `-` as a shell would, and any other as `flag=value,flag` by commas, where a value
can hold no comma itself. Whoever adds a list of files to it writes the first kind; what the user wrote stays.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Short names that the host takes for long ones.
_LONG = {"rpc", "fit", "pos", "ppl"}
_SHORTEST_LONG = 4
LORA, _SCALED = "--lora", "--lora-scaled"
_KINDS = (LORA, _SCALED)
#: What llama-server remembers of prompts outside its slots does not know under which scales it was read.
_FORGETFUL = ["--cache-ram", "0"]
_CACHE = ("--cache-ram", "-cram")

#: An adapter's file, and the scale that it is started at.
File = tuple[Path, float]


def arguments(text: str | None) -> list[str]:
    """The arguments that the host makes of its `extra_flags`.

    Raises:
        ValueError: a quotation that does not end.
    """
    text = (text or "").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text or text.startswith("-"):
        return shlex.split(text)
    found: list[str] = []
    for item in text.split(","):
        flag, equals, value = (part.strip() for part in item.strip().partition("="))
        dashes = "-" if len(flag) < _SHORTEST_LONG and flag not in _LONG else "--"
        found += [f"{dashes}{flag}", value] if equals else [f"{dashes}{flag}"]
    return found


def with_files(text: str | None, files: Sequence[Path], opened: Sequence[File] = ()) -> str:
    """The same flags, with these files as adapters after the user's own.

    Args:
        text: the flags.
        files: of adapters that were loaded here.
        opened: of adapters that were the user's own, in one file: these stand apart, with their scales.

    Raises:
        ValueError: a quotation that does not end, or a path that llama-server would take apart.
    """
    own = arguments(text)
    if not files and not opened:
        return text or ""
    found = [*own, *_FORGETFUL]
    if files:
        found += [LORA, ",".join(_whole(str(file)) for file in files)]
    if opened:
        found += [_SCALED, ",".join(_with_scale(file, scale) for file, scale in opened)]
    return shlex.join(found)


def without_files(text: str | None, folder: Path) -> str:
    """The same flags, without the files of this folder that stand at their end.

    Raises:
        ValueError: a quotation that does not end.
    """
    found = arguments(text)
    before = _end_of_own(found, folder)
    return shlex.join(found[:before]) if before < len(found) else text or ""


def files_of(text: str | None, folder: Path) -> tuple[list[Path], list[File]]:
    """The files of this folder at the end of flags, those that stand apart with their scales, as `with_files` put
    them there.

    Raises:
        ValueError: a quotation that does not end.
    """
    found = arguments(text)
    ours = list(_pairs(found[_end_of_own(found, folder) :]))
    files, opened = ([one for flag, value in ours if flag == kind for one in _listed(flag, value)] for kind in _KINDS)
    return [path for path, _ in files], [(path.resolve(), scale) for path, scale in opened]


def own_files(text: str | None) -> list[File]:
    """The adapters' files that flags name, each with the scale that it is started at.

    Raises:
        ValueError: a quotation that does not end.
    """
    return [file for flag, value in _pairs(arguments(text)) for file in _listed(flag, value)]


def without_own(text: str | None, file: Path) -> str:
    """The same flags, without this adapter's file.

    Raises:
        ValueError: a quotation that does not end.
    """
    kept: list[str] = []
    found = arguments(text)
    at = 0
    while at < len(found):
        flag, value = found[at], found[at + 1] if at + 1 < len(found) else ""
        if flag not in _KINDS:
            kept.append(flag)
            at += 1
            continue
        left = [item for item in value.split(",") if not _is(file, _listed(flag, item))]
        kept += [flag, ",".join(left)] if left else []
        at += 2
    return shlex.join(kept)


def with_own(text: str | None, file: File) -> str:
    """The same flags, and this adapter's file after them, as a user would write it.

    Raises:
        ValueError: as with `with_files`.
    """
    path, scale = file
    more = [LORA, _whole(str(path))] if scale == 1 else [_SCALED, _with_scale(path, scale)]
    return shlex.join([*arguments(text), *more])


def remembers_prompts(text: str | None) -> bool:
    """Whether a llama-server that is started with these flags keeps prompts outside its slots.

    Raises:
        ValueError: a quotation that does not end.
    """
    found = arguments(text)
    said = [value for flag, value in zip(found, found[1:], strict=False) if flag in _CACHE]
    return not said or said[-1] != "0"


def _end_of_own(found: Sequence[str], folder: Path) -> int:
    """Where the user's own flags end, and ours begin."""
    at = len(found)
    while at > 1 and found[at - 2] in _KINDS:
        files = _listed(found[at - 2], found[at - 1])
        if not files or not all(file.resolve().is_relative_to(folder) for file, _ in files):
            break
        at -= 2
    begins = at - len(_FORGETFUL)
    return begins if at < len(found) and list(found[max(begins, 0) : at]) == _FORGETFUL else len(found)


def _pairs(found: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((flag, value) for flag, value in zip(found, found[1:], strict=False) if flag in _KINDS)


def _listed(flag: str, value: str) -> list[File]:
    """The files of one flag; what is no file with a scale is left out, as llama-server would not start with it."""
    files: list[File] = []
    for item in filter(None, value.split(",")):
        path, colon, scale = item.rpartition(":") if flag == _SCALED else (item, ":", "1")
        try:
            files += [(Path(path), float(scale))] if colon else []
        except ValueError:
            continue
    return files


def _is(file: Path, listed: Sequence[File]) -> bool:
    return any(os.path.realpath(one) == os.path.realpath(file) for one, _ in listed)


def _whole(path: str) -> str:
    if "," in path:
        raise ValueError(f"llama.cpp takes files by commas, and there is one in {path}: choose a folder without")
    return path


def _with_scale(file: Path, scale: float) -> str:
    """llama-server takes a path apart at its first colon: that of a drive is left out where it is the same one."""
    path = _whole(str(file) if os.name == "posix" else os.path.relpath(file))
    if ":" in path:
        raise ValueError(f"llama.cpp takes a file and its scale by a colon, and there is one in {path}")
    return f"{path}:{scale:g}"
