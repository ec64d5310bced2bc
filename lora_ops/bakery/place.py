"""Where something new goes: a folder beside others, which gets its name when all of it is there."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..files import folder_aside, safe_name
from ..shelf.adapter_folder import CONFIG


@dataclass(frozen=True)
class Place:
    """A folder to be.

    Attributes:
        path: of the new adapter or model.
        overwrite: whether the one that stands there may be replaced.
    """

    path: Path
    overwrite: bool = False

    @classmethod
    def free(cls, folder: Path, name: str, overwrite: bool = False) -> Place:
        """The place of that name, if something can go there.

        Raises:
            ValueError: the name leaves the folder, or what stands there is no adapter and no model, or holds more.
            FileExistsError: something stands there, and it is not to be overwritten.
        """
        path = Path(folder) / safe_name(name)
        if path.is_symlink():
            raise ValueError(f"{path} is a link to somewhere else: choose another name")
        if path.exists():
            if not overwrite:
                raise FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
            if not path.is_dir() or not any((path / file).is_file() for file in (CONFIG, "config.json")):
                raise ValueError(f"{path} is no adapter and no model: it is not overwritten")
            if inner := next((one for one in path.iterdir() if one.is_dir()), None):
                raise ValueError(f"{path} holds other things too ({inner.name}): it is not overwritten")
        return cls(path, overwrite)

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A new folder to write into; when the block ends well it goes to its place, and else nothing is left of it.

        Raises:
            ValueError, FileExistsError: as `free`, if something stands there by now.
            OSError: it cannot be written; a full disk is named, also where safetensors has another word for it.
        """
        self.free(self.path.parent, self.path.name, self.overwrite)  # making it may have taken minutes
        with folder_aside(self.path, self.overwrite) as aside:
            try:
                yield aside
            except Exception as error:
                # safetensors has an error of its own, and is not everywhere.
                if type(error).__name__ != "SafetensorError":
                    raise
                full = any(
                    sign in str(error) for sign in ("No space left", "os error 28", "Disk quota", "os error 122")
                )
                number = errno.ENOSPC if full else errno.EIO
                raise OSError(number, "the disk is full" if full else str(error), str(self.path)) from error
