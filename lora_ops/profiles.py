"""Profiles: mixes saved under names, one readable JSON file each, in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .disk import telling
from .files import put_right, put_right_alone, safe_name, write_aside
from .folder_lock import alone
from .profile import MOST, AdapterFacts, Profile, ProfileError, read_mix, read_profile
from .profile_fit import Fit, fit, same_adapters
from .refusals import shown

__all__ = ["AdapterFacts", "Fit", "Profile", "ProfileError", "Profiles", "fit", "read_mix", "same_adapters"]


#: The folder of them among what is kept for a user.
FOLDER = "profiles"


class Profiles:
    """The profiles in a folder, which several pages and several processes may read and write at once.

    Args:
        folder: where they are; it need not exist, and the lock of those who write in it stands beside it. None where
            nothing may be written: then there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def look(self) -> tuple[list[Profile], dict[str, str]]:
        """All that can be read, by name; and of each file that cannot, what is wrong with it, by its name."""
        if self._folder is not None:
            put_right(self._folder, files=True, guard=self._folder.parent)
        good, wrong = [], {}
        for name, path in self._files().items():
            try:
                good.append(read_profile(path))
            except ProfileError as error:
                if path.is_file():  # else it was removed in this very moment
                    wrong[name] = str(error)
        return good, wrong

    def list(self) -> list[Profile]:
        """All that can be read, by name."""
        return self.look()[0]

    def damaged(self) -> dict[str, str]:
        """What is wrong with the files that cannot be read, by name."""
        return self.look()[1]

    def load(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            ProfileError: there is none, or its file is damaged.
        """
        return read_profile(self._file(name))

    def save(self, profile: Profile, overwrite: bool = False, seen: str | None = None) -> Profile:
        """Keeps a profile; `overwrite` allows it to take the place of one.

        Args:
            profile: what to keep.
            overwrite: whether it may take the place of one that has its name.
            seen: the mark of the one that it may take the place of, where another one is to stay.

        Returns:
            The profile as it is kept, and will be read: blanks around its name are gone.

        Raises:
            ProfileError: there is one of that name already, or another than was seen; it could not be read again; or
                nothing may be kept here.
            ValueError: the name cannot be that of a file.
            OSError: it cannot be written; why is said in words, and what was there is still there.
        """
        with self._alone() as folder:
            return self._save(folder, profile, overwrite, seen)

    def add(self, profile: Profile) -> Profile:
        """Keeps a profile under its own name; with a number behind it where that is taken.

        Raises:
            ProfileError, ValueError, OSError: as with `save`.
        """
        with self._alone() as folder:
            taken = {name.casefold() for name in self._files()}
            own = name = profile.name.strip()
            number = 1
            while name.casefold() in taken:
                number += 1
                name = f"{own} {number}"
            return self._save(folder, profile.model_copy(update={"name": name}))

    def rename(self, name: str, new: str) -> Profile:
        """Gives a profile another name.

        Raises:
            ProfileError, ValueError, OSError: as with `load` and `save`; it keeps its name then.
        """
        with self._alone() as folder:
            path = self._file(name)
            return self._save(folder, read_profile(path).model_copy(update={"name": new}), moves=path)

    def change(self, name: str, **changes: Any) -> Profile:
        """Another note, or whether it is put back by itself; the rest stays as it is at this moment.

        Raises:
            ProfileError, ValueError, OSError: as with `load` and `save`; it stays as it was then.
        """
        with self._alone() as folder:
            profile = read_profile(self._file(name))
            return self._save(folder, profile.model_copy(update=changes), overwrite=True)

    def delete(self, name: str, seen: str | None = None) -> None:
        """Removes a profile, damaged or not.

        Args:
            name: of the profile.
            seen: its mark, where another one that has its name is to stay.

        Raises:
            ProfileError: there is none, or another than was seen, or nothing may be changed here.
            OSError: it cannot be removed; why is said in words.
        """
        with self._alone():
            path = self._file(name)
            _check_seen(path, seen)
            with telling(path):
                path.unlink()

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
        return max(fitting, key=lambda profile: (len(profile.needs), profile.saved), default=None)

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """The folder, in which nobody else writes until the block ends."""
        if self._folder is None:
            raise ProfileError("nothing is kept here, since others share this page")
        with alone(self._folder.parent):
            put_right_alone(self._folder, files=True)
            yield self._folder

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
            close = get_close_matches(name[:200], files, n=3)
            hint = f"; there is {', '.join(close)}" if close else ""
            raise ProfileError(f"there is no profile {shown(name)}{hint}")
        return files[name]

    def _save(
        self,
        folder: Path,
        profile: Profile,
        overwrite: bool = False,
        seen: str | None = None,
        moves: Path | None = None,
    ) -> Profile:
        """Writes a profile into `folder`, where nobody else writes; `moves` is the file that it is in already."""
        name = safe_name(profile.name, "profile name")
        profile, text = _as_read_again(profile.model_copy(update={"name": name}))
        there = {known.casefold(): path for known, path in self._files().items()}.get(name.casefold())
        if there is not None and there != moves:
            if not overwrite:
                raise ProfileError(f"there is a profile {there.stem!r} already: choose another name, or overwrite it")
            _check_seen(there, seen)
        path = folder / f"{name}.json"
        if path.is_dir():
            raise ProfileError(f"{path} is a folder: choose another name")
        # First what it says, then how it is called: killed between the two it is all there, under one name.
        before = there or moves or path
        write_aside(before, text)
        if before != path:
            with telling(path):
                before.replace(path)
        return profile


def _as_read_again(profile: Profile) -> tuple[Profile, str]:
    """The profile as it will be read, and its text: what could not be read again is not written."""
    text = profile.to_json()
    if len(text.encode("utf-8")) > MOST:
        raise ProfileError(f"this profile is larger than {MOST // 2**20} MiB: it could not be read again")
    return Profile.from_json(text, "this profile"), text


def _check_seen(path: Path, seen: str | None) -> None:
    """Refuses to touch another profile than the one that was seen.

    Raises:
        ProfileError: it is another by now, or was never seen.
    """
    if seen is None:
        return
    try:
        known = read_profile(path).mark == seen
    except ProfileError:
        known = False
    if not known:
        raise ProfileError(
            f"somebody else has changed the profile {path.stem!r} meanwhile: look at it again before it is replaced"
        )


def _natural(name: str) -> list[Any]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.zfill(20), part) if part.isdigit() else (part, part) for part in parts]
