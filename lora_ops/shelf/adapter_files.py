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
from math import prod
from pathlib import Path
from typing import Any

from .adapter_config import (
    MOST_CONFIG,
    AdapterFileError,
    Config,
    as_meant,
    read_config,
    read_object,
    why_changes_base,
)
from .adapter_folder import CONFIG, PICKLES, WEIGHTS, own_file, snapshot_of
from .adapter_keys import KeysError, peft_keys
from .adapter_tensors import Parts
from .file_targets import FileTarget, check_patterns, targets_of
from .header import main_dtype, read_header
from .known_fields import ignored_fields

__all__ = ["CONFIG", "WEIGHTS", "AdapterFileError", "AdapterFiles", "FileTarget", "looks_like_adapter", "read_adapter"]

_CHECKPOINT = re.compile(r"checkpoint[-_](\d{1,12})(?!\d)")


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter in a folder.

    Attributes:
        folder: where it is.
        method: "lora", "dora", "loha", "lokr", or the PEFT name of another method in lower case.
        rank_stabilised: whether scaling is alpha / sqrt(r).
        targets: what it adapts, in the order of its file.
        saved: modules that it holds a full copy of (`modules_to_save`).
        copies: tensors of the base model itself that were saved along, by PEFT's names of them (embeddings, mostly).
        whole: the sizes of the tensors of `saved` and `copies`, by their names in the base model.
        names: PEFT's names of tensors that are called otherwise in the file, by those.
        base_model: the model that it was trained on, as its configuration names it; perhaps empty.
        parameters: how many numbers it holds, without `copies`.
        dtype: how most of them are stored, "float32".
        size: of the weights' file, in bytes.
        time: when the weights were written, in seconds since 1970.
        step: the training step of a checkpoint, or None.
        changes_base: why it would change the base model for good when it is loaded; empty if it does not.
        problems: what is odd about it, though it can be read.
        config: what stands in its configuration, but for fields that are null; its words are in PEFT's spelling.
        metadata: what its weights' file says about itself.
    """

    folder: Path
    method: str
    rank_stabilised: bool
    targets: tuple[FileTarget, ...]
    saved: tuple[str, ...]
    copies: tuple[str, ...]
    whole: Mapping[str, tuple[int, ...]]
    names: Mapping[str, str]
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
        return str(self.config["peft_type"])

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


def content_hashes(folders: Mapping[str, Path | None]) -> dict[str, str]:
    """The content hash of each adapter whose folder is known and can be read, by its name."""
    found = {}
    for name, folder in folders.items():
        if folder is None:
            continue
        try:
            found[name] = read_adapter(folder).content_hash()
        except AdapterFileError:  # its files have changed or gone since
            continue
    return found


def read_adapter(folder: Path | str, within: Path | None = None) -> AdapterFiles:
    """The adapter in `folder`.

    Args:
        folder: a folder with adapter_config.json and adapter_model.safetensors, or a model in the hub's cache. It may
            be a link to a folder elsewhere.
        within: a folder that its files may be in, too: they must not leave their own by symbolic links otherwise.

    Raises:
        AdapterFileError: it is damaged, a pickle, or claims what cannot be.
    """
    folder = snapshot_of(Path(folder))
    try:
        paths = [own_file(folder, name, within) for name in (CONFIG, WEIGHTS)]
        return _read(folder, *paths, *map(_stamp, paths))
    except OSError as error:
        raise AdapterFileError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error


def looks_like_adapter(folder: Path) -> bool:
    """Whether there is anything of an adapter in `folder`, damaged or not."""
    folder = snapshot_of(folder)
    return any((folder / name).is_file() for name in (CONFIG, WEIGHTS, *PICKLES))


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


@lru_cache(maxsize=64)
def _read(
    folder: Path, config_path: Path, weights_path: Path, _config_stamp: Any, weights_stamp: tuple[int, int]
) -> AdapterFiles:
    """Kept for as long as neither file changes, for those in use; a shelf remembers what lies on it itself."""
    written, size = weights_stamp
    raw = read_object(config_path)
    config = read_config(config_path, raw)
    tensors, metadata = read_header(weights_path, size)
    try:
        keys = peft_keys(tensors, prefixed=not any(key.endswith("prompt_embeddings") for key in tensors))
    except KeysError as error:
        raise AdapterFileError(f"{weights_path}: {error}") from None
    tensors = {keys.names[key]: tensor for key, tensor in tensors.items()}
    parts = Parts.of(tensors, config)
    targets = tuple(targets_of(config, config_path, parts, weights_path))
    method = config.peft_type.lower()
    check_patterns(config, config_path, targets)
    return AdapterFiles(
        folder=folder,
        method="dora" if method == "lora" and config.use_dora else method,
        rank_stabilised=bool(config.use_rslora),
        targets=targets,
        saved=parts.saved,
        copies=parts.copies,
        whole=parts.whole,
        names={key: name for key, name in keys.names.items() if key != name},
        base_model=config.base_model_name_or_path or "",
        parameters=sum(prod(tensor.shape) for name, tensor in tensors.items() if name not in parts.copies),
        dtype=main_dtype(tensors),
        size=size,
        time=written / 1e9,
        step=_step(folder),
        changes_base=why_changes_base(config, raw),
        problems=(*_problems(folder, config, targets, parts), *_mended(keys.mended), *ignored_fields(raw)),
        config=as_meant(raw),
        metadata=metadata,
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


def _problems(folder: Path, config: Config, targets: tuple[FileTarget, ...], parts: Parts) -> Iterable[str]:
    if not targets:
        yield "it adapts nothing"
    if silent := [target.name for target in targets if target.rank and target.alpha == 0]:
        yield f"alpha is 0 in {_some(silent)}: nothing of it is heard"
    if parts.unknown:
        yield f"it holds what is no adapter weight: {_some(parts.unknown)}"
    if isinstance(config.target_modules, list) and not config.target_parameters:
        names = [*(target.name for target in targets), *parts.saved]
        idle = [asked for asked in config.target_modules if not any(f".{name}".endswith(f".{asked}") for name in names)]
        # Of a list of full names (as "all-linear" is saved by some versions) a few may be left out on purpose.
        if idle and len(idle) < len(config.target_modules):
            yield f"target_modules names {_some(sorted(idle))}, of which there are no weights"
    if pickles := [name for name in PICKLES if (folder / name).is_file()]:
        yield f"there is a pickle beside it, which is not loaded: {_some(pickles)}"


def _mended(mended: Iterable[str]) -> Iterable[str]:
    return (f"the names of its weights are not PEFT's ({what}): they are read as they were meant" for what in mended)


def _some(names: Iterable[str]) -> str:
    """The first few of these names, for a message."""
    names = [name if len(name) <= 100 else f"{name[:100]}…" for name in names]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
