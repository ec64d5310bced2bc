"""GGUF adapters on the shelf: what their headers tell, and what fits a base model in a GGUF file.

llama.cpp alone plays them, and takes PEFT's folders too once they are split: so where its base model is loaded, both
kinds are held against that model's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from ..optional_packages import MissingPackage
from ..target import kind_of
from .adapter_config import AdapterFileError

if TYPE_CHECKING:
    from ..engines.llama_server.base import Base

SUFFIX = ".gguf"
ON_LLAMA_ALONE = "A GGUF adapter plays on llama.cpp alone: load its base model as a GGUF file with llama.cpp."
#: llama.cpp's names of what most models have; whatever is called otherwise keeps its name.
_KINDS: Mapping[str, str] = {
    "attn_q": "q_proj",
    "attn_k": "k_proj",
    "attn_v": "v_proj",
    "attn_qkv": "qkv_proj",
    "attn_output": "o_proj",
    "ffn_gate": "gate_proj",
    "ffn_up": "up_proj",
    "ffn_down": "down_proj",
    "token_embd": "embed_tokens",
    "output": "lm_head",
}
_A, _B = ".weight.lora_a", ".weight.lora_b"


@dataclass(frozen=True)
class GGUFAdapter:
    """An adapter in a GGUF file, by its header.

    Attributes:
        path: where it is.
        architecture: llama.cpp's name of the kind of model that it is for, "llama".
        base_model: the model that it was trained on, as the file names it; perhaps empty.
        alpha: of the whole file; 0 is none, and what is added is B A then.
        weights: the rank of each weight that it adapts, by llama.cpp's name: "blk.3.attn_q".
        parameters: how many numbers it holds.
        dtype: how most of them are stored, "f16".
        size: in bytes.
        time: when it was written, in seconds since 1970.
    """

    path: Path
    architecture: str
    base_model: str
    alpha: float
    weights: Mapping[str, int]
    parameters: int
    dtype: str
    size: int
    time: float

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that occur, ascending."""
        return tuple(sorted(set(self.weights.values())))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, as transformers calls them where that is known, in the order of the file."""
        from ..engines.llama_server.module_names import own_name

        names = ((weight.rpartition(".")[2], own_name(self.architecture, weight)) for weight in self.weights)
        return tuple(dict.fromkeys(kind_of(own) if own else _KINDS.get(name, name) for name, own in names))

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """The layers that occur, ascending."""
        parts = [weight.split(".") for weight in self.weights]
        return tuple(sorted({int(one[1]) for one in parts if len(one) > 2 and one[0] == "blk" and one[1].isdigit()}))


def read_gguf_on_shelf(path: Path) -> GGUFAdapter:
    """What the header of a GGUF adapter tells.

    Raises:
        AdapterFileError: it is damaged, or no adapter.
    """
    from ..engines.llama_server.gguf_adapter import read_gguf_adapter
    from ..engines.llama_server.gguf_file import GGUFError

    try:
        file, facts = read_gguf_adapter(path), path.stat()
    except (GGUFError, OSError) as error:
        raise AdapterFileError(str(error)) from error
    ranks = {name.removesuffix(_B): one.shape[-1] for name, one in file.tensors.items() if name.endswith(_B)}
    kinds = [tensor.kind for tensor in file.tensors.values()]
    alpha = file.fields.get("adapter.lora.alpha", 0.0)
    base = file.fields.get("general.base_model.0.name") or file.fields.get("general.base_model.0.repo_url") or ""
    return GGUFAdapter(
        path=path,
        architecture=file.architecture,
        base_model=str(base),
        alpha=float(alpha) if isinstance(alpha, int | float) else 0.0,
        weights=ranks,
        parameters=sum(prod(tensor.shape) for tensor in file.tensors.values()),
        dtype=max(kinds, key=kinds.count).lower() if kinds else "",
        size=facts.st_size,
        time=facts.st_mtime,
    )


@dataclass(frozen=True)
class GGUFFitting:
    """A base model in a GGUF file, and what can be split for it."""

    base: Base

    @classmethod
    def of(cls, model: Path) -> GGUFFitting | None:
        """Of the model in that file, the same object for as long as it does not change; None where it is none."""
        try:
            facts = model.stat()
            return _fitting(model, facts.st_mtime_ns, facts.st_size)
        except (OSError, ValueError):
            return None

    def why_not(self, adapter: Path) -> str:
        """Why an adapter of either kind, which can be read, cannot be split for this model; empty if it can."""
        from ..engines.llama_server.whole_adapter import read_whole

        try:
            read_whole(adapter, self.base)
        except (ValueError, OSError, MissingPackage) as error:
            text = str(error)
            return f"{text[:1].upper()}{text[1:]}."
        return ""


@lru_cache(maxsize=8)
def _fitting(model: Path, _written: int, _size: int) -> GGUFFitting:
    from ..engines.llama_server.base import Base

    return GGUFFitting(Base.read(model))
