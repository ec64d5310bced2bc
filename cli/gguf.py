"""`bake --gguf`: a mix in one GGUF adapter, for llama.cpp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..lora_ops.mix import Mix
from .arguments import Stored, named
from .options import Output
from .output import say, show_json, size

GGUF = Annotated[
    Path | None,
    typer.Option(
        "--gguf",
        metavar="FILE",
        help="Write one GGUF adapter for this base model, a GGUF file, instead of a PEFT adapter; --out is the new "
        "file, and ADAPTER may be a GGUF adapter too. It needs neither torch nor PEFT.",
        show_default=False,
    ),
]


def bake_gguf(
    adapter: str,
    base: Path,
    output: Output,
    mix_of: Callable[[list[str]], Mix],
    others: Sequence[str],
    as_json: bool,
) -> None:
    """Writes one adapter, at the gains of a mix, as one GGUF file.

    Args:
        adapter: as it stands on the command line.
        base: the base model's GGUF file.
        output: the new file, the type of its numbers, and whether one that is there is replaced.
        mix_of: the mix of adapters of these names.
        others: options that say something of PEFT adapters alone, if they were given.
        as_json: for a program.

    Raises:
        ValueError: a type or an option that a GGUF adapter has no form for; or as `llama_server.whole`.
    """
    from ..lora_ops.engines import llama_server

    if others:
        raise ValueError(f"--gguf writes what llama.cpp reads, and has no {', '.join(others)}: leave it out")
    if output.store is Stored.bfloat16:
        raise ValueError("--gguf writes float16 or float32: llama.cpp's adapters lose less in those than in bfloat16")
    out = output.out.expanduser().absolute()
    if out.suffix.lower() != ".gguf":
        raise ValueError(f"{out} is to be a file: give it a name that ends with .gguf")
    word, equals, path = adapter.partition("=")
    if not equals and Path(adapter).is_file():
        name, source = Path(adapter).stem, Path(adapter)
    elif equals and Path(path).is_file():
        name, source = word, Path(path)
    else:
        [(name, source)] = named([adapter]).items()
    dtype = output.store.value if output.store else None
    mix = mix_of([name])
    llama_server.whole(source, base, out, mix=mix, name=name, dtype=dtype, overwrite=output.overwrite)
    bytes_written = out.stat().st_size
    if as_json:
        show_json({"path": str(out), "adapter": name, "bytes": bytes_written})
    else:
        say(f"{name!r} is in {out} ({size(bytes_written)}): llama-server -m {base} --lora {out}")
