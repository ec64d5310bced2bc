"""The tensors of an adapter's file, sorted into what they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..target import kind_of
from .adapter_config import Config
from .adapter_keys import PREFIX
from .header import Tensor
from .lora_fields import FIELDS

#: The tensors of one target, by method; what `(...)` catches is the module.
_TENSOR = re.compile(
    r"(?P<module>.+?)\.(?P<part>lora_(?:embedding_)?[AB]|lora_magnitude_vector|lora_E|lora_ranknum"
    r"|hada_[wt][12](?:_[ab])?|lokr_(?:w[12](?:_[ab])?|t2)"
    r"|(?:ia3|vera|oft|boft|hra|ln_tuning|fourierft|bone|road|shira|miss|randlora|vblora|c3a|waveft|delora)_\w+)"
    r"(?P<last>\.weight|\.bias)?"
)


@dataclass(frozen=True)
class Parts:
    """The tensors of a file, sorted into what they belong to.

    Attributes:
        modules: of each adapted module, its tensors by PEFT's name of them.
        saved: modules of which there is a full copy.
        copies: names of the base model's own weights.
        unknown: names that mean nothing.
        whole: the sizes of all that belongs to `saved` and `copies`, by name.
    """

    modules: Mapping[str, Mapping[str, Tensor]]
    saved: tuple[str, ...]
    copies: tuple[str, ...]
    unknown: tuple[str, ...]
    whole: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], config: Config) -> Parts:
        """The tensors of a file, by PEFT's names of them, sorted."""
        modules: dict[str, dict[str, Tensor]] = {}
        saved: dict[str, None] = {}
        base, unknown, whole = [], [], {}
        for key in sorted(tensors, key=_natural):
            name = key.removeprefix(PREFIX)
            found = _TENSOR.fullmatch(name)
            owner = name.rpartition(".")[0]
            if found and (found["last"] != ".bias" or found["part"] in ("lora_B", "lora_embedding_B")):
                part = found["part"] + (".bias" if found["last"] == ".bias" else "")
                modules.setdefault(found["module"], {})[part] = tensors[key]
            elif name.endswith((".trainable_tokens_delta", ".prompt_embeddings")) or name == "prompt_embeddings":
                modules.setdefault(owner.removesuffix(".token_adapter") or name, {})[kind_of(name)] = tensors[key]
            elif ".base_layer" not in owner and (copy := saved_module(owner, config.modules_to_save or ())):
                saved[copy] = None
                whole[name] = tensors[key].shape
            elif any(f".{leaf}" in name for leaf in leftovers()):
                continue
            elif key.startswith(PREFIX) and name.endswith((".weight", ".bias")):
                base.append(key)
                whole[name] = tensors[key].shape
            else:
                unknown.append(key)
        return cls(modules, tuple(saved), tuple(base), tuple(unknown), whole)


def leftovers() -> tuple[str, ...]:
    """Names in those of tensors that only training needs."""
    return tuple(leaf for meaning in FIELDS.values() for leaf in meaning.leaves)


def saved_module(owner: str, endings: Iterable[str]) -> str:
    """The module of which modules_to_save asks for a full copy, and which holds these weights; empty if there is none.

    >>> saved_module("model.layers.0.input_layernorm", ["norm"])
    'model.layers.0.input_layernorm'

    PEFT takes what stands there for endings, not for whole names (`peft.utils.other._set_trainable`).

    Args:
        owner: the module that the weights are in.
        endings: modules_to_save.
    """
    endings = tuple(ending for ending in endings if ending)
    parts = owner.split(".")
    outer = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((module for module in outer if module.endswith(endings)), "") if endings else ""


def _natural(text: str) -> list[tuple[int, Any]]:
    """Sorts `layers.2` before `layers.10`."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d{1,12})", text)]
