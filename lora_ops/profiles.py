"""Profiles: mixes saved under names, one readable JSON file each, in a folder."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .files import safe_name, write_aside
from .profile import MOST, AdapterFacts, Profile, ProfileError, read_mix
from .profile_fit import Fit, fit, same_adapters

__all__ = ["AdapterFacts", "Fit", "Profile", "ProfileError", "Profiles", "fit", "read_mix", "same_adapters"]


class Profiles:
    """The profiles in a folder.

    Args:
        folder: where they are; it need not exist. None where nothing may be written: then there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    def list(self) -> list[Profile]:
        """All that can be read, by name."""
        return [profile for profile in map(self._read_or_none, self._files().values()) if profile is not None]

    def damaged(self) -> dict[str, str]:
        """What is wrong with the files that cannot be read, by name."""
        wrong = {}
        for name, path in self._files().items():
            try:
                self._read(path)
            except ProfileError as error:
                wrong[name] = str(error)
        return wrong

    def load(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            ProfileError: there is none, or its file is damaged.
        """
        return self._read(self._file(name))

    def save(self, profile: Profile, overwrite: bool = False) -> Profile:
        """Keeps a profile; `overwrite` allows it to take the place of one.

        Returns:
            The profile as it is kept: blanks around its name are gone.

        Raises:
            ProfileError: there is one of that name already, or nothing may be kept here.
            ValueError: the name cannot be that of a file.
            OSError: it cannot be written; a full disk is named, and what was there is still there.
        """
        with self._writing:
            return self._save(profile, overwrite)

    def rename(self, name: str, new: str) -> Profile:
        """Gives a profile another name.

        Raises:
            ProfileError, ValueError, OSError: as with `load` and `save`; it keeps its name then.
        """
        with self._writing:
            path = self._file(name)
            profile = self._save(self._read(path).model_copy(update={"name": new}), replaces=path)
            if self._file(profile.name) != path:
                path.unlink(missing_ok=True)
            return profile

    def delete(self, name: str) -> None:
        """Removes a profile, damaged or not.

        Raises:
            ProfileError: there is none, or nothing may be changed here.
            OSError: it cannot be removed.
        """
        with self._writing:
            self._file(name).unlink()

    def export(self, name: str) -> str:
        """A profile as text, for `import_text` on another machine.

        Raises:
            ProfileError: there is none, or its file is damaged.
        """
        return self.load(name).to_json()

    def import_text(self, text: str | bytes, name: str | None = None, overwrite: bool = False) -> Profile:
        """Keeps a profile that came as text, under its own name or another.

        Raises:
            ProfileError: it is no profile, or as with `save`.
            ValueError, OSError: as with `save`.
        """
        profile = Profile.from_json(text, "what was imported")
        return self.save(profile.model_copy(update={"name": profile.name if name is None else name}), overwrite)

    def to_restore(
        self,
        loaded: Iterable[str],
        new: Iterable[str] | None = None,
        hashes: Mapping[str, str] | None = None,
    ) -> Profile | None:
        """The profile that is to be put back by itself now that adapters were loaded, or None.

        Of those with `restore` whose adapters are all loaded: the one that speaks of most of them, then the newest.

        Args:
            loaded: PEFT names of the adapters that are loaded.
            new: of those that were loaded just now; the profile must speak of one of them.
            hashes: of loaded adapters, as in `Profile.of`: one of another content is another adapter.
        """
        loaded, hashes = set(loaded), hashes or {}
        fresh = loaded if new is None else set(new)

        def same(profile: Profile, name: str) -> bool:
            known = profile.adapters[name].hash if name in profile.adapters else ""
            return not known or hashes.get(name, known) == known

        fitting = [
            profile
            for profile in self.list()
            if profile.restore
            and profile.needs
            and profile.needs <= loaded
            and profile.needs & fresh
            and all(same(profile, name) for name in profile.needs)
        ]
        return max(fitting, key=lambda profile: (len(profile.needs), _utc(profile.saved)), default=None)

    def _files(self) -> dict[str, Path]:
        if self._folder is None:
            return {}
        try:
            paths = [path for path in self._folder.glob("*.json") if path.is_file() and not path.name.startswith(".")]
        except OSError:
            return {}
        return {path.stem: path for path in sorted(paths, key=lambda path: _natural(path.stem))}

    def _file(self, name: str) -> Path:
        files = self._files()
        if name not in files:
            close = get_close_matches(name, files, n=3)
            hint = f"; there is {', '.join(close)}" if close else ""
            raise ProfileError(f"there is no profile {name!r}{hint}")
        return files[name]

    def _read(self, path: Path) -> Profile:
        """A profile is called what its file is called, whoever named that."""
        try:
            if path.stat().st_size > MOST:
                raise ProfileError(f"{path} is larger than {MOST // 2**20} MiB: that is no profile")
            profile = Profile.from_json(path.read_bytes(), str(path))
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from error
        return profile.model_copy(update={"name": path.stem})

    def _read_or_none(self, path: Path) -> Profile | None:
        try:
            return self._read(path)
        except ProfileError:
            return None

    def _save(self, profile: Profile, overwrite: bool = False, replaces: Path | None = None) -> Profile:
        if self._folder is None:
            raise ProfileError("nothing is kept here, since others share this page")
        name = safe_name(profile.name, "profile name")
        profile = profile.model_copy(update={"name": name})
        there = {known.casefold(): path for known, path in self._files().items()}.get(name.casefold())
        if there is not None and there != replaces and not overwrite:
            raise ProfileError(f"there is a profile {there.stem!r} already: choose another name, or overwrite it")
        path = self._folder / f"{name}.json"
        write_aside(path, profile.to_json())
        if there is not None and there != path and not (there.exists() and there.samefile(path)):
            there.unlink(missing_ok=True)  # its name differed in capitals alone
        return profile


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _natural(name: str) -> list[Any]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.zfill(20), part) if part.isdigit() else (part, part) for part in parts]
