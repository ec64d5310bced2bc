"""An adapter's weights under PEFT's names, and in numbers that a layer takes; as a folder too, where PEFT wants one."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .adapter_folder import CONFIG, WEIGHTS
from .adapter_keys import PREFIX

if TYPE_CHECKING:
    import torch

    from .adapter_files import AdapterFiles
    from .fitting import Fitting


def read_tensors(
    files: AdapterFiles, device: str = "cpu", renaming: Mapping[str, str] | None = None
) -> dict[str, torch.Tensor]:
    """The tensors of an adapter, by PEFT's names.

    Args:
        files: of the adapter.
        device: where they go.
        renaming: patterns by which transformers renames a model's weights, with what replaces them.

    Raises:
        AdapterFileError: a number is none, or is infinite.
    """
    from safetensors.torch import load_file

    from .adapter_weights import check_numbers

    tensors = {
        _renamed(files.names.get(key, key), renaming or {}): tensor.float() if _is_small(tensor) else tensor
        for key, tensor in load_file(str(files.folder / WEIGHTS), device=device).items()
    }
    check_numbers(tensors, files.folder)
    return tensors


def tied_alike(tensors: dict[str, torch.Tensor], tied: Iterable[str]) -> dict[str, torch.Tensor]:
    """The weights of an adapter of tied modules as PEFT reads them: what is tied holds for the embeddings too.

    Args:
        tensors: by PEFT's names.
        tied: the modules that are tied to the embeddings.
    """
    ends = ("lora_A.weight", "lora_B.weight")
    pairs = ([tensors.get(f"{PREFIX}{module}.{end}") for end in ends] for module in tied)
    first, second = next((pair for pair in pairs if all(one is not None for one in pair)), (None, None))
    if first is None or second is None:
        return tensors
    # What is the one's A is the other's B, lying the other way.
    alike = {"lora_embedding_A": second.T.contiguous(), "lora_embedding_B": first.T.contiguous()}
    return {key: alike.get(key.rpartition(".")[2], tensor) for key, tensor in tensors.items()}


@contextmanager
def as_peft_saves_it(files: AdapterFiles, fitting: Fitting, base: Any) -> Iterator[Path]:
    """A folder with this adapter that PEFT reads as it was meant: its own, unless something in it needs mending."""
    from safetensors.torch import save_file

    from .peft_config import Settled, config_of, settled

    config = config_of(files)
    with settled(config, fitting, base, str(files.folder / CONFIG)):
        plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
        if not files.names and all(plain[key] == files.config.get(key, plain[key]) for key in plain):
            yield files.folder
            return
        for field in ("rank_pattern", "alpha_pattern"):
            if isinstance(getattr(config, field, None), Settled):
                plain[field] = {f"^{re.escape(name)}": value for name, value in getattr(config, field).items()}
        with tempfile.TemporaryDirectory(prefix="lora-mixer-") as scratch:
            folder = Path(scratch)
            (folder / CONFIG).write_text(json.dumps(plain), encoding="utf-8")
            save_file(read_tensors(files), folder / WEIGHTS, {"format": "pt"})
            yield folder


def _renamed(name: str, renaming: Mapping[str, str]) -> str:
    """As PEFT renames with transformers 4 (`peft.utils.save_and_load.load_peft_weights`)."""
    if not name.startswith(PREFIX):
        return name
    for pattern, replacement in renaming.items():
        new, count = re.subn(pattern, replacement, name.removeprefix(PREFIX))
        if count:
            return PREFIX + new
    return name


def _is_small(tensor: torch.Tensor) -> bool:
    """Whether it is stored in eight bits, in which PEFT calculates nothing; what it holds is exact in 32."""
    return tensor.is_floating_point() and tensor.element_size() == 1
