"""How llama.cpp lays out a base model's weights, where that is not how transformers does: what an adapter must follow.

Read from llama.cpp's converters (`conversion/*.py`, September 2026): an architecture stands here only if its converter
leaves every weight that an adapter may touch as it is, but for the rows of q and k where they are permuted per head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .base import Base

#: Rows of q and k go from transformers' halves (RoPE on pairs i, i + d/2) to neighbours (i, i + 1), head by head.
PERMUTED = frozenset(
    {"llama", "llama-embed", "arcee", "smollm3", "granite", "granitemoe", "olmo", "minicpm", "mistral3"}
)
#: All rows are where they are in transformers.
# fmt: off
KEPT = frozenset([
    "command-r", "cohere2", "exaone", "exaone4", "gemma", "gemma2",
    "gemma3", "hunyuan-dense", "llama4", "maincoder", "nemotron", "olmo2",
    "olmoe", "orion", "phi2", "phi3", "qwen2", "qwen2moe",
    "qwen2vl", "qwen3", "qwen3moe", "qwen3vl", "seed_oss", "stablelm",
    "starcoder", "starcoder2",
])
# fmt: on
_QUERIES, _KEYS = ".attn_q.weight", ".attn_k.weight"


def why_unknown(base: Base) -> str:
    """Why a PEFT adapter cannot be brought into this architecture's layout, and what to do; empty if it can."""
    if base.architecture in PERMUTED or base.architecture in KEPT:
        return ""
    return (
        f"how llama.cpp lays out the weights of {base.architecture!r} models is not known here; convert the adapter "
        "with llama.cpp's own convert_lora_to_gguf.py, and split the file that it writes"
    )


def laid_out(b: NDArray[Any], tensor: str, layer: int | None, base: Base) -> NDArray[Any]:
    """B of one target with its rows where the base model's are in llama.cpp.

    Args:
        b: shape (out, r).
        tensor: llama.cpp's name of the weight that it is added to.
        layer: the block that is in.
        base: the model.

    Raises:
        ValueError: its rows cannot be shared out among the heads.
    """
    if layer is None or base.architecture not in PERMUTED or not tensor.endswith((_QUERIES, _KEYS)):
        return b
    heads = base.heads(layer, of_keys=tensor.endswith(_KEYS))
    rows, rank = b.shape
    if rows % (2 * heads):
        raise ValueError(f"{tensor}: {rows} rows cannot be shared out among {heads} heads")
    permuted: NDArray[Any] = b.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(b.shape)
    return permuted
