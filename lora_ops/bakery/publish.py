"""From a draft to an adapter's folder: written aside, read and compared, and only then given its name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..arrays import Array, count, is_torch
from ..files import write_aside
from ..mix import Mix
from ..shelf.adapter_folder import CONFIG, WEIGHTS
from ..shelf.adapter_weights import CARD, AdapterWeights
from ..shelf.safetensors_file import write_safetensors
from .draft import Draft
from .model_card import model_card, versions
from .place import Place
from .runtimes import objections
from .story import of_adapter
from .written import Baked, Compared

#: What a training may have put beside the adapter and a chat needs: kept.
_COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)


def publish(
    draft: Draft, sources: Sequence[AdapterWeights], mix: Mix, place: Place, compare: Callable[[Path], Compared]
) -> Baked:
    """Writes a draft, its card and what lay beside its sources; nothing is left of it if anything fails.

    Args:
        draft: what is written.
        sources: the adapters that it was made of.
        mix: where their faders stood.
        place: where it goes.
        compare: given the folder in which all but the card is written, compares what is there with the desk.

    Raises:
        FileExistsError, OSError: as `Place.aside`.
        Whatever `compare` raises.
    """
    with place.aside() as aside:
        tensors = _storable(draft.tensors)
        _save(tensors, aside / WEIGHTS, _metadata(sources, mix, draft.way))
        config = {**draft.config, "inference_mode": True}
        write_aside(aside / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")
        baked = Baked(
            **vars(compare(aside)),
            folder=place.path,
            way=draft.way,
            rank=draft.rank,
            targets=draft.targets,
            silent=draft.silent,
            dropped=draft.dropped,
            kept=draft.kept,
            parameters=sum(map(count, tensors.values())),
            size=(aside / WEIGHTS).stat().st_size,
            sha256=_sha256_of(aside / WEIGHTS),
            objections=objections(draft.config, {key: tuple(tensor.shape) for key, tensor in tensors.items()}),
        )
        _keep_companions(sources, aside)
        base_model = str(draft.config.get("base_model_name_or_path") or "")
        write_aside(aside / CARD, model_card(of_adapter(baked, sources, mix, base_model)))
    return baked


def _save(tensors: Mapping[str, Array], path: Path, metadata: dict[str, str]) -> None:
    if not all(map(is_torch, tensors.values())):
        write_safetensors(path, tensors, metadata)
        return
    from safetensors.torch import save_file

    save_file(dict(tensors), str(path), metadata=metadata)


def _storable(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """What safetensors takes: on the CPU, contiguous, and no two in one storage."""
    seen: set[int] = set()
    found = {}
    for key, tensor in tensors.items():
        if not is_torch(tensor):
            found[key] = tensor
            continue
        stored = tensor.detach().to("cpu").contiguous()
        storage = stored.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != stored.numel() * stored.element_size():
            stored = stored.clone()
        seen.add(stored.untyped_storage().data_ptr())
        found[key] = stored
    return found


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _metadata(sources: Sequence[AdapterWeights], mix: Mix, way: str) -> dict[str, str]:
    """The sources' own metadata, and what was done, as one entry that a program can read."""
    merged: dict[str, str] = {}
    for weights in sources:
        merged = {**weights.metadata, **merged}
    names = {weights.name for weights in sources}
    done = {
        "way": way,
        "mix": Mix({name: faders for name, faders in mix.adapters.items() if name in names}).to_dict(),
        "sources": [{"name": weights.name, "sha256": weights.sha256} for weights in sources],
        "versions": versions(),
    }
    return {**merged, "format": "pt", "lora_mixer": json.dumps(done, sort_keys=True)}


def _keep_companions(sources: Sequence[AdapterWeights], aside: Path) -> None:
    """Copies the tokenizer that lies beside the first source; links are passed over."""
    folder = sources[0].source
    for name in _COMPANIONS if folder is not None else ():
        path = Path(folder) / name  # type: ignore[arg-type]
        if path.is_file() and not path.is_symlink():
            shutil.copyfile(path, aside / name)
