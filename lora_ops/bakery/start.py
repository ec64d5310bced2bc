"""What a bake of a desk starts from: the adapters' weights, the gains of each target, and what compares the result.

On a PEFT model those are the live weights, and stock PEFT is asked. On a llama-server they lie in the adapters'
folders, which were split for it: what is written is read back and held against the files that the server plays. On a
vLLM server what it plays is made of those folders, and so is what is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.llama_server.part import Part, source_of
from ..mix import Faders, Mix
from ..shelf.adapter_weights import AdapterWeights, read_weights
from .writing import Writing
from .written import Compared

if TYPE_CHECKING:
    from ..desk import Desk

#: An expert that is a module of its own in PEFT, and one of many in one weight in llama.cpp.
_EXPERT = re.compile(r"(?P<all>.+\.experts)\.\d{1,5}\.(?P<kind>[^.]+)")


@dataclass(frozen=True)
class Start:
    """What a bake starts from.

    Attributes:
        parts: the weights of each adapter.
        mix: the gains of their targets.
        compare: given a folder, compares what is there with what the desk plays.
    """

    parts: list[AdapterWeights]
    mix: Mix
    compare: Callable[[Path], Compared]


def start_of(desk: Desk, mix: Mix, names: Sequence[str], writing: Writing, heard: Mix | None = None) -> Start:
    """What a bake of these adapters of a desk starts from.

    Args:
        desk, mix, names, writing: as `bake` takes them.
        heard: what is to be heard of what was written, if that is not the mix.

    Raises:
        ValueError: there is no such adapter, it cannot be written, or its folder is gone or damaged.
    """
    if (parts := parts_of(desk)) is not None:
        desk.check_adapters(names)
        return _of_server(parts, mix, names, writing)
    if (folders := folders_of(desk)) is not None:
        desk.check_adapters(names)
        return _of_folders(folders, mix, names, writing)
    from ..shelf.live_weights import loaded_weights
    from .verify import Checker

    loaded = [loaded_weights(desk, one, writing.sources.get(one)) for one in names]
    return Start(loaded, mix, Checker(desk, heard or mix, names, writing))


def parts_of(desk: Desk) -> Sequence[Part] | None:
    """The files that a desk on a llama-server plays; None on any other engine."""
    parts: Sequence[Part] | None = getattr(desk.engine, "parts", None)
    return parts


def folders_of(desk: Desk) -> Mapping[str, Path] | None:
    """The PEFT folders that a desk on a vLLM server mixes; None on any other engine.

    Raises:
        ValueError: one of them is not what is mixed any more.
    """
    folders: Mapping[str, Path] | None = getattr(desk.engine, "folders", None)
    return folders


def folder_of(desk: Desk, name: str) -> Path | None:
    """The PEFT folder that an adapter on a llama-server was split from; None if it came from a GGUF file."""
    own = [part for part in parts_of(desk) or () if part.adapter == name]
    source = source_of(own[0].path.parent) if own else None
    return source if source is not None and source.is_dir() else None


def gains_by_target(parts: Sequence[Part], mix: Mix, name: str) -> dict[str, float]:
    """The gain of each target of an adapter: a part of a server's may hold several."""
    return {target: mix.gain(part.fader) for part in parts if part.adapter == name for target in part.targets}


def _of_server(parts: Sequence[Part], mix: Mix, names: Sequence[str], writing: Writing) -> Start:
    weights, faders = [], {}
    for name in names:
        source = source_of(next(part for part in parts if part.adapter == name).path.parent)
        if source is None or source.is_file():
            raise ValueError(
                f"{name!r} came from a GGUF file, of which no PEFT adapter can be made: bake it as a GGUF file"
            )
        if not source.is_dir():
            raise ValueError(f"{source}, from which {name!r} was loaded, is gone: bake it as a GGUF file")
        own, gains = read_weights(source, name), gains_by_target(parts, mix, name)
        if odd := next((target.name for target in own.targets if _in_llama(target.name) not in gains), None):
            raise ValueError(f"{source} is not what {name!r} was loaded from any more (it has {odd}): load it again")
        modules = {target.name: gains[_in_llama(target.name)] for target in own.targets}
        faders[name] = Faders(on=mix[name].on, modules=modules, rank=mix[name].rank, energy=mix[name].energy)
        weights.append(own)
    mine = [part for part in parts if part.adapter in names]
    return Start(weights, Mix(faders), ValuesChecker(partial(_played, mine, mix), writing))


def _of_folders(folders: Mapping[str, Path], mix: Mix, names: Sequence[str], writing: Writing) -> Start:
    weights = [read_weights(folders[name], name) for name in names]

    def played() -> dict[str, list[float]]:
        from .summing import Piece, values_of_sum

        together: dict[str, list[Any]] = {}
        for own in weights:
            for target in own.targets:
                together.setdefault(target.name, []).append(Piece.of(own, target, mix.gain(target)))
        return {name: values_of_sum(pieces) for name, pieces in together.items()}

    return Start(weights, mix, ValuesChecker(played, writing))


def _in_llama(target: str) -> str:
    found = _EXPERT.fullmatch(target)
    return f"{found['all']}.{found['kind']}" if found else target


@dataclass(frozen=True)
class ValuesChecker:
    """Compares an adapter's folder with what a server plays, by the singular values of what both add.

    llama.cpp has some rows in another order, which those do not know.
    """

    played: Callable[[], dict[str, list[float]]]
    writing: Writing

    def __call__(self, folder: Path) -> Compared:
        if not self.writing.check:
            return Compared(why_unchecked="not asked for")
        found, wanted = self._written(folder), self.played()
        off = whole = 0.0
        for target in {**wanted, **found}:
            ours, theirs = found.get(target, []), wanted.get(target, [])
            # What was left out on purpose is told besides (`kept`).
            count = sum(value > 1e-9 * max(ours, default=0.0) for value in ours)
            size = max(len(theirs), count)
            pairs = zip(_filled(ours, size)[:count], _filled(theirs, size)[:count], strict=True)
            off += math.fsum((one - other) ** 2 for one, other in pairs)
            whole += math.fsum(value * value for value in theirs)
        return Compared(numbers_off=math.sqrt(off / whole) if whole else math.sqrt(off))

    def _written(self, folder: Path) -> dict[str, list[float]]:
        from ..measure.spectrum import spectrum_weights

        [spectra] = spectrum_weights([read_weights(folder, "written")]).adapters.values()
        found: dict[str, list[float]] = {}
        for one in spectra:
            found.setdefault(_in_llama(one.target.name), []).extend(one.values)
        return {name: sorted(values, reverse=True) for name, values in found.items()}


def _played(parts: Sequence[Part], mix: Mix) -> dict[str, list[float]]:
    """The singular values of what files add that a llama-server plays, by target."""
    from .llama_layout import llama_weights_of_parts
    from .summing import Piece, values_of_sum

    together: dict[str, list[Any]] = {}
    for name in dict.fromkeys(part.adapter for part in parts):
        weights = llama_weights_of_parts([part for part in parts if part.adapter == name]).weights
        gains = gains_by_target(parts, mix, name)
        for target in weights.targets:
            together.setdefault(target.name, []).append(Piece.of(weights, target, gains[target.name]))
    return {name: values_of_sum(pieces) for name, pieces in together.items()}


def _filled(values: Sequence[float], size: int) -> list[float]:
    return [*values, *[0.0] * (size - len(values))]


def spelled_out(parts: Sequence[Part], mix: Mix, names: Sequence[str]) -> Mix:
    """The same gains, each under the target's own name."""
    return Mix(
        {
            name: Faders(modules=gains_by_target(parts, mix, name), rank=mix[name].rank, energy=mix[name].energy)
            for name in names
        }
    )
