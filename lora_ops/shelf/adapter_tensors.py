"""What the header of an adapter's weights tells: its tensors, and the targets that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod, sqrt
from pathlib import Path
from typing import Any

from ..target import kind_of, layer_of
from .adapter_config import AdapterFileError, Config, pattern_value

#: The header of 18,000 targets takes some megabytes.
MOST_HEADER = 64 * 2**20
#: What PEFT puts in front of the base model's own names.
_PREFIX = "base_model.model."
#: The tensors of one target, by method; what `(...)` catches is the module.
_TENSOR = re.compile(
    r"(?P<module>.+?)\.(?P<part>lora_(?:embedding_)?[AB]|lora_magnitude_vector|lora_E|lora_ranknum"
    r"|hada_[wt][12](?:_[ab])?|lokr_(?:w[12](?:_[ab])?|t2)"
    r"|(?:ia3|vera|oft|boft|hra|ln_tuning|fourierft|bone|road|shira|miss|randlora|vblora|c3a|waveft|delora)_\w+)"
    r"(?P<last>\.weight|\.bias)?"
)


@dataclass(frozen=True, slots=True)
class FileTarget:
    """One target, as the files tell.

    Attributes:
        name: the module's path in the base model, as far as the file knows it.
        layer: the index of the decoder block it sits in, or None.
        kind: the last part of its name.
        rank: r of this target, 0 where the method has none.
        alpha: alpha of this target, 0 where the method has none.
        scaling: the factor on its output when it is loaded, 0 where there is none.
        inputs, outputs: the sizes that the module must have; 0 where the file does not tell.
        embedding: whether it adapts an embedding, whose inputs are token ids.
    """

    name: str
    layer: int | None
    kind: str
    rank: int = 0
    alpha: float = 0.0
    scaling: float = 0.0
    inputs: int = 0
    outputs: int = 0
    embedding: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    shape: tuple[int, ...]
    dtype: str


def read_header(path: Path, size: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The names, shapes and dtypes of the tensors in a file, whose offsets and length have been checked."""
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise AdapterFileError(f"{path} is cut off: its header says {length} bytes, and the file has {size}")
    if length > MOST_HEADER:
        raise AdapterFileError(f"{path}: its header of {length} bytes is larger than {MOST_HEADER // 2**20} MiB")
    try:
        with safe_open(str(path), framework="numpy") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118
                part = file.get_slice(name)
                tensors[name] = Tensor(tuple(part.get_shape()), str(part.get_dtype()))
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise AdapterFileError(f"{path} is damaged or cut off: {reason}") from error


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def main_dtype(tensors: Mapping[str, Tensor]) -> str:
    """How most of the numbers are stored, in torch's words."""
    counts: dict[str, int] = {}
    for tensor in tensors.values():
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + prod(tensor.shape)
    most = max(counts, key=lambda dtype: counts[dtype], default="")
    return _DTYPES.get(most, most.lower())


@dataclass(frozen=True)
class Parts:
    """The tensors of a file, sorted into what they belong to.

    Attributes:
        modules: of each adapted module, its tensors by PEFT's name of them.
        saved: modules of which there is a full copy.
        copies: names in the file of the base model's own weights.
        unknown: names that mean nothing.
    """

    modules: Mapping[str, Mapping[str, Tensor]]
    saved: tuple[str, ...]
    copies: tuple[str, ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], config: Config) -> Parts:
        """The tensors of a file, sorted."""
        modules: dict[str, dict[str, Tensor]] = {}
        saved: dict[str, None] = {}
        base, unknown = [], []
        copies = config.modules_to_save or []
        for key in sorted(tensors, key=_natural):
            name = key.removeprefix(_PREFIX)
            found = _TENSOR.fullmatch(name)
            owner = name.rpartition(".")[0]
            if copy := next((copy for copy in copies if _is_in(owner, copy)), None):
                saved[owner[: _end_of(owner, copy)]] = None
            elif found and (found["last"] != ".bias" or found["part"] in ("lora_B", "lora_embedding_B")):
                part = found["part"] + (".bias" if found["last"] == ".bias" else "")
                modules.setdefault(found["module"], {})[part] = tensors[key]
            elif name.endswith((".trainable_tokens_delta", ".prompt_embeddings")) or name == "prompt_embeddings":
                modules.setdefault(owner.removesuffix(".token_adapter") or name, {})[kind_of(name)] = tensors[key]
            elif key.startswith(_PREFIX) and name.endswith((".weight", ".bias")):
                base.append(key)
            else:
                unknown.append(key)
        return cls(modules, tuple(saved), tuple(base), tuple(unknown))


def _is_in(owner: str, module: str) -> bool:
    return f".{module}." in f".{owner}."


def _end_of(owner: str, module: str) -> int:
    return f".{owner}.".index(f".{module}.") + len(module)


def _natural(text: str) -> list[tuple[int, Any]]:
    """Sorts `layers.2` before `layers.10`."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d{1,12})", text)]


#: Tensors whose first size is the rank.
_RANKED = ("hada_w1_b", "hada_w2_b", "lokr_w1_b", "lokr_w2_b")


def targets_of(config: Config, config_path: Path, parts: Parts, path: Path) -> Iterable[FileTarget]:
    """The targets that a file holds weights of.

    Args:
        config: of the adapter.
        config_path: where it stands, for messages.
        parts: the tensors of the file.
        path: where they are, for messages.

    Raises:
        AdapterFileError: a rank in the configuration is not that of the weights, or a pair of matrices is none.
    """
    method = config.peft_type.upper()
    for module, tensors in parts.modules.items():
        name = module.replace(".base_layer", "")  # experts' weights are wrapped once for each parameter
        base = FileTarget(name, layer_of(name), kind_of(name))
        if method == "LORA" and not config.target_parameters:
            yield _lora(base, tensors, config, config_path, path)
        elif method in ("LORA", "LOHA", "LOKR"):
            yield _with_scaling(base, config, _believed_rank(base, tensors, config, config_path))
        else:
            yield base


def _believed_rank(base: FileTarget, tensors: Mapping[str, Tensor], config: Config, config_path: Path) -> int:
    """The rank that the configuration gives, where the weights alone do not tell it, if they do not gainsay it."""
    rank, sure = pattern_value(config.rank_pattern, base.name, config.r)
    if rank is None:
        return 0
    sizes = [tensors[name].shape[0] for name in _RANKED if name in tensors and tensors[name].shape]
    wrong = sure and any(size != rank for size in sizes)
    if experts := tensors.get("lora_A"):  # the pairs of all experts, one below the other
        wrong = wrong or not experts.shape or experts.shape[0] % int(rank) != 0
    if wrong:
        raise AdapterFileError(f"{config_path}: r is {rank}, and the weights of {base.name} have another")
    return int(rank)


def _lora(base: FileTarget, tensors: Mapping[str, Tensor], config: Config, config_path: Path, path: Path) -> FileTarget:
    pair = [(tensors.get(f"{prefix}A"), tensors.get(f"{prefix}B")) for prefix in ("lora_", "lora_embedding_")]
    at = 0 if any(pair[0]) else 1
    first, second = pair[at]
    if first is None or second is None:
        if "trainable_tokens_delta" in tensors:
            return base
        missing = ("A", "B")[first is not None]
        raise AdapterFileError(f"{path}: {base.name} has no lora_{'embedding_' if at else ''}{missing}")
    if len(first.shape) < 2 or len(second.shape) < 2 or first.shape[0] != second.shape[1]:
        raise AdapterFileError(
            f"{path}: the shapes of A {first.shape} and B {second.shape} of {base.name} do not agree"
        )
    rank = first.shape[0]
    if rank < 1:
        raise AdapterFileError(f"{path}: {base.name} has rank 0")
    expected, sure = pattern_value(config.rank_pattern, base.name, config.r)
    if sure and expected != rank:
        named = "r" if expected == config.r else "rank_pattern"
        raise AdapterFileError(f"{config_path}: {named} gives {base.name} rank {expected}, and its weights have {rank}")
    sized = FileTarget(
        base.name, base.layer, base.kind, inputs=first.shape[1], outputs=second.shape[0], embedding=bool(at)
    )
    return _with_scaling(sized, config, rank)


def _with_scaling(target: FileTarget, config: Config, rank: int) -> FileTarget:
    given = config.lora_alpha if config.lora_alpha is not None else config.alpha
    alpha = float(pattern_value(config.alpha_pattern, target.name, given if given is not None else 0.0)[0])
    scaling = alpha / (sqrt(rank) if config.use_rslora else rank) if rank else 0.0
    return FileTarget(
        target.name, target.layer, target.kind, rank, alpha, scaling, target.inputs, target.outputs, target.embedding
    )


def check_patterns(config: Config, path: Path, targets: Iterable[FileTarget]) -> None:
    """Refuses ranks that nothing in the file has: PEFT makes room for them before it looks at the weights.

    Raises:
        AdapterFileError: naming the field.
    """
    largest = max((target.rank for target in targets), default=0) or 4096
    for name, rank in (config.rank_pattern or {}).items():
        if rank > largest:
            raise AdapterFileError(
                f"{path}: rank_pattern asks for rank {rank} in {name[:80]!r}; no weight has that rank"
            )
    if config.r is not None and config.r > largest and config.r > 4096:
        raise AdapterFileError(f"{path}: r is {config.r}, and no weight has that rank")


def some(names: Iterable[str]) -> str:
    """The first few of these names, for a message."""
    names = [name if len(name) <= 100 else f"{name[:100]}…" for name in names]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
