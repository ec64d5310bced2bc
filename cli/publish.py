"""`publish`, `servers` and `unpublish`: mixes under names on servers that others ask; and, for Ollama, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..hosts.standalone.folders import folders
from ..lora_ops.mix import Mix
from . import arguments as asking
from .exits import FAILED
from .gguf import files_of
from .live_model import ROOT
from .options import shared as with_options
from .output import say, show_facts, show_json, show_table, size

if TYPE_CHECKING:
    from ..lora_ops.engines.vllm.published import Server
    from ..lora_ops.engines.vllm.publishing import Published

#: No key is longer.
_MOST_KEY = 4096

Profile = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE", help="A profile or mix in a JSON file, or the name of one that our own page kept."
    ),
]
Loras = Annotated[
    list[str] | None,
    typer.Option(
        "--lora", metavar="DIR", help="An adapter's folder, or NAME=FOLDER; once for each.", show_default=False
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="A file that holds the server's API key.", show_default=False),
]
Shared = Annotated[
    Path | None,
    typer.Option("--shared", metavar="DIR", help="A folder that the server sees too.", show_default=False),
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="What it is to be called; the profile's name if not given.", show_default=False),
]


@dataclass(frozen=True)
class OnServer:
    """Where a mix is published."""

    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="A vLLM or SGLang server that runs.", show_default=False),
    ] = None
    key_file: KeyFile = None
    shared: Shared = None
    seen_as: Annotated[
        str | None,
        typer.Option(
            "--seen-as", metavar="DIR", help="Where the server finds that folder, if elsewhere.", show_default=False
        ),
    ] = None
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FOLDER",
            help="The model that the server has, to check adapters against, where its own is not seen from here.",
            show_default=False,
        ),
    ] = None
    most_rank: Annotated[
        int | None,
        typer.Option(
            "--most-rank", min=1, metavar="N", help="Serve only the strongest N components.", show_default=False
        ),
    ] = None
    question: Annotated[str, typer.Option("--ask", metavar="TEXT", help="What it is asked once.")] = (
        "Hello! Who are you?"
    )


@dataclass(frozen=True)
class ForOllama:
    """What is written for Ollama."""

    ollama: Annotated[
        Path | None,
        typer.Option(
            "--ollama",
            metavar="DIR",
            help="Write a GGUF adapter and a Modelfile into this folder instead.",
            show_default=False,
        ),
    ] = None
    gguf: Annotated[
        Path | None,
        typer.Option("--gguf", metavar="FILE", help="For Ollama: the base model's GGUF file.", show_default=False),
    ] = None
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="For Ollama: a model that it has already, of the same weights as --gguf, to start FROM.",
            show_default=False,
        ),
    ] = None
    overwrite: asking.Overwrite = False


@with_options
def publish(
    profile: Profile,
    on: OnServer,
    to: ForOllama,
    lora: Loras = None,
    name: Name = None,
    at_token: asking.Token = None,
    as_json: asking.AsJson = False,
) -> None:
    """Put a profile on a server under a name that others ask for, or write it for Ollama.

    The mix is baked into one adapter, which is checked (method, base, shapes, rank), loaded into the running server,
    and asked once. It stays until `unpublish`, whatever desks come and go. A server takes adapters while it runs only
    where it was started so: see SECURITY.md for what that opens.

    Examples:

    * `publish softer.json --server http://127.0.0.1:8000 --lora loras/pirate --shared /shared/mixes`

    * `publish softer --server http://gpu:8000 --key-file key.txt --lora loras/pirate --shared /mnt/x --seen-as /x`

    * `publish softer.json --ollama out --gguf smollm2.gguf --lora loras/pirate`
    """
    if (on.server is None) == (to.ollama is None):
        raise ValueError("say where to: --server URL with --shared DIR, or --ollama DIR with --gguf FILE")
    if not lora:
        raise ValueError("name the adapters that the profile plays: --lora DIR, once for each")
    adapters = files_of(lora)
    called, mix = _mix(profile, adapters)
    mix = mix if at_token is None else mix.at(at_token)
    if to.ollama is not None:
        _for_ollama(replace(to, ollama=to.ollama.expanduser()), adapters, mix, name or called, as_json)
        return
    if files := [str(path) for path in adapters.values() if path.is_file()]:
        raise ValueError(f"such a server reads PEFT folders, and {files[0]} is a file: name the folder it was made of")
    if on.shared is None:
        raise ValueError("name a folder that the server sees too: --shared DIR")
    from ..lora_ops.engines import vllm
    from ..lora_ops.engines.vllm.published import as_name

    assert on.server is not None
    done = vllm.publish(
        vllm.Client(on.server, _key(on.key_file)),
        adapters,
        mix,
        on.shared,
        on.seen_as,
        name=as_name(called) if name is None else name,
        base=on.model,
        most_rank=on.most_rank,
        question=on.question,
    )
    show_json(vars(done)) if as_json else _tell(done)


def servers(
    server: Annotated[list[str], typer.Option("--server", metavar="URL", help="A server; once for each.")],
    key_file: KeyFile = None,
    shared: Shared = None,
    as_json: asking.AsJson = False,
) -> None:
    """Tell what of ours servers have: published mixes, and those of desks; with `--shared`, folders that are left too.

    Example: `servers --server http://127.0.0.1:8000 --server http://127.0.0.1:8001 --shared /shared/mixes`
    """
    from ..lora_ops.engines.vllm.client import Client, VllmError
    from ..lora_ops.engines.vllm.published import left, look

    key = _key(key_file)
    found: list[Server] = []
    silent: dict[str, str] = {}
    for url in dict.fromkeys(server):
        client = Client(url, key)
        try:
            found.append(look(client))
        except VllmError as error:
            silent[client.url] = str(error)
    remains = left(shared.expanduser().resolve(), tuple(found)) if shared is not None else {}
    if as_json:
        told = [{**vars(one), "served": [vars(adapter) for adapter in one.served]} for one in found]
        show_json({"servers": told, "silent": silent, "left": remains})
    else:
        _show(found, silent, remains)
    if silent:
        raise typer.Exit(FAILED)


def unpublish(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the server calls it: mixer-…")],
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The server that has it.")],
    key_file: KeyFile = None,
    shared: Shared = None,
    as_json: asking.AsJson = False,
) -> None:
    """Take a published mix from a server, and remove its folder when no request uses it any more.

    Only what was published can be: adapters of others, and those of desks that are open, are left alone.

    Example: `unpublish mixer-softer --server http://127.0.0.1:8000 --shared /shared/mixes`
    """
    from ..lora_ops.engines import vllm

    done = vllm.unpublish(vllm.Client(server, _key(key_file)), name, shared)
    if as_json:
        show_json(vars(done))
        return
    say(f"{name} is unloaded." if done.unloaded else f"The server did not have {name} any more.")
    if done.stays:
        say(f"{done.folder} is still there: {done.stays}.")
    else:
        say(f"{done.folder} is removed.")


def _mix(profile: str, adapters: Mapping[str, Path]) -> tuple[str, Mix]:
    """What a profile is called, and its mix, of these adapters.

    Raises:
        ValueError: there is none, or it plays others too.
    """
    from ..lora_ops.profile import read_mix
    from ..lora_ops.profiles import Profiles

    file = Path(profile).expanduser()
    if file.is_file() or file.suffix == ".json":
        called, mix = file.stem, read_mix(file)
    else:
        kept = Profiles(folders(ROOT).user_data / "profiles").load(profile)
        called, mix = kept.name, kept.mix
    lacking = [one for one in mix.adapters if one not in adapters]
    if silent := [one for one in lacking if not mix[one].on]:
        mix = Mix({one: faders for one, faders in mix.adapters.items() if one not in silent})
    if heard := [one for one in lacking if one not in silent]:
        raise ValueError(
            f"{profile} plays {', '.join(heard)} too, and --lora names {', '.join(adapters)}: add --lora "
            f"{heard[0]}=FOLDER"
        )
    return called, mix


def _key(file: Path | None) -> str | None:
    """The key in a file.

    Raises:
        ValueError: it holds none.
    """
    if file is None:
        return None
    try:
        with file.expanduser().open(encoding="utf-8") as opened:
            key = opened.read(_MOST_KEY + 1).strip()
    except UnicodeDecodeError:
        key = ""
    if not key or len(key) > _MOST_KEY or not key.isprintable():
        raise ValueError(f"{file} holds no key: one line of text")
    return key


def _tell(done: Published) -> None:
    facts = {
        "served as": done.model,
        "by": f"{done.kind} at {done.url}, on {done.base}",
        "folder": done.folder,
        "rank": str(done.rank),
    }
    if done.left_out:
        facts["left out"] = f"{done.left_out:.2%} of the squared norm"
    if not done.fits:
        facts["not checked"] = "whether it fits the base model, whose files are not seen from here (--model FOLDER)"
    show_facts({**facts, "asked": done.question, "it said": done.said or "(nothing)"})
    say("It was there already." if done.again else f"Take it back: unpublish {done.name} --server {done.url} …")


def _show(found: list[Server], silent: Mapping[str, str], remains: Mapping[str, str]) -> None:
    rows = [
        (server.url, one.name, "a desk's" if one.desk else "published", one.path)
        for server in found
        for one in sorted(server.served, key=lambda one: (bool(one.desk), one.name))
    ]
    if rows:
        show_table(("server", "name", "what", "folder"), rows, left=4)
    for server in found:
        if not server.served:
            say(f"The {server.kind} at {server.url} has nothing of ours.")
        if server.others:
            say(f"{server.url} has {server.others} of others too.")
    for error in silent.values():
        say(error)
    if remains:
        show_table(("left in the shared folder", "what it is"), list(remains.items()), left=2)


def _for_ollama(to: ForOllama, adapters: Mapping[str, Path], mix: Mix, name: str, as_json: bool) -> None:
    from ..lora_ops.bakery.llama_layout import read_llama_weights
    from ..lora_ops.bakery.ollama import write_for_ollama

    if to.gguf is None:
        raise ValueError("name the base model's GGUF file: --gguf FILE")
    assert to.ollama is not None
    base = to.gguf
    sources = [read_llama_weights(path, base, one) for one, path in adapters.items()]
    made = write_for_ollama(sources, mix, to.ollama, base, name, start_from=to.from_, overwrite=to.overwrite)
    if as_json:
        show_json({**made.to_dict(), "adapter": made.adapter.to_dict()})
        return
    show_facts(
        {
            "adapter": f"{made.adapter.path} ({size(made.adapter.size)}, rank {made.adapter.rank})",
            "modelfile": str(made.modelfile),
            "difference": f"{made.adapter.error:.2g} of the norm of what the mix adds, read back",
        }
    )
    say("Ollama takes it by:")
    for command in made.commands:
        typer.echo(command)
