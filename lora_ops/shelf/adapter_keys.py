"""The names of an adapter's tensors as PEFT gives them, whatever was left in them when they were saved.

Trainers save state dictionaries of models that are wrapped: by `torch.compile` (`_orig_mod.`), by data parallelism
(`module.`), or by PEFT with the adapter's own name still in them (`lora_A.default.weight`). PEFT passes over all of
these with a warning, and plays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: What PEFT puts in front of the base model's own names.
PREFIX = "base_model.model."
#: A tensor of LoRA, LoHa or LoKr: the module's path with the part, then perhaps the adapter's name, then its own kind.
_PART = re.compile(
    r"(?P<part>.+\.(?:lora_(?:embedding_)?[AB]|lora_magnitude_vector|hada_(?:w[12]_[ab]|t[12])"
    r"|lokr_(?:w[12](?:_[ab])?|t2)|trainable_tokens_delta))(?P<adapter>\.(?!(?:weight|bias)$)[^.]+)?(?P<last>\.weight|\.bias)?"
)
_COPY = re.compile(r"(?P<module>.+)\.modules_to_save\.(?P<adapter>[^.]+)\.(?P<last>.+)")
#: Tensors of which PEFT's own files give no `.weight`.
_BARE = ("lora_magnitude_vector", "lora_embedding_A", "lora_embedding_B", "trainable_tokens_delta")


class KeysError(ValueError):
    """Names of tensors that do not tell what they are; the message says why, without the file."""


@dataclass(frozen=True)
class Keys:
    """What the tensors of a file are called.

    Attributes:
        names: PEFT's name of each, by that in the file.
        mended: what was taken out of them or put in, for people.
    """

    names: dict[str, str]
    mended: tuple[str, ...]


def peft_keys(keys: Iterable[str], prefixed: bool = True) -> Keys:
    """PEFT's names of the tensors of a file.

    >>> peft_keys(["_orig_mod.model.layers.0.mlp.up_proj.lora_A.default.weight"]).names.popitem()[1]
    'base_model.model.model.layers.0.mlp.up_proj.lora_A.weight'

    Args:
        keys: as they stand in the file.
        prefixed: whether all of them are of modules, and so have PEFT's prefix.

    Raises:
        KeysError: two tensors would get one name, or they are of several adapters.
    """
    names: dict[str, str] = {}
    mended: dict[str, None] = {}
    adapters: dict[str, None] = {}
    for key in keys:
        name = _unwrapped(key, mended)
        if prefixed and not name.startswith("base_model."):
            name, mended[f"PEFT's prefix {PREFIX} is missing"] = PREFIX + name, None
        if (found := _COPY.fullmatch(name)) is not None:
            adapters[found["adapter"]] = None
            name = f"{found['module']}.{found['last']}"
        elif (found := _PART.fullmatch(name)) is not None:
            if found["adapter"]:
                adapters[found["adapter"][1:]] = None
            bare = found["part"].endswith(_BARE) and found["last"] == ".weight"
            name = found["part"] + ("" if bare else found["last"] or "")
        names[key] = name
    if len(adapters) > 1:
        several = ", ".join(sorted(adapters)[:4])
        raise KeysError(f"it holds the weights of several adapters ({several}): save each of them in a file of its own")
    if adapters:
        mended[f"the adapter's name {next(iter(adapters))!r} was left in"] = None
    if len(set(names.values())) < len(names):
        twice = next(name for name in names.values() if sum(other == name for other in names.values()) > 1)
        raise KeysError(f"it holds {twice[:200]} twice, under different names")
    return Keys(names, tuple(mended))


def _unwrapped(key: str, mended: dict[str, None]) -> str:
    """A name without what stands for `torch.compile` and data parallelism."""
    parts = key.split(".")
    if "_orig_mod" in parts:
        mended["torch.compile left '_orig_mod.' in"] = None
        parts = [part for part in parts if part != "_orig_mod"]
    for at in (2, 1, 0):  # `module.` stands outside of everything, outside of the base model, or between the two
        if parts[:at] == ["base_model", "model"][:at] and len(parts) > at + 1 and parts[at] == "module":
            mended["data parallelism left 'module.' in"] = None
            del parts[at]
    return ".".join(parts)
