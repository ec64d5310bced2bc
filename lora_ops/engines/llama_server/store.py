"""Parts that are kept: an adapter is split once for each model, and its parts go when it is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...disk import telling
from ...files import put_right
from ...folder_lock import alone
from ...shelf.adapter_folder import CONFIG, WEIGHTS
from .base import Base
from .part import LIST, Part, read_parts, source_of
from .split import Progress, split
from .whole_adapter import name_of

#: Changes when parts of an adapter come out otherwise than before.
_MADE = "3"


class PartsStore:
    """The parts of adapters in one folder, each in a folder of its own, under a hash of all that they hang on.

    Args:
        folder: is made when something is kept.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser().absolute()

    def parts(
        self,
        adapter: Path | str,
        model: Path | str,
        *,
        name: str | None = None,
        longest: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[Part, ...]:
        """The parts of an adapter for a model; split now unless they are kept already. The rest as of `split`."""
        adapter, model = Path(adapter).expanduser(), Path(model).expanduser()
        name = name or name_of(adapter)
        home = self.folder / _key(adapter, model, name, longest)
        with telling(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        put_right(self.folder)
        try:
            return read_parts(home)
        except ValueError:  # not there, or damaged
            return split(adapter, model, home, name=name, longest=longest, overwrite=True, progress=progress)

    def clear(self, keep: Iterable[Path] = ()) -> tuple[Path, ...]:
        """Removes the parts of adapters that are gone from where they were; answers what was removed.

        A server may have them open: on systems where that keeps a file, it is removed the next time.

        Args:
            keep: files of parts that are still needed, by a server that may be started with them again.
        """
        needed = {path.parent.resolve() for path in keep}
        from shutil import rmtree

        removed = []
        if self.folder.is_dir():
            put_right(self.folder)
            with alone(self.folder):
                for home in self._homes():
                    source = source_of(home)
                    if home.resolve() not in needed and (source is None or not source.exists()):
                        rmtree(home, ignore_errors=True)
                        removed.append(home)
        return tuple(removed)

    def _homes(self) -> Iterator[Path]:
        return (home for home in sorted(self.folder.iterdir()) if (home / LIST).is_file())


def _key(adapter: Path, model: Path, name: str, longest: int | None) -> str:
    """A name for what splitting this adapter for this model gives; the model counts by its tensors and heads alone."""
    base = Base.read(model)
    total = hashlib.sha256(f"{_MADE}\n{name}\n{longest}\n{adapter.resolve()}\n".encode())
    heads = {key: value for key, value in base.file.fields.items() if ".attention.head_count" in key}
    total.update(repr((base.architecture, sorted(base.shapes.items()), sorted(heads.items()))).encode())
    for path in [adapter] if adapter.is_file() else [adapter / CONFIG, adapter / WEIGHTS]:
        if path.is_file():
            with path.open("rb") as file:
                while block := file.read(2**20):
                    total.update(block)
    return total.hexdigest()[:32]
