"""What people write on the command line, made into adapters and mixes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..hosts.standalone.load import name_adapters
from ..lora_ops.arrays import has_torch
from ..lora_ops.fader import Fader
from ..lora_ops.mix import Mix

if TYPE_CHECKING:
    import torch


class Stored(str, Enum):
    """The type of the numbers that are written."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


Adapters = Annotated[
    list[str], typer.Argument(metavar="ADAPTER", help="Folder of a PEFT adapter, or NAME=FOLDER.", show_default=False)
]
OneAdapter = Annotated[
    str, typer.Argument(metavar="ADAPTER", help="Folder of a PEFT adapter, or NAME=FOLDER.", show_default=False)
]
MixFile = Annotated[
    Path | None,
    typer.Option(
        "--mix", "-m", metavar="FILE", help="A mix or profile, as the page saves it (JSON).", show_default=False
    ),
]
Gains = Annotated[
    list[str] | None,
    typer.Option(
        "--gain",
        "-g",
        metavar="[ADAPTER][:PART]=GAIN",
        help="A fader on top of --mix: PART is a kind, a layer's number or a target; without it, the whole adapter.",
        show_default=False,
    ),
]
Token = Annotated[
    int | None,
    typer.Option("--at-token", min=0, metavar="N", help="Where faders fade over a reply: take them as at this token."),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="The new folder.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
StoredAs = Annotated[
    Stored | None,
    typer.Option("--store", help="Type of the numbers; as they are if not given.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="FOLDER",
        help="The base model, a local transformers folder; the word *demo* is the model that comes with the project.",
        show_default=False,
    ),
]
NeededModel = Annotated[
    str, typer.Option("--model", metavar="FOLDER", help="The base model, or *demo*.", show_default=False)
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is one.")]
Dtype = Annotated[str, typer.Option("--dtype", help="float32, bfloat16 or float16; auto is float32 on the CPU.")]


def named(adapters: Sequence[str]) -> dict[str, Path]:
    """The adapters' folders by name.

    Raises:
        ValueError: two have one name.
    """
    plain: list[Path] = []
    found: dict[str, Path] = {}
    for word in adapters:
        name, equals, folder = word.partition("=")
        if equals and not Path(word).exists():
            if not name or "." in name or "/" in name:
                raise ValueError(f"{name!r} cannot name an adapter: PEFT allows no dots and no slashes")
            if name in found:
                raise ValueError(f"two adapters have the name {name!r}")
            found[name] = Path(folder).expanduser()
        else:
            plain.append(Path(word).expanduser())
    for name, path in name_adapters(plain).items():
        if name in found:
            raise ValueError(f"two adapters have the name {name!r}: write NAME=FOLDER to give one another name")
        found[name] = path
    return found


def mix_from(file: Path | None, gains: Sequence[str] | None, adapters: Sequence[str], at: int | None = None) -> Mix:
    """The mix in a file with these gains on top, of these adapters alone.

    Raises:
        ValueError: the file holds no mix, none of these adapters is in it, or a gain is not understood.
    """
    mix = read_mix(file, adapters) if file is not None else Mix()
    for word in gains or ():
        fader, gain = _gain(word, adapters)
        mix = fader.put(mix, gain)
    mix = Mix({name: faders for name, faders in mix.adapters.items() if name in adapters})
    return mix if at is None else mix.at(at)


def read_mix(file: Path, adapters: Sequence[str]) -> Mix:
    """The mix in a JSON file: a mix itself, or a profile that has one.

    Raises:
        ValueError: it cannot be read, holds no mix, or one for other adapters.
    """
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{file} holds no mix and no profile")
    try:
        mix = Mix.from_dict(data["mix"] if isinstance(data.get("mix"), dict) else data)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if mix.adapters and not set(mix.adapters) & set(adapters):
        raise ValueError(
            f"{file} is for {', '.join(mix.adapters)}, and not for {', '.join(adapters)}: write "
            f"{next(iter(mix.adapters))}=FOLDER to say which adapter that is"
        )
    return mix


def fader_from(word: str, adapters: Sequence[str]) -> Fader:
    """The fader in `pirate:q_proj`, or `:q_proj` where there is one adapter.

    Raises:
        ValueError: it is not understood, or there is no such adapter.
    """
    adapter, _, part = word.partition(":")
    if not adapter and len(adapters) != 1:
        raise ValueError(f"{word}: say which adapter, as in {adapters[0]}{word}")
    adapter = adapter or adapters[0]
    if adapter not in adapters:
        raise ValueError(f"{word}: there is no adapter {adapter!r} here; there is {', '.join(adapters)}")
    if not part:
        raise ValueError(f"{word}: no part is named after the colon")
    return _fader(adapter, part)


def _gain(word: str, adapters: Sequence[str]) -> tuple[Fader, float]:
    """The fader and the gain in `pirate:q_proj=0.5`."""
    address, equals, number = word.rpartition("=")
    try:
        gain = float(number)
    except ValueError:
        raise ValueError(f"--gain {word}: {number!r} is no number; write --gain pirate:q_proj=0.5") from None
    adapter, colon, part = address.partition(":")
    if not adapter:
        if len(adapters) != 1:
            raise ValueError(f"--gain {word}: say which adapter, as in --gain {adapters[0]}={number}")
        adapter = adapters[0]
    if adapter not in adapters:
        raise ValueError(f"--gain {word}: there is no adapter {adapter!r} here; there is {', '.join(adapters)}")
    if equals and colon and not part:
        raise ValueError(f"--gain {word}: no part is named after the colon")
    return _fader(adapter, part), gain


def _fader(adapter: str, part: str) -> Fader:
    if not part:
        return Fader(adapter)
    if part.isascii() and part.isdigit():
        return Fader(adapter, "layer", int(part))
    if ":" in part:
        return Fader.from_key(adapter, part)
    return Fader(adapter, "target" if "." in part else "kind", part)


def torch_dtype(store: Stored | None) -> torch.dtype | str | None:
    """The type as torch has it, by its name where there is no torch; None for numbers as they are."""
    if store is None or not has_torch():
        return store.value if store else None
    import torch

    found: torch.dtype = getattr(torch, store.value)
    return found
