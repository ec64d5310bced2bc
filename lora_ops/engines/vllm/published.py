"""What of ours a server has under names that stay, what desks have on it, and the folders that are left.

A published mix lies in the shared folder in a folder of its name (`mixer-NAME`), with a record of what it is and for
which servers, and in that in a folder of its hash, which is what servers load: a name that is published anew has
another path, so that no server takes what it remembers of the one for the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...disk import read_at_most
from ...files import write_aside
from ...folder_lock import LOCK, let_go, take
from ...json_text import to_json
from .client import Client, Dialect, VllmError, dialect_of, listed
from .stock import OURS

#: In a published mix's folder: what it is.
RECORD = "published.json"
_MOST = 4 * 2**20
#: A desk's part of the shared folder is called so, and its mixes on a server begin with it.
_DESK = re.compile(rf"{OURS}[0-9a-f]{{8}}(?:-.*)?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Record(BaseModel):
    """What a published mix is.

    Attributes:
        name: what servers call it.
        key: of what is heard, and the name of the folder that servers load.
        mix: as data.
        adapters: the hashes of the weights that it is made of, by name.
        rank: of what was written.
        left_out: the share of its squared norm that a limit on the rank left out.
        servers: where it was published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    name: str
    key: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    mix: dict[str, Any]
    adapters: dict[str, str]
    rank: int
    left_out: float
    servers: tuple[str, ...] = ()

    def write(self, home: Path) -> None:
        """Puts it into the mix's folder, readable for whoever serves it.

        Raises:
            OSError: it cannot be written.
        """
        write_aside(home / RECORD, to_json(self.model_dump()))
        (home / RECORD).chmod(0o644)

    @classmethod
    def of(cls, home: Path) -> Record | None:
        """That of a folder; None where there is none that can be read."""
        try:
            text = read_at_most(home / RECORD, _MOST)
            record = cls.model_validate_json(text or b"")
        except (OSError, ValidationError):
            return None
        return record if record.name == home.name else None


@dataclass(frozen=True)
class Served:
    """One of our adapters on a server.

    Attributes:
        name: what the server calls it, and what a request names.
        path: where the server loaded it from; empty where it does not tell.
        desk: the desk that it belongs to; empty for one that was published.
    """

    name: str
    path: str
    desk: str


@dataclass(frozen=True)
class Server:
    """What a server says of itself.

    Attributes:
        url: where it listens.
        kind: "vLLM" or "SGLang".
        model: what it calls its own model.
        served: what of ours it has.
        others: how many adapters of others.
    """

    url: str
    kind: str
    model: str
    served: tuple[Served, ...]
    others: int


def served_name(name: str) -> str:
    """What servers are to call a mix of this name: `mixer-NAME`.

    Raises:
        ValueError: it cannot be told from a desk's own, or holds what names on servers may not.
    """
    word = name.removeprefix(OURS)
    if not _NAME.fullmatch(word):
        raise ValueError(
            f"{name[:80]!r} cannot be a name on a server: letters, digits, dots and dashes, 80 at most, and a letter "
            "or a digit first; choose one with --name"
        )
    if _DESK.fullmatch(OURS + word):
        raise ValueError(f"{name!r} is how desks call what they have on a server: choose another name")
    return OURS + word


def as_name(text: str) -> str:
    """A profile's name as one for servers, as far as that goes."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._")[:80]


def check_ours(name: str) -> None:
    """Refuses names that nobody published.

    Raises:
        ValueError: it is somebody else's, or a desk's.
    """
    if not name.startswith(OURS):
        raise ValueError(f"{name!r} is not one of ours: those begin with {OURS!r}, and others are left alone")
    if _DESK.fullmatch(name):
        raise ValueError(
            f"{name!r} belongs to a desk: closing that unloads it, and what a killed one left the next one clears"
        )


def look(client: Client) -> Server:
    """What a server has of ours.

    Raises:
        VllmError: it does not answer.
    """
    dialect = dialect_of(client)
    models = listed(client)
    base = next((str(one["id"]) for one in models if not one.get("parent")), "")
    adapters = [one for one in models if one.get("parent")]
    ours = tuple(
        Served(name, str(one.get("root") or ""), name[: len(OURS) + 8] if _DESK.fullmatch(name) else "")
        for one in adapters
        if (name := plain_name(one)).startswith(OURS)
    )
    return Server(client.url, dialect.name, base, ours, len(adapters) - len(ours))


def plain_name(model: Mapping[str, Any]) -> str:
    """An adapter's own name, without the base model's before it."""
    return str(model["id"]).rpartition(":")[2]


def left(shared: Path, servers: tuple[Server, ...] = ()) -> dict[str, str]:
    """Folders of ours that nothing needs any more as far as can be told, each with what it is.

    Args:
        shared: the shared folder.
        servers: those that were asked.

    Raises:
        OSError: it cannot be read.
    """
    loaded = {one.name for server in servers for one in server.served}
    asked = {server.url for server in servers}
    found = {}
    for home in sorted(one for one in shared.iterdir() if one.name.startswith((OURS, f".{OURS}"))):
        record = Record.of(home)
        if record is not None:
            if home.name in loaded:
                continue
            elsewhere = [url for url in record.servers if url not in asked]
            found[home.name] = (
                f"published on {', '.join(elsewhere)}, not asked now"
                if elsewhere
                else "published, and no server has it now: publish it again, or unpublish it"
            )
        elif not _DESK.fullmatch(home.name):
            found[home.name] = "half written or half removed: publish or unpublish that name again"
        elif _dead(home):
            found[home.name] = "of a desk that was killed: the next desk on its server clears it"
    return found


def _dead(home: Path) -> bool:
    with suppress(OSError):
        held = take(home / LOCK)
        if held is not None:
            let_go(held, home / LOCK)
            return True
    return False


def in_use(client: Client, dialect: Dialect, name: str) -> bool | None:
    """Whether a request on a server uses an adapter right now; None where the server does not tell.

    vLLM tells it among its metrics: of the adapters in use the newest word, by the time that is its value, and how
    many requests there are at all. Where several engines serve, the latter alone counts.
    """
    if dialect.unloads_idle:
        return False
    try:
        lines = client.text("/metrics").splitlines()
    except VllmError:
        return None
    counts = [line for line in lines if re.match(r"vllm:num_requests_(?:running|waiting)[{ ]", line)]
    if not counts:
        return None
    if not any(_value(line) for line in counts):
        return False
    words = [line for line in lines if line.startswith("vllm:lora_requests_info{")]
    if len(counts) != 2 or not words:
        return True
    newest = max(words, key=_value)
    named = re.findall(r'(?:running|waiting)_lora_adapters="([^"]*)"', newest)
    return any(name in adapters.split(",") for adapters in named)


def _value(line: str) -> float:
    try:
        return float(line.rpartition(" ")[2])
    except ValueError:
        return 1.0
