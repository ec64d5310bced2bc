"""One file of an adapter that was split: what it holds, and the fader that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ...json_text import from_json, to_json
from ...target import Adapter, Target
from .gguf_adapter import read_gguf_adapter

#: In the folder of an adapter's parts: what they are.
LIST = "parts.json"
_VERSION = 1
_KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Part:
    """A file that a llama-server loads, and that one fader moves.

    Attributes:
        path: where it is, absolute.
        adapter: the adapter that it is a part of.
        target: the module that it adapts, by its name in transformers: `model.layers.3.self_attn.q_proj`. Where a part
            holds several: a name for them, `model.layers.0-3.self_attn.q_proj`.
        targets: all that it adapts, one for each weight in the file: a target may be two (gate and up of experts).
        kind: the last part of that name.
        layer: the block that it is in; None for none, or for several.
        rank: r, the largest of several.
        scaling: the factor on what it adds as loaded, alpha / r.
        parameters: how many numbers it holds.
        rank_stabilised: whether its maker scaled the adapter by the square root of the rank.
        start: the scale that its server was started with, which is in `scaling` then.
    """

    path: Path
    adapter: str
    target: str
    targets: tuple[str, ...]
    kind: str
    layer: int | None
    rank: int
    scaling: float
    parameters: int
    rank_stabilised: bool = False
    start: float = 1.0

    @property
    def fader(self) -> Target:
        """What a desk moves."""
        return Target(
            adapter=self.adapter,
            name=self.target,
            layer=self.layer,
            kind=self.kind,
            rank=self.rank,
            alpha=self.scaling * self.rank,
            scaling=self.scaling,
            scalable=True,
            modules=len(self.targets),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON; of its path the name alone, so that a folder can be moved."""
        plain = {name: getattr(self, name) for name in _FIELDS}
        return {"file": self.path.name, **plain, "targets": list(self.targets)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path) -> Part:
        """The part that `to_dict` wrote, in that folder."""
        fields = {name: data[name] for name in _FIELDS}
        return cls(path=folder / Path(str(data["file"])).name, targets=tuple(data["targets"]), **fields)


_FIELDS = ("adapter", "target", "kind", "layer", "rank", "scaling", "parameters", "rank_stabilised")


def adapters_of(parts: Sequence[Part], parameters: int = 0) -> dict[str, Adapter]:
    """The adapters that parts make up, as a desk has them.

    Args:
        parts: of one or several adapters.
        parameters: how many numbers the base model holds; 0 where nobody knows.

    Raises:
        ValueError: two parts of one adapter are called alike.
    """
    by_name: dict[str, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.adapter, []).append(part)
    found = {}
    for name, own in by_name.items():
        targets = tuple(sorted((part.fader for part in own), key=_place))
        if len({target.name for target in targets}) < len(targets):
            raise ValueError(f"two parts of {name!r} are for the same target: were they split twice?")
        size = sum(part.parameters for part in own)
        share = size / parameters if parameters else 0.0
        found[name] = Adapter(name, "lora", targets, size, share, any(part.rank_stabilised for part in own))
    return found


def _place(target: Target) -> tuple[float, int]:
    """Where a fader stands among others: by its layer, and in a layer as models of transformers have them."""
    kinds = len(_KINDS) if target.kind not in _KINDS else _KINDS.index(target.kind)
    return float("inf") if target.layer is None else target.layer, kinds


def listed(parts: Sequence[Part], source: Path) -> str:
    """What is written into the folder of parts, for `read_parts`."""
    return to_json({"version": _VERSION, "source": str(source), "parts": [part.to_dict() for part in parts]})


def read_parts(folder: Path) -> tuple[Part, ...]:
    """The parts in a folder that an adapter was split into.

    Raises:
        ValueError: there are none, or one of them is gone.
    """
    path = folder.resolve() / LIST
    try:
        data = from_json(path.read_bytes())
        if data["version"] != _VERSION:
            raise ValueError(f"it is of version {data['version']}")
        parts = tuple(Part.from_dict(one, path.parent) for one in data["parts"])
    except OSError as error:
        raise ValueError(f"{folder} holds no parts of an adapter: split it first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error}): split the adapter again") from error
    if gone := [part.path.name for part in parts if not part.path.is_file()]:
        raise ValueError(f"{folder} lacks {gone[0]}: split the adapter again")
    return parts


def source_of(folder: Path) -> Path | None:
    """Where the adapter is that the parts in a folder were made of; None where their list does not tell."""
    try:
        return Path(str(from_json((folder / LIST).read_bytes())["source"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def parts_at(paths: Sequence[str]) -> tuple[Part, ...]:
    """The parts that a server on this machine has loaded, by the paths that it names.

    A file beside which there is a list of parts is one of those; any other has one fader for all of it.

    Raises:
        ValueError: one of them cannot be read here.
    """
    known: dict[Path, dict[Path, Part]] = {}
    found: dict[Path, Part | None] = {}
    for path in (Path(path).resolve() for path in paths):
        folder = path.parent
        if folder not in known:
            listed = read_parts(folder) if (folder / LIST).is_file() else ()
            known[folder] = {part.path.resolve(): part for part in listed}
        found[path] = known[folder].get(path)
    taken = {part.adapter for part in found.values() if part}
    return tuple(part or unsplit(path, _free(path.stem, taken)) for path, part in found.items())


def parts_of(desk: Any) -> Sequence[Part] | None:
    """The files that a desk on a llama-server plays; None on any other engine."""
    parts: Sequence[Part] | None = getattr(desk.engine, "parts", None)
    return parts


def _free(name: str, taken: set[str]) -> str:
    """A name for one more adapter: two files may be called alike."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def unsplit(path: Path | str, name: str | None = None) -> Part:
    """A GGUF adapter as it is, with one fader for all of it.

    Raises:
        GGUFError: it is damaged, or no adapter.
    """
    path = Path(path).expanduser()
    file = read_gguf_adapter(path)
    ranks = [tensor.shape[-1] for key, tensor in file.tensors.items() if key.endswith(".lora_b")]
    rank, alpha = max(ranks, default=1), float(file.fields.get("adapter.lora.alpha", 0.0))
    tensors = tuple(key.removesuffix(".lora_a") for key in file.tensors if key.endswith(".lora_a"))
    size = sum(prod(tensor.shape) for tensor in file.tensors.values())
    # llama.cpp takes an alpha of 0 for none.
    scaling = alpha / rank if alpha else 1.0
    return Part(path.resolve(), name or path.stem, "adapter", tensors, "adapter", None, rank, scaling, size)
