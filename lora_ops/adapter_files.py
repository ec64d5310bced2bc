"""What an adapter on disk is, from its configuration and the header of its weights; no weights are loaded.

Whatever a file claims is checked against the rest of it, since adapters come from strangers. Nothing here runs code
from a file, and nothing is read of the weights but their header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import prod, sqrt
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .mix import explain
from .target import kind_of, layer_of

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLES = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth", "adapter_model.ckpt")
#: A configuration takes kilobytes, the header of 18,000 targets some megabytes: more is no adapter.
MOST_CONFIG, MOST_HEADER = 4 * 2**20, 64 * 2**20

_CHECKPOINT = re.compile(r"checkpoint[-_](\d{1,12})(?!\d)")
#: What PEFT puts in front of the base model's own names.
_PREFIX = "base_model.model."
#: The tensors of one target, by method; what `(...)` catches is the module.
_TENSOR = re.compile(
    r"(?P<module>.+?)\.(?P<part>lora_(?:embedding_)?[AB]|lora_magnitude_vector|lora_E|lora_ranknum"
    r"|hada_[wt][12](?:_[ab])?|lokr_(?:w[12](?:_[ab])?|t2)"
    r"|(?:ia3|vera|oft|boft|hra|ln_tuning|fourierft|bone|road|shira|miss|randlora|vblora|c3a|waveft|delora)_\w+)"
    r"(?P<last>\.weight|\.bias)?"
)
#: A pattern that is a plain name, perhaps escaped and anchored: the only kind that is looked up here, since a regular
#: expression from a stranger's file could take for ever.
_PLAIN = re.compile(r"\^?((?:[\w/-]|\\?\.)+)\$?")
#: Initialisations that take something away from the base model's weights when the adapter is loaded.
_REWRITES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica", "kasa")


class AdapterFileError(ValueError):
    """An adapter on disk that is damaged, or not one; the message names the file, the field, and what is wrong."""


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


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter in a folder.

    Attributes:
        folder: where it is.
        method: "lora", "dora", "loha", "lokr", or the PEFT name of another method in lower case.
        rank_stabilised: whether scaling is alpha / sqrt(r).
        targets: what it adapts, in the order of its file.
        saved: modules that it holds a full copy of (`modules_to_save`).
        copies: tensors of the base model itself that were saved along, by their names in the file (embeddings, mostly).
        base_model: the model that it was trained on, as its configuration names it; perhaps empty.
        parameters: how many numbers it holds, without `copies`.
        dtype: how most of them are stored, "float32".
        size: of the weights' file, in bytes.
        time: when the weights were written, in seconds since 1970.
        step: the training step of a checkpoint, or None.
        changes_base: why it would change the base model for good when it is loaded; empty if it does not.
        problems: what is odd about it, though it can be read.
        config: the configuration as it stands in the file.
        metadata: what its weights' file says about itself.
    """

    folder: Path
    method: str
    rank_stabilised: bool
    targets: tuple[FileTarget, ...]
    saved: tuple[str, ...]
    copies: tuple[str, ...]
    base_model: str
    parameters: int
    dtype: str
    size: int
    time: float
    step: int | None
    changes_base: str
    problems: tuple[str, ...]
    config: Mapping[str, Any] = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that occur, ascending."""
        return tuple(sorted({target.rank for target in self.targets if target.rank}))

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """The alphas that occur, ascending."""
        return tuple(sorted({target.alpha for target in self.targets if target.rank}))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of the file."""
        return tuple(dict.fromkeys(target.kind for target in self.targets))

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """The layers that occur, ascending."""
        return tuple(sorted({target.layer for target in self.targets if target.layer is not None}))

    @property
    def peft_type(self) -> str:
        """PEFT's own name of the method, in upper case."""
        return str(self.config["peft_type"]).upper()

    def content_hash(self) -> str:
        """The SHA-256 of the weights' file, as `sha256sum` prints it; reads all of it, the first time.

        Raises:
            AdapterFileError: it cannot be read any more.
        """
        path = self.folder / WEIGHTS
        try:
            return _hash(path, _stamp(path))
        except OSError as error:
            raise AdapterFileError(f"{path} cannot be read: {error.strerror or error}") from error


def read_adapter(folder: Path | str, within: Path | None = None) -> AdapterFiles:
    """The adapter in `folder`.

    Args:
        folder: a folder with adapter_config.json and adapter_model.safetensors.
        within: the folder that neither it nor its files may leave by symbolic links; without it `folder` itself.

    Raises:
        AdapterFileError: it is damaged, a pickle, or claims what cannot be.
    """
    folder = Path(folder)
    root = (within or folder).resolve()
    paths = [_file(folder, name, root) for name in (CONFIG, WEIGHTS)]
    try:
        return _read(folder, *paths, *map(_stamp, paths))
    except OSError as error:
        raise AdapterFileError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error


def looks_like_adapter(folder: Path) -> bool:
    """Whether there is anything of an adapter in `folder`, damaged or not."""
    return any((folder / name).is_file() for name in (CONFIG, WEIGHTS, *PICKLES))


def _file(folder: Path, name: str, root: Path) -> Path:
    path = folder / name
    resolved = path.resolve()
    if not resolved.is_relative_to(root):
        raise AdapterFileError(
            f"{path} leads out of {root} by a symbolic link: copy the adapter's files into its folder"
        )
    if path.is_file():
        return path
    if not folder.is_dir():
        raise AdapterFileError(f"there is no folder {folder}")
    pickle = next((pickle for pickle in PICKLES if (folder / pickle).is_file()), None)
    if name == WEIGHTS and pickle:
        raise AdapterFileError(
            f"{folder / pickle} is a pickle, and there is no {WEIGHTS} beside it. A pickle can run any code, so it is "
            f"not loaded: save the adapter as safetensors"
        )
    raise AdapterFileError(f"there is no {name} in {folder}, so it is no adapter")


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=64)
def _hash(path: Path, _stamp: tuple[int, int]) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest()


@lru_cache(maxsize=2048)
def _read(
    folder: Path, config_path: Path, weights_path: Path, _config_stamp: Any, weights_stamp: tuple[int, int]
) -> AdapterFiles:
    """Kept for as long as neither file changes: a shelf of hundreds is looked at again and again."""
    written, size = weights_stamp
    raw = _json(config_path)
    config = _config(config_path, raw)
    tensors, metadata = _header(weights_path, size)
    parts = _Parts.of(tensors, config)
    targets = tuple(_targets(config, config_path, parts, weights_path))
    method = config.peft_type.lower()
    _check_patterns(config, config_path, targets)
    return AdapterFiles(
        folder=folder,
        method="dora" if method == "lora" and config.use_dora else method,
        rank_stabilised=bool(config.use_rslora),
        targets=targets,
        saved=parts.saved,
        copies=parts.copies,
        base_model=config.base_model_name_or_path or "",
        parameters=sum(prod(tensor.shape) for name, tensor in tensors.items() if name not in parts.copies),
        dtype=_main_dtype(tensors),
        size=size,
        time=written / 1e9,
        step=_step(folder),
        changes_base=_changes_base(config),
        problems=tuple(_problems(folder, config, targets, parts)),
        config=raw,
        metadata=metadata,
    )


# -- the configuration


Rank = Annotated[int, Field(strict=True, ge=1)]
Alpha = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]


class _Config(BaseModel):
    """What is read of adapter_config.json; what else stands in it is PEFT's business."""

    model_config = ConfigDict(extra="ignore")

    peft_type: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_]{1,40}$")]
    base_model_name_or_path: str | None = None
    r: Rank | None = None
    lora_alpha: Alpha | None = None
    alpha: Alpha | None = None
    rank_pattern: dict[str, Rank] | None = None
    alpha_pattern: dict[str, Alpha] | None = None
    use_rslora: Switch | None = None
    use_dora: Switch | None = None
    bias: str | None = None
    target_modules: list[str] | str | None = None
    target_parameters: list[str] | None = None
    modules_to_save: list[str] | None = None
    init_lora_weights: bool | str | None = None
    init_weights: bool | str | None = None
    layer_replication: list[Any] | None = None
    megatron_config: dict[str, Any] | None = None


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MOST_CONFIG:
        raise AdapterFileError(f"{path} is larger than {MOST_CONFIG // 2**20} MiB: that is no configuration")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise AdapterFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise AdapterFileError(f"{path} holds no JSON object")
    return data


def _config(path: Path, data: dict[str, Any]) -> _Config:
    try:
        config = _Config.model_validate(data)
    except ValidationError as error:
        raise AdapterFileError(f"{path}: {explain(error)}") from None
    if config.peft_type.upper() == "LORA":
        for name in ("r", "lora_alpha"):
            if getattr(config, name) is None:
                raise AdapterFileError(f"{path}: {name} is missing")
    return config


def _changes_base(config: _Config) -> str:
    start = str(config.init_lora_weights or "").lower()
    if rewrites := next((name for name in _REWRITES_BASE if start.startswith(name)), ""):
        return (
            f"init_lora_weights is {rewrites!r}, with which PEFT takes a part out of the base model's weights for "
            "good: save it as plain LoRA (PEFT's path_initial_model_for_weight_conversion)"
        )
    if config.layer_replication:
        return "layer_replication repeats layers of the base model"
    if config.megatron_config:
        return "megatron_config asks for another library's layers"
    if config.bias not in (None, "none"):
        return f"bias is {config.bias!r}: it replaces biases of the base model for good"
    return ""


def _check_patterns(config: _Config, path: Path, targets: Iterable[FileTarget]) -> None:
    """PEFT makes room for whatever rank is named, before it looks at the weights."""
    largest = max((target.rank for target in targets), default=0) or 4096
    for name, rank in (config.rank_pattern or {}).items():
        if rank > largest:
            raise AdapterFileError(
                f"{path}: rank_pattern asks for rank {rank} in {name[:80]!r}; no weight has that rank"
            )
    if config.r is not None and config.r > largest and config.r > 4096:
        raise AdapterFileError(f"{path}: r is {config.r}, and no weight has that rank")


def _pattern(patterns: Mapping[str, Any] | None, name: str, default: Any) -> tuple[Any, bool]:
    """The value for a target, by PEFT's rule (the first pattern that matches its end), and whether that is sure."""
    sure = True
    for pattern, value in (patterns or {}).items():
        plain = _PLAIN.fullmatch(pattern)
        if plain is None:
            sure = False
            continue
        ending = plain.group(1).replace("\\.", ".")
        if name == ending or (not pattern.startswith("^") and name.endswith(f".{ending}")):
            return value, sure
    return default, sure


# -- the header of the weights


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: tuple[int, ...]
    dtype: str


def _header(path: Path, size: int) -> tuple[dict[str, _Tensor], dict[str, str]]:
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
                tensors[name] = _Tensor(tuple(part.get_shape()), str(part.get_dtype()))
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise AdapterFileError(f"{path} is damaged or cut off: {reason}") from error


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def _main_dtype(tensors: Mapping[str, _Tensor]) -> str:
    counts: dict[str, int] = {}
    for tensor in tensors.values():
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + prod(tensor.shape)
    most = max(counts, key=lambda dtype: counts[dtype], default="")
    return _DTYPES.get(most, most.lower())


@dataclass(frozen=True)
class _Parts:
    """The tensors of a file, sorted into what they belong to.

    Attributes:
        modules: of each adapted module, its tensors by PEFT's name of them.
        saved: modules of which there is a full copy.
        copies: names in the file of the base model's own weights.
        unknown: names that mean nothing.
    """

    modules: Mapping[str, Mapping[str, _Tensor]]
    saved: tuple[str, ...]
    copies: tuple[str, ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, tensors: Mapping[str, _Tensor], config: _Config) -> _Parts:
        modules: dict[str, dict[str, _Tensor]] = {}
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


def _targets(config: _Config, config_path: Path, parts: _Parts, path: Path) -> Iterable[FileTarget]:
    method = config.peft_type.upper()
    for module, tensors in parts.modules.items():
        name = module.replace(".base_layer", "")  # experts' weights are wrapped once for each parameter
        base = FileTarget(name, layer_of(name), kind_of(name))
        if method == "LORA" and not config.target_parameters:
            yield _lora(base, tensors, config, config_path, path)
        elif method == "LORA":
            yield _with_scaling(base, config, _pattern(config.rank_pattern, name, config.r)[0])
        elif method in ("LOHA", "LOKR"):
            yield _with_scaling(base, config, _pattern(config.rank_pattern, name, config.r)[0] or 0)
        else:
            yield base


def _lora(
    base: FileTarget, tensors: Mapping[str, _Tensor], config: _Config, config_path: Path, path: Path
) -> FileTarget:
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
    expected, sure = _pattern(config.rank_pattern, base.name, config.r)
    if sure and expected != rank:
        named = "r" if expected == config.r else "rank_pattern"
        raise AdapterFileError(f"{config_path}: {named} gives {base.name} rank {expected}, and its weights have {rank}")
    sized = FileTarget(
        base.name, base.layer, base.kind, inputs=first.shape[1], outputs=second.shape[0], embedding=bool(at)
    )
    return _with_scaling(sized, config, rank)


def _with_scaling(target: FileTarget, config: _Config, rank: int) -> FileTarget:
    given = config.lora_alpha if config.lora_alpha is not None else config.alpha
    alpha = float(_pattern(config.alpha_pattern, target.name, given if given is not None else 0.0)[0])
    scaling = alpha / (sqrt(rank) if config.use_rslora else rank) if rank else 0.0
    return FileTarget(
        target.name, target.layer, target.kind, rank, alpha, scaling, target.inputs, target.outputs, target.embedding
    )


# -- what else there is to say


def _step(folder: Path) -> int | None:
    """Of a training checkpoint: from its name, or what the trainer wrote beside it."""
    if found := _CHECKPOINT.search(folder.name):
        return int(found.group(1))
    state = folder / "trainer_state.json"
    try:
        if state.is_symlink() or not state.is_file() or state.stat().st_size > MOST_CONFIG:
            return None
        step = json.loads(state.read_text(encoding="utf-8")).get("global_step")
    except (OSError, ValueError, RecursionError, AttributeError):
        return None
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None


def _problems(folder: Path, config: _Config, targets: tuple[FileTarget, ...], parts: _Parts) -> Iterable[str]:
    if not targets:
        yield "it adapts nothing"
    if silent := [target.name for target in targets if target.rank and target.alpha == 0]:
        yield f"alpha is 0 in {_some(silent)}: nothing of it is heard"
    if parts.unknown:
        yield f"it holds what is no adapter weight: {_some(parts.unknown)}"
    if isinstance(config.target_modules, list) and not config.target_parameters:
        names = [target.name for target in targets]
        idle = [asked for asked in config.target_modules if not any(f".{name}".endswith(f".{asked}") for name in names)]
        # Of a list of full names (as "all-linear" is saved by some versions) a few may be left out on purpose.
        if idle and len(idle) < len(config.target_modules):
            yield f"target_modules names {_some(sorted(idle))}, of which there are no weights"
    if not all(_pattern(config.alpha_pattern, target.name, 0)[1] for target in targets):
        yield "alpha_pattern holds regular expressions: the alphas shown may be others"
    if pickles := [name for name in PICKLES if (folder / name).is_file()]:
        yield f"there is a pickle beside it, which is not loaded: {_some(pickles)}"


def _some(names: Iterable[str]) -> str:
    names = [name if len(name) <= 100 else f"{name[:100]}…" for name in names]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
