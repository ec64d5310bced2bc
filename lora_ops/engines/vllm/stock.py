"""The mixes that a server has as adapters: written, loaded, used, unloaded, and removed, in that order and no other.

A loaded adapter's folder that goes can end the server, and what a name stands for must never change, since the server
remembers by it what it has read. So each mix has a folder of its own, which nobody writes to again, and a name with its
hash; and a folder goes a while after its name has been unloaded, which waits until no request uses it.

What was published under a name for good (`publishing.py`) lies beside it, in folders that no desk takes for its own.

Every desk has a part of the shared folder and names of its own (`mixer-DESK-MIX`), so that desks on one server do not
disturb each other. What a process that was killed has left there the next one clears, for the same server alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...folder_lock import LOCK, let_go, take
from ...mix import Mix
from .client import Client, Dialect, RankTooHigh, VllmError, forgotten, listed
from .source import Sizes, Source
from .written_mix import Written, is_silent, write_mix

OURS = "mixer-"
#: In a desk's part of the shared folder: which server it is for.
_SERVER = "server.txt"
#: In what the server says of a rank that is too high: the one that it takes.
_MOST_RANK = re.compile(r"greater than \D{0,40}(\d{1,5})")
#: Seconds from a name's end to its folder's: a request that was called off may use it for a little longer.
_GRACE = 2.0


@dataclass
class _Served:
    name: str
    folder: Path
    written: Written
    used: int = 0


class Stock:
    """What one desk has on one server.

    Args:
        client: the server.
        dialect: how it spells its calls.
        base: what it calls its own model.
        sources: what mixes are made of.
        shared: a folder that the server sees too.
        seen_as: where the server finds that; the same path if None.
        most_rank: the largest rank that it takes, if that is known.
        room: how many mixes stay loaded besides those in use.
        sizes: of the base model's modules, outputs and inputs, as far as they are known.

    Raises:
        OSError: nothing can be written there.
        VllmError: what was left there cannot be unloaded.
    """

    def __init__(
        self,
        client: Client,
        dialect: Dialect,
        base: str,
        sources: Sequence[Source],
        shared: Path,
        seen_as: str | None = None,
        most_rank: int | None = None,
        room: int = 16,
        sizes: Sizes | None = None,
    ) -> None:
        self._client, self._dialect, self.base = client, dialect, base
        self.sources, self._most_rank, self._room = tuple(sources), most_rank, room
        self._sizes = sizes or {}
        self._shared = shared.expanduser().resolve()
        self._seen_as = PurePosixPath(seen_as if seen_as is not None else self._shared.as_posix())
        self._lock = threading.RLock()
        self._served: dict[str, _Served] = {}  # the one that was used last comes last
        self._doomed: list[tuple[float, Path]] = []
        self._desk = f"{OURS}{secrets.token_hex(4)}"
        self._shared.mkdir(parents=True, exist_ok=True)
        self._clear_what_others_left()
        self._home = self._shared / self._desk
        self._home.mkdir()
        self._home.chmod(0o755)  # the server may be another user
        self._held = take(self._home / LOCK)
        (self._home / _SERVER).write_text(client.url, encoding="utf-8")

    @contextmanager
    def using(self, mixes: Sequence[Mix]) -> Iterator[list[str]]:
        """What requests call these mixes; each stays loaded until the block ends.

        Raises:
            VllmError: the server does not take one of them.
            CannotServe: an adapter's folder is not what it was.
            OSError: it cannot be written.
        """
        taken: list[_Served] = []
        try:
            names = []
            for mix in mixes:
                with self._lock:
                    served = self._loaded(mix)
                    if served is not None:
                        served.used += 1
                        taken.append(served)
                names.append(self.base if served is None else self._dialect.model(self.base, served.name))
            yield names
        finally:
            with self._lock:
                for served in taken:
                    served.used -= 1
                self._make_room()

    def written(self, mix: Mix) -> Written | None:
        """What a mix is on the server; None where it is silent, or not there."""
        with self._lock:
            served = self._served.get(key_of(self.sources, mix, self._most_rank))
        return served.written if served is not None else None

    def left_out(self, mix: Mix) -> float:
        """The share of a mix's squared norm that the limit on the rank leaves out; 0 where nothing, or not served."""
        written = self.written(mix)
        return written.left_out if written is not None else 0.0

    def make_of(self, sources: Sequence[Source]) -> None:
        """From now on mixes are made of these."""
        with self._lock:
            self.sources = tuple(sources)

    def serve_at_most(self, rank: int | None) -> None:
        """From now on no mix has a larger rank: its strongest components are served."""
        with self._lock:
            self._most_rank = rank

    def forget_lost(self, check: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        """Forgets names that the server does not have any more: it was started again.

        Nothing is loaded meanwhile: what came after the server was asked would seem lost, and its folder go.

        Args:
            check: given the models that the server has; what it raises is raised, and nothing is forgotten.
        """
        with self._lock:
            models = listed(self._client)
            check(models)
            there = {str(one["id"]).rpartition(":")[2] for one in models}
            for key, served in list(self._served.items()):
                if served.name not in there:
                    del self._served[key]
                    self._doom(served.folder)

    def close(self) -> None:
        """Unloads all of it, and removes its folders. What cannot be unloaded stays, for the next desk to clear."""
        with self._lock:
            for key in list(self._served):
                with suppress(VllmError):
                    self._drop(key)
            for until, folder in self._doomed:
                time.sleep(max(0.0, until - time.monotonic()))
                shutil.rmtree(folder, ignore_errors=True)
            self._doomed = []
            if self._held is not None:
                let_go(self._held, self._home / LOCK)
                self._held = None
            if not self._served:
                shutil.rmtree(self._home, ignore_errors=True)

    def _loaded(self, mix: Mix) -> _Served | None:
        """The mix on the server, written and loaded where it was not; None for silence, where its own model will do."""
        if not self.sources or (self._dialect.base_in_batches and is_silent(self.sources, mix)):
            return None
        key = key_of(self.sources, mix, self._most_rank)
        served = self._served.pop(key, None)
        if served is None:
            served = self._load(mix, key)
        self._served[key] = served
        return served

    def _load(self, mix: Mix, key: str) -> _Served:
        for source in self.sources:
            source.check_as_read()
        folder = self._home / key
        aside = self._home / f".{key}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            written = write_mix(self.sources, mix, aside, self._most_rank, self._dialect.tied, self._sizes)
            for path in (aside, *aside.iterdir()):
                path.chmod(0o755 if path.is_dir() else 0o644)
            if folder.exists():  # of a name that the server has forgotten
                folder, key = self._home / f"{key}-{secrets.token_hex(2)}", f"{key}-{secrets.token_hex(2)}"
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        name = f"{self._desk}-{folder.name}"
        body = {"lora_name": name, "lora_path": str(self._seen_as / self._desk / folder.name)}
        try:
            told(self._client, self._dialect.load, body)
        except VllmError as error:
            self._doom(folder)
            raise explained(error, written.rank) from error
        return _Served(name, folder, written)

    def _make_room(self) -> None:
        idle = [key for key, served in self._served.items() if not served.used]
        for key in idle[: max(0, len(idle) - self._room)]:
            with suppress(VllmError):
                self._drop(key)
        now = time.monotonic()
        for until, folder in self._doomed:
            if until <= now:
                shutil.rmtree(folder, ignore_errors=True)
        self._doomed = [one for one in self._doomed if one[0] > now]

    def _drop(self, key: str) -> None:
        served = self._served[key]
        try:
            told(self._client, self._dialect.unload, {"lora_name": served.name})
        except VllmError as error:
            if not forgotten(error):
                raise
        del self._served[key]
        self._doom(served.folder)

    def _doom(self, folder: Path) -> None:
        self._doomed.append((time.monotonic() + _GRACE, folder))

    def _clear_what_others_left(self) -> None:
        for home in sorted(self._shared.glob(f"{OURS}*")):
            try:
                if (home / _SERVER).read_text(encoding="utf-8") != self._client.url:
                    continue
                held = take(home / LOCK)
            except OSError:
                continue
            if held is None:
                continue  # whoever made it lives
            try:
                for model in listed(self._client):
                    name = str(model["id"]).rpartition(":")[2]
                    if name.startswith(f"{home.name}-"):
                        told(self._client, self._dialect.unload, {"lora_name": name})
                self._doom(home)
            finally:
                let_go(held, home / LOCK)


def wait_a_while() -> None:
    """Until a request that was called off, of a name that has been unloaded, is over."""
    time.sleep(_GRACE)


def key_of(
    sources: Sequence[Source], mix: Mix, most_rank: int | None = None, tied: Sequence[Sequence[str]] = ()
) -> str:
    """What tells one mix from another by what is heard: sixteen digits and letters."""
    heard = []
    for source in sources:
        faders = mix[source.name]
        heard.append([source.hash, faders.gains(source.adapter.targets), faders.rank, faders.energy])
    return hashlib.sha256(json.dumps([heard, most_rank, *tied]).encode()).hexdigest()[:16]


def told(client: Client, path: str, body: Mapping[str, str]) -> None:
    """Has a server load or unload an adapter; SGLang says in its answer that it refused.

    Raises:
        VllmError: it does not.
    """
    data = client.begin(path, body).data()
    with suppress(ValueError, AttributeError):
        answer = json.loads(data)
        if answer.get("success") is False:
            raise VllmError(f"{client.name} refused: {str(answer.get('error_message'))[:300]}")


def explained(error: VllmError, rank: int) -> VllmError:
    """A refusal with what to do about it, of a mix of this rank."""
    if "rank" in error.said and ("greater than" in error.said or "memory pool" in error.said):
        found = RankTooHigh(
            f"this mix has rank {rank}, and the server does not take it ({error.said}): start it with a "
            "larger --max-lora-rank (SGLang: and with its modules in --lora-target-modules), or have only its "
            "strongest components played"
        )
        found.status, found.said = error.status, error.said
        if most := _MOST_RANK.search(error.said):
            found.most = int(most[1])
        return found
    return error
