"""A mix under a name on a server that others ask: written, checked, loaded, asked once; and taken back.

>>> publish(Client("http://127.0.0.1:8000"), {"pirate": "loras/pirate"}, mix, "/shared", name="soft-pirate").model
'mixer-soft-pirate'
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...folder_lock import alone
from ...mix import Mix
from ...mix_check import check_mix
from . import stock
from .client import Client, Dialect, VllmError, dialect_of, forgotten, listed
from .published import RECORD, Record, check_ours, in_use, plain_name, served_name
from .served_model import ServedModel, check_all
from .source import CannotServe, Source
from .written_mix import is_silent, write_mix

#: What a new name is asked, and how much it may answer.
QUESTION = "Hello! Who are you?"
_TOKENS = 40
#: Seconds that somebody else who publishes there may take, and that requests of an unloaded name may.
_PATIENCE, _IDLE = 300.0, 60.0


@dataclass(frozen=True, kw_only=True)
class Published:
    """What came of publishing.

    Attributes:
        name: of the adapter on the server.
        model: what a request calls it (SGLang: `base:name`).
        url, kind, base: the server, "vLLM" or "SGLang", and what it calls its own model.
        folder: where it lies.
        rank: of what was written.
        left_out: the share of the squared norm that a limit on the rank left out.
        fits: whether it was held against the base model's files; they may not be seen from here.
        again: whether it was there already.
        question, said: what it was asked, and what it answered.
    """

    name: str
    model: str
    url: str
    kind: str
    base: str
    folder: str
    rank: int
    left_out: float
    fits: bool
    again: bool
    question: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Unpublished:
    """What came of taking it back.

    Attributes:
        name: of the adapter.
        unloaded: whether the server had it.
        folder: where it lay, or lies.
        stays: why the folder is still there; empty where it is gone.
    """

    name: str
    unloaded: bool
    folder: str
    stays: str


def publish(
    client: Client,
    adapters: Mapping[str, Path | str],
    mix: Mix,
    shared: Path | str,
    seen_as: str | None = None,
    *,
    name: str,
    base: Path | str | None = None,
    most_rank: int | None = None,
    question: str = QUESTION,
) -> Published:
    """Puts a mix on a server under a name that stays until it is unpublished.

    Args:
        client: the server.
        adapters: PEFT folders, by the names that the mix has for them.
        mix: what is to be heard; what it does not name is as loaded.
        shared: a folder that the server sees too.
        seen_as: where the server finds that, if not under the same path.
        name: what it is to be called; servers call it `mixer-NAME`.
        base: the folder of the model that the server has; the one that it names, where that is seen from here.
        most_rank: the largest rank to be served.
        question: what it is asked once, greedily.

    Raises:
        ValueError: the mix is silent, fades, or is none for these adapters; the name cannot be one, or is taken.
        CannotServe: an adapter that the server has no form for, or one for another model.
        AdapterFileError: an adapter that is damaged.
        VllmError: the server does not take it, or does not answer under its name: then nothing of it is left.
        OSError: nothing can be written into the shared folder.
    """
    name = served_name(name)
    sources = [Source.read(one, Path(folder).expanduser()) for one, folder in adapters.items()]
    _check(mix, sources)
    sources = [source for source in sources if not is_silent([source], mix)]  # what is off is no part of it
    dialect = dialect_of(client)
    model = ServedModel.of(listed(client), client, dialect)
    sizes = check_all(sources, base if base is not None else model.root)
    shared = Path(shared).expanduser().resolve()
    home = shared / name
    with alone(shared, _PATIENCE):
        record, new = _written(home, client, dialect, sources, mix, most_rank, sizes)
        path = str(PurePosixPath(seen_as if seen_as is not None else shared.as_posix()) / name / record.key)
        again = _load(client, dialect, home, record, path, new)
    asked = dialect.model(model.name, name)
    try:
        said = ask(client, asked, question)
    except VllmError:
        if not again:
            unpublish(client, name, shared)
        raise
    return Published(
        name=name,
        model=asked,
        url=client.url,
        kind=dialect.name,
        base=model.name,
        folder=str(home / record.key),
        rank=record.rank,
        left_out=record.left_out,
        fits=bool(sizes),
        again=again,
        question=question,
        said=said,
    )


def unpublish(client: Client, name: str, shared: Path | str | None = None) -> Unpublished:
    """Takes a published name from a server, and then its folder, when no request uses it any more.

    Args:
        client: the server.
        name: as the server calls it.
        shared: the shared folder; without it the folder stays.

    Raises:
        ValueError: it is not one that was published, or there is none of that name.
        VllmError: the server does not answer.
        OSError: its folder cannot be removed.
    """
    check_ours(name)
    dialect = dialect_of(client)
    found = next((one for one in listed(client) if one.get("parent") and plain_name(one) == name), None)
    if shared is None:
        if found is None:
            raise ValueError(f"{client.name} has no {name}")
        _unload(client, dialect, name)
        return Unpublished(name=name, unloaded=True, folder=str(found.get("root") or ""), stays=_NAME_SHARED)
    shared = Path(shared).expanduser().resolve()
    home = shared / name
    if found is None and not home.is_dir():
        raise ValueError(f"{client.name} has no {name}, and there is none in {shared}")
    if found is not None and Record.of(home) is None:
        raise ValueError(f"{name} was not published out of {shared}: name the folder that it was, or none to unload it")
    with alone(shared, _PATIENCE):
        if found is not None:
            _unload(client, dialect, name)
        stays = _removed(client, dialect, home)
    return Unpublished(name=name, unloaded=found is not None, folder=str(home), stays=stays)


def ask(client: Client, model: str, question: str) -> str:
    """What a model answers, greedily; without a chat template, how it goes on.

    Raises:
        VllmError: it does not answer.
    """
    settings = {"model": model, "max_tokens": _TOKENS, "temperature": 0.0, "seed": 0}
    try:
        told = client.post("/v1/chat/completions", {**settings, "messages": [{"role": "user", "content": question}]})
        found = _first(told, "message")
        said = None
        if isinstance(found, dict):  # what is still being thought is an answer too
            said = next((found[one] for one in ("content", "reasoning", "reasoning_content") if found.get(one)), "")
    except VllmError as error:
        if error.status != 400 or "template" not in error.said:
            raise
        said = _first(client.post("/v1/completions", {**settings, "prompt": question}), "text")
    if said is None:
        raise VllmError(f"{client.name} does not answer under {model} as such a server does")
    return str(said)


def _first(told: Any, field: str) -> Any:
    try:
        return told["choices"][0][field]
    except (KeyError, IndexError, TypeError):
        return None


_NAME_SHARED = "name the shared folder to have it removed as well"


def _check(mix: Mix, sources: Sequence[Source]) -> None:
    if mix.faded:
        raise ValueError(
            "this mix fades over a reply, and a server plays an adapter as it was loaded: publish it at_token"
        )
    check_mix(mix, {source.name: source.adapter for source in sources})
    if is_silent(sources, mix):
        raise CannotServe("nothing of these adapters is heard in this mix: that is the base model, which is served")


def _written(
    home: Path,
    client: Client,
    dialect: Dialect,
    sources: Sequence[Source],
    mix: Mix,
    most_rank: int | None,
    sizes: Mapping[str, tuple[int, int]],
) -> tuple[Record, bool]:
    """The mix in its folder, and whether it was put there just now."""
    key = stock.key_of(sources, mix, most_rank, dialect.tied)
    there = Record.of(home)
    if there is not None:
        if there.key != key:
            raise ValueError(
                f"{home.name} is published with another mix, or for another kind of server: unpublish that first, or "
                "choose another name"
            )
        return there, False
    if home.exists():
        raise ValueError(f"{home} is there already, and is none that was published whole: unpublish {home.name} first")
    aside = home.with_name(f".{home.name}")
    shutil.rmtree(aside, ignore_errors=True)  # of somebody who was killed: nobody else writes now
    (aside / key).mkdir(parents=True)
    try:
        written = write_mix(sources, mix, aside / key, most_rank, dialect.tied, sizes)
        hashes = {source.name: source.hash for source in sources}
        record = Record(
            name=home.name,
            key=key,
            mix=mix.to_dict(),
            adapters=hashes,
            rank=written.rank,
            left_out=max(0.0, written.left_out),
            servers=(client.url,),
        )
        record.write(aside)
        for path in (aside, *aside.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # the server may be another user
        aside.rename(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return record, True


def _load(client: Client, dialect: Dialect, home: Path, record: Record, path: str, new: bool) -> bool:
    """Has the server load it; tells whether it had it already."""
    names = {plain_name(one): str(one.get("root") or "") for one in listed(client) if one.get("parent")}
    if home.name in names:
        if names[home.name] == path or not (new or names[home.name]):
            return True
        if new:  # nobody has loaded that one
            shutil.rmtree(home)
        raise ValueError(
            f"{client.name} has a {home.name} already, loaded from {names[home.name] or 'elsewhere'}: choose another "
            "name"
        )
    if client.url not in record.servers:
        record.model_copy(update={"servers": (*record.servers, client.url)}).write(home)
    try:
        stock.told(client, dialect.load, {"lora_name": home.name, "lora_path": path})
    except VllmError as error:
        if error.status is not None:  # without an answer it may be loaded, and its folder stays
            shutil.rmtree(home, ignore_errors=True) if new else record.write(home)
        raise stock.explained(error, record.rank) from error
    return False


def _unload(client: Client, dialect: Dialect, name: str) -> None:
    try:
        stock.told(client, dialect.unload, {"lora_name": name})
    except VllmError as error:
        if not forgotten(error):
            raise


def _removed(client: Client, dialect: Dialect, home: Path) -> str:
    """Removes the folder of a name that is not loaded; tells why not, where something may still need it."""
    if home.is_symlink():
        raise ValueError(f"{home} is a link to elsewhere, and nobody publishes that way: it was left alone")
    record = Record.of(home)
    if record is not None:
        others = tuple(url for url in record.servers if url != client.url)
        if others:
            record.model_copy(update={"servers": others}).write(home)
            return f"it is published on {', '.join(others)} as well"
    until = time.monotonic() + _IDLE
    stock.wait_a_while()
    while used := in_use(client, dialect, home.name):
        if time.monotonic() > until:
            return "requests still use it: unpublish it again when they are done"
        time.sleep(0.2)
    if used is None:
        return (
            "the server does not tell whether requests still use it (/metrics): remove it by hand when none do, since "
            "the server may end without it"
        )
    for path in home.iterdir():
        if path.name != RECORD:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with suppress(FileNotFoundError):
        shutil.rmtree(home)
    return ""
