"""What one writes about the adapters on a shelf: notes, and collections of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator

from ..disk import read_at_most
from ..files import put_right, put_right_alone, write_aside
from ..folder_lock import alone
from ..json_text import from_json, to_json
from ..refusals import InParts, explain, few_fields, shown

#: A file of notes that is larger is none.
MOST_NOTES = 16 * 2**20
#: Characters of a note, of a collection's name, and of the name of an adapter ("run/checkpoint-100").
MOST_TEXT, MOST_TITLE, MOST_NAME = 20_000, 200, 1_000
#: How many collections an adapter can be in.
MOST_OF_ONE = 100


class NotesError(ValueError):
    """The notes cannot be read or written; the message says why, and what to do."""


_Name = Annotated[str, Field(max_length=MOST_NAME)]
_Title = Annotated[str, Field(min_length=1, max_length=MOST_TITLE)]


class Written(BaseModel):
    """All that is written about adapters.

    Attributes:
        notes: by the names of adapters.
        collections: the names of adapters in each, in the order in which they were put there.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    notes: Annotated[dict[_Name, Annotated[str, Field(max_length=MOST_TEXT)]], InParts] = {}
    collections: Annotated[dict[_Title, Annotated[list[_Name], FailFast()]], InParts] = {}

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        return few_fields(data)

    def of(self, name: str) -> list[str]:
        """The collections that an adapter is in."""
        return [title for title, members in self.collections.items() if name in members]


class ShelfNotes:
    """What one has written about adapters, and collections of them, in one JSON file that people can read.

    Several pages and several processes may read and write it at once.

    Args:
        path: the file; it need not exist. None where nothing may be written, then there are no notes.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def look(self) -> Written:
        """All that is written, as it stands at this moment.

        Raises:
            NotesError: the file is damaged or cannot be read.
        """
        if self._path is not None:
            put_right(self._path.parent, files=True)
        return self._read()

    def note(self, name: str) -> str:
        """What is written about an adapter; empty if nothing is."""
        return self._read().notes.get(name, "")

    @property
    def notes(self) -> Mapping[str, str]:
        """All notes, by the names of adapters."""
        return self._read().notes

    @property
    def collections(self) -> Mapping[str, Sequence[str]]:
        """The names of adapters in each collection, in the order in which they were put there."""
        return self._read().collections

    def write(self, name: str, text: str) -> None:
        """Writes a note about an adapter, in place of the one before; an empty text removes it.

        Raises:
            NotesError: the file is damaged, or nothing may be kept here, or what was written could not be read again.
            OSError: it cannot be written; why is said in words, and what was there is still there.
        """
        with self._changing() as written:
            _write(written, name, text)

    def describe(self, name: str, text: str, collections: Iterable[str]) -> None:
        """Writes a note about an adapter, and puts it into these collections and out of all others: all or nothing.

        Raises:
            NotesError, OSError: as with `write`.
        """
        wanted = list(dict.fromkeys(title.strip() for title in collections if title.strip()))
        if len(wanted) > MOST_OF_ONE:
            raise NotesError(f"an adapter can be in {MOST_OF_ONE} collections at most")
        with self._changing() as written:
            _write(written, name, text)
            there = written.of(name)
            for title in wanted:
                if title not in there:
                    _collect(written, title, [name])
            for title in there:
                if title not in wanted:
                    _discard(written, title, [name])

    def collect(self, collection: str, names: Iterable[str]) -> None:
        """Puts adapters into a collection, which is made if there is none of that name.

        Raises:
            NotesError, OSError: as with `write`; or the collection has no name.
        """
        with self._changing() as written:
            _collect(written, collection.strip(), names)

    def discard(self, collection: str, names: Iterable[str] | None = None) -> None:
        """Takes adapters out of a collection; an empty one is gone. Without names, all of them.

        Raises:
            NotesError, OSError: as with `write`; or there is no such collection.
        """
        with self._changing() as written:
            if collection not in written.collections:
                raise NotesError(f"there is no collection {shown(collection)}")
            _discard(written, collection, names)

    @contextmanager
    def _changing(self) -> Iterator[Written]:
        """Read, changed and written by one at a time; not written if the change fails, or could not be read again."""
        if self._path is None:
            raise NotesError("nothing is kept here, since others share this page")
        with alone(self._path.parent):
            put_right_alone(self._path.parent, files=True)
            written = self._read()
            yield written
            try:
                text = to_json(written.model_dump(mode="python"))
                _parsed(text.encode("utf-8"), "this")
            except ValidationError as error:
                raise NotesError(f"this cannot be kept: {explain(error)}") from None
            except ValueError as error:
                raise NotesError(f"this cannot be kept: {error}") from None
            write_aside(self._path, text)

    def _read(self) -> Written:
        path = self._path
        if path is None:
            return Written()
        try:
            text = read_at_most(path, MOST_NOTES)
        except FileNotFoundError:
            return Written()
        except OSError as error:
            raise NotesError(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            return _parsed(text, str(path))
        except ValidationError as error:
            raise NotesError(f"{path} holds no notes: {explain(error)}. Correct it, or move it away") from None
        except ValueError as error:
            raise NotesError(f"{path} holds no notes: {error}. Correct it, or move it away") from None


def _parsed(text: bytes | None, what: str) -> Written:
    if text is None or len(text) > MOST_NOTES:
        raise ValueError(f"{what} is larger than {MOST_NOTES // 2**20} MiB")
    return Written.model_validate(from_json(text))


def _write(written: Written, name: str, text: str) -> None:
    if len(name) > MOST_NAME:
        raise NotesError(f"no adapter has a name of more than {MOST_NAME:,} characters")
    if len(text) > MOST_TEXT:
        raise NotesError(f"a note can have {MOST_TEXT:,} characters at most")
    written.notes.pop(name, None)
    if text.strip():
        written.notes[name] = text.strip()


def _collect(written: Written, title: str, names: Iterable[str]) -> None:
    if not title or len(title) > MOST_TITLE:
        raise NotesError(f"a collection needs a name of {MOST_TITLE} characters at most")
    written.collections[title] = list(dict.fromkeys([*written.collections.get(title, ()), *names]))


def _discard(written: Written, title: str, names: Iterable[str] | None) -> None:
    members = written.collections[title]
    out = set(members if names is None else names)
    written.collections[title] = [name for name in members if name not in out]
    if not written.collections[title]:
        del written.collections[title]
