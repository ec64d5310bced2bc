"""Experiments as lines of JSON: one for the experiment, one for each trial, one for each vote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ..mix import explain
from .record import Record, TrialRecord, Vote, check_trial, check_vote

#: Of the format; a file says it in its first line.
VERSION = 1
#: Bytes. A file larger than this is a mistake.
MOST = 256 * 1024 * 1024
#: If more than so much is wrong with a line, only the number is told.
_TOLD = 1000


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _Line:
    """A line holds one of these; an experiment says the version of the format."""

    experiment: Record | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    trial: TrialRecord | None = None
    vote: Vote | None = None


@dataclass(frozen=True)
class _Version:
    version: int


_VERSION: TypeAdapter[_Version] = TypeAdapter(_Version)
_LINE: TypeAdapter[_Line] = TypeAdapter(_Line)
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def to_jsonl(*records: Record) -> str:
    """Experiments as JSONL that `from_jsonl` reads back as they were; several simply follow each other.

    Raises:
        ValueError: it would be too large to be read back.
    """
    text = "".join(
        json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for record in records for line in _lines(record)
    )
    # No character takes more than four bytes: most texts need not be encoded to be counted.
    if len(text) * 4 > MOST and (size := len(text.encode("utf-8"))) > MOST:
        raise ValueError(f"this is too large for a file that can be read back: {size:,} bytes, at most {MOST:,}")
    return text


def _lines(record: Record) -> Iterable[dict[str, Any]]:
    plain = _RECORD.dump_python(record, mode="json", exclude={"id"})
    trials, votes = plain.pop("trials"), plain.pop("votes")
    yield {"experiment": plain, "version": VERSION}
    yield from ({"trial": trial} for trial in trials)
    yield from ({"vote": vote} for vote in votes)


def from_jsonl(data: bytes) -> tuple[Record, ...]:
    """The experiments in a JSONL file that `to_jsonl` wrote.

    Raises:
        ValueError: it is something else, damaged, or of a newer LoRA Mixer; the message names the line and the field.
    """
    if len(data) > MOST:
        raise ValueError(f"this file is too large to be read: {len(data):,} bytes, at most {MOST:,}")
    found: list[_Open] = []
    for number, text in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not text.strip():
            continue
        line = _parse(text, number)
        if line.experiment is not None:
            found.append(_Open(line.experiment))
        elif not found:
            raise ValueError(f"line {number}: the first line must hold an experiment")
        else:
            found[-1].take(number, line)
    if not found:
        raise ValueError("this file is empty: there is no experiment in it")
    return tuple(experiment.closed() for experiment in found)


class _Open:
    """An experiment of which more lines may come."""

    def __init__(self, record: Record) -> None:
        self.record = replace(record, id=None)
        self.trials = list(record.trials)
        self.votes: list[tuple[int, Vote]] = []

    def take(self, number: int, line: _Line) -> None:
        if line.trial is not None:
            check_trial(line.trial, len(self.record.columns), f"line {number}: trial")
            self.trials.append(line.trial)
        if line.vote is not None:
            self.votes.append((number, line.vote))

    def closed(self) -> Record:
        for number, vote in self.votes:
            check_vote(vote, len(self.record.columns), len(self.trials), f"line {number}: vote")
        votes = (*self.record.votes, *(vote for _, vote in self.votes))
        return replace(self.record, trials=tuple(self.trials), votes=votes)


def _parse(data: bytes, number: int) -> _Line:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"line {number}: this is no text in UTF-8 (byte {error.start + 1} of the line)") from None
    try:
        line = _LINE.validate_json(text, strict=True)
    except ValidationError as error:
        _refuse_newer(text, number)
        if error.error_count() == 1 and (first := error.errors()[0])["type"] == "json_invalid":
            why = str(first["ctx"]["error"]).replace(" at line 1 column ", " at character ")  # of the line
            raise ValueError(f"line {number}: this is no JSON: {why}. Is the file whole, and the right one?") from None
        raise ValueError(f"line {number}: {_problems(error)}") from None
    parts = [name for name in ("experiment", "trial", "vote") if getattr(line, name) is not None]
    if len(parts) != 1:
        given = " and ".join(parts) or "none of them"
        raise ValueError(f"line {number}: must hold one of experiment, trial, vote, and holds {given}")
    if line.experiment is not None:
        _refuse_newer(text, number)
        if line.version is None:
            raise ValueError(f"line {number}: version: is missing, so this is no file of LoRA Mixer's")
    return line


def _problems(error: ValidationError) -> str:
    """What is wrong, in a message that stays short. Of lists only the first mistake is looked for."""
    if error.error_count() > _TOLD:  # pydantic makes an object of each: for so many that takes seconds
        return f"{error.error_count():,} of its fields are wrong, or not known here. Is it the right file?"
    problem = explain(error)
    return f"{problem[:600]}{'…' if len(problem) > 600 else ''}"


def _refuse_newer(text: str, number: int) -> None:
    """A newer file has fields that are not known here: that it is newer is the better message."""
    with suppress(ValidationError):
        version = _VERSION.validate_json(text).version
        if version > VERSION:
            raise ValueError(
                f"line {number}: this file was written by a newer LoRA Mixer (version {version} of the format; "
                f"this one reads up to {VERSION}): update LoRA Mixer to read it"
            )
