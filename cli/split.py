"""`split`: an adapter in parts for a llama-server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import AsJson, Out, Overwrite
from .output import progress, say, show_json, size

Adapter = Annotated[
    Path,
    typer.Argument(metavar="ADAPTER", help="Folder of a PEFT adapter, or a GGUF adapter.", show_default=False),
]
Base = Annotated[Path, typer.Option("--model", metavar="FILE", help="The base model's GGUF file.", show_default=False)]
Longest = Annotated[
    int | None,
    typer.Option(
        "--longest",
        min=1,
        metavar="N",
        help="Characters that all paths together may take on a command line (Windows: 32,767 for all of it). Where one "
        "part per target takes more, a part holds a kind in a band of layers.",
        show_default=False,
    ),
]


def split(
    adapter: Adapter,
    model: Base,
    out: Out,
    longest: Longest = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write an adapter as one GGUF file per target, so that a llama-server has a scale for each of them.

    The server is started with all of them (`llama-server -m MODEL --lora a.gguf,b.gguf,…`), and a request names their
    scales: what a desk on it does. Their numbers are the adapter's own; neither torch nor PEFT is needed.

    Examples:

    * `split loras/pirate --model smollm2.gguf -o parts/pirate`

    * `split pirate.gguf --model smollm2.gguf -o parts/pirate --json`
    """
    from ..lora_ops.engines import llama_server

    with progress("splitting", as_json) as told:
        parts = llama_server.split(adapter, model, out, longest=longest, overwrite=overwrite, progress=told)
    if as_json:
        show_json([{"path": str(part.path), **part.to_dict()} for part in parts])
        return
    written = sum(part.path.stat().st_size for part in parts)
    say(f"{len(parts)} parts of {parts[0].adapter!r} are in {out} ({size(written)}).")
    say("Start a llama-server with all of them; its argument is:")
    typer.echo("--lora " + ",".join(str(part.path) for part in parts))
