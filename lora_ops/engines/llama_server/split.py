"""An adapter in one file per target, so that a stock llama-server has a scale for each of them.

llama.cpp multiplies what a file adds by alpha / r of that file times the scale that a request names: each part can have
its own alpha, so that rank-stabilised adapters and patterns come out exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...files import folder_aside, safe_name
from .base import Base
from .pair import CannotSplit, Pair, Whole
from .part import LIST, Part, listed
from .whole_adapter import name_of, read_whole, write_pairs

#: Told how many parts are written, and of how many.
Progress = Callable[[int, int], None]
#: How many layers share a part, where one for each target is too many for a command line.
_BANDS = (1, 2, 4, 8, 16, 32, 10_000)


def split(
    adapter: Path | str,
    model: Path | str,
    out: Path | str,
    *,
    name: str | None = None,
    longest: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Part, ...]:
    """Writes an adapter as one GGUF file per target. Nothing is there under `out` until all of it is.

    >>> parts = split("loras/pirate", "models/smollm2.gguf", "parts/pirate")
    >>> desk = Desk(connect("http://127.0.0.1:8080", parts))

    Args:
        adapter: a PEFT adapter's folder, or a GGUF adapter.
        model: the base model's GGUF file.
        out: the folder that the parts are written into; it is made, or is empty.
        name: the adapter's; that of its folder or file if not given.
        longest: how many characters the paths of all parts, with a comma between them, may take on a command line.
            Where one part per target takes more, a part holds a kind in a band of layers.
        overwrite: whether what is at `out` already is replaced.
        progress: told after each part.

    Raises:
        CannotSplit: llama.cpp has no form for the adapter, or it is for another model.
        ValueError: the adapter or the model is damaged, or is none.
        FileExistsError: there is something at `out`.
        OSError: it cannot be written.
    """
    adapter, model, out = (Path(one).expanduser() for one in (adapter, model, out))
    base = Base.read(model)
    found = read_whole(adapter, base)
    name = safe_name(name or name_of(adapter), "name of an adapter")
    out = out.absolute()
    empty = out.is_dir() and not any(out.iterdir())
    groups = _groups(found.pairs, out, longest)
    with folder_aside(out, overwrite=overwrite or empty) as aside:
        parts = []
        for at, (file, target, pairs) in enumerate(groups):
            write_pairs(aside / file, found.architecture, pairs, None, f"{name}: {target}", base.name)
            parts.append(_part(out / file, name, target, pairs, found))
            if progress is not None:
                progress(at + 1, len(groups))
        (aside / LIST).write_text(listed(parts, adapter.resolve()), encoding="utf-8")
    return tuple(parts)


def _part(path: Path, name: str, target: str, pairs: Sequence[Pair], found: Whole) -> Part:
    layers = {pair.layer for pair in pairs}
    rank = max(pair.rank for pair in pairs)
    return Part(
        path=path,
        adapter=name,
        target=target,
        targets=tuple(pair.target for pair in pairs for _ in pair.tensors),
        kind=pairs[0].kind,
        layer=layers.pop() if len(layers) == 1 else None,
        rank=rank,
        scaling=pairs[0].scaling,
        parameters=sum(pair.parameters for pair in pairs),
        rank_stabilised=found.rank_stabilised,
    )


# Which pairs share a part


def _groups(pairs: Sequence[Pair], out: Path, longest: int | None) -> list[tuple[str, str, list[Pair]]]:
    """The parts that an adapter becomes: file, name and pairs of each; as many as a command line holds.

    Raises:
        CannotSplit: not even one part for each kind would fit.
    """
    length = 0
    for band in _BANDS:
        groups = _named(_banded(pairs, band))
        length = sum(len(str(out / file)) + 1 for file, _, _ in groups)
        if longest is None or length <= longest:
            return groups
    raise CannotSplit(
        f"even one part for each kind would take {length:,} characters on the command line, and {longest:,} is the "
        "most: load fewer adapters at once, or choose a folder with a shorter path"
    )


def _banded(pairs: Sequence[Pair], band: int) -> Iterable[tuple[str, list[Pair]]]:
    """The pairs that share a part, under a name for them: a kind in so many layers."""
    if band == 1:
        return [(pair.target, [pair]) for pair in pairs]
    groups: dict[tuple[str, int], list[Pair]] = {}
    for pair in pairs:
        where = pair.target if pair.layer is None else pair.target.replace(f".{pair.layer}.", ".*.", 1)
        groups.setdefault((where, (pair.layer or 0) // band), []).append(pair)
    named = []
    for (where, _), own in groups.items():
        layers = [pair.layer for pair in own if pair.layer is not None]
        span = str(layers[0]) if len(layers) == 1 else f"{min(layers)}-{max(layers)}" if layers else ""
        named.append((where.replace(".*.", f".{span}.", 1), own))
    return named


def _named(groups: Iterable[tuple[str, list[Pair]]]) -> list[tuple[str, str, list[Pair]]]:
    """The same with a short name for each file: all of them stand on one command line."""
    files: dict[str, int] = {}
    found = []
    for target, pairs in groups:
        layer = pairs[0].layer
        stem = f"{pairs[0].kind}" if layer is None else f"{layer}.{pairs[0].kind}"
        files[stem] = files.get(stem, 0) + 1
        again = f".{files[stem]}" if files[stem] > 1 else ""
        found.append((f"{stem}{again}.gguf", target, pairs))
    return found
