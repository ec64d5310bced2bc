"""`--gguf` of `bake`, `combine` and `resize`: a mix in one GGUF adapter, for llama.cpp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..lora_ops.mix import Mix
from .arguments import Stored, named
from .options import Output
from .output import say, show_facts, show_json, size

if TYPE_CHECKING:
    from ..lora_ops.bakery.gguf import BakedFile
    from ..lora_ops.bakery.resize import Keep
    from ..lora_ops.bakery.ways import Recipe

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
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="With --gguf: have a llama-server of our own play the new file, and the adapters in parts at these gains, "
        "and compare what both say.",
    ),
]


def bake_gguf(
    adapters: Sequence[str],
    base: Path,
    output: Output,
    mix_of: Callable[[list[str]], Mix],
    others: Sequence[str],
    check: bool,
    as_json: bool,
    recipe: Recipe | None = None,
    keep: Callable[[Mix, Sequence[str]], Keep] | None = None,
) -> None:
    """Writes adapters, at the gains of a mix, as one GGUF file.

    Args:
        adapters: as they stand on the command line.
        base: the base model's GGUF file.
        output: the new file, the type of its numbers, and whether one that is there is replaced.
        mix_of: the mix of adapters of these names.
        others: options that say something of PEFT adapters alone, if they were given.
        check: whether a server plays it.
        as_json: for a program.
        recipe: how several become one, if not exactly.
        keep: what is kept of them, of a mix and their names.

    Raises:
        ValueError: a type or an option that a GGUF adapter has no form for; or as `lora_ops.bakery.gguf.bake_gguf`.
    """
    from ..lora_ops.bakery.gguf import bake_gguf as bake
    from ..lora_ops.bakery.gguf_check import said_alike
    from ..lora_ops.bakery.llama_layout import read_llama_weights

    if others:
        raise ValueError(f"--gguf writes what llama.cpp reads, and has no {', '.join(others)}: leave it out")
    if output.store is Stored.bfloat16:
        raise ValueError("--gguf writes float16 or float32: llama.cpp's adapters lose less in those than in bfloat16")
    out = output.out.expanduser().absolute()
    if out.suffix.lower() != ".gguf":
        raise ValueError(f"{out} is to be a file: give it a name that ends with .gguf")
    sources = files_of(adapters)
    mix = mix_of(list(sources))
    kept = keep(mix, list(sources)) if keep is not None else None
    made = bake(
        [read_llama_weights(path, base, name) for name, path in sources.items()],
        mix,
        out,
        keep=kept,
        dtype=output.store.value if output.store else "float32",
        recipe=recipe,
        overwrite=output.overwrite,
    )
    told = said_alike(made.path, sources, mix, base) if check else None
    if as_json:
        show_json({**made.to_dict(), "adapter": " + ".join(sources), "bytes": made.size, "checked": told})
    else:
        _tell(made, base, told)


def files_of(adapters: Sequence[str]) -> dict[str, Path]:
    """Folders and GGUF files by name, as they stand on a command line.

    Raises:
        ValueError: two have one name.
    """
    files: dict[str, Path] = {}
    for word in adapters:
        name, equals, path = word.partition("=")
        if not equals and Path(word).is_file():
            own = {Path(word).stem: Path(word)}
        elif equals and Path(path).is_file():
            own = {name: Path(path)}
        else:
            own = named([word])
        if twice := next((name for name in own if name in files), None):
            raise ValueError(f"two adapters have the name {twice!r}: write NAME=FOLDER to give one another name")
        files |= own
    return files


def _tell(made: BakedFile, base: Path, told: str | None) -> None:
    facts = {
        "written": str(made.path),
        "way": made.way,
        "rank": str(made.rank),
        "targets": f"{made.targets}, of which {made.silent} were silent" if made.silent else str(made.targets),
        "size": f"{size(made.size)}, {made.parameters:,} parameters",
        "difference": f"{made.error:.2g} of the norm of what the mix adds, read back",
    }
    if made.kept is not None:
        facts["kept"] = f"{made.kept:.2%} of the squared norm"
    if told is not None:
        facts["check"] = told
    show_facts(facts)
    say(f"Play it: llama-server -m {base} --lora {made.path}")
