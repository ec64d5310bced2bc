"""How llama.cpp lays out a base model's weights, where that is not how transformers does: what an adapter must follow.

Read from llama.cpp's converters (`conversion/*.py`, September 2026): an architecture stands here only if its converter
leaves every weight that an adapter may touch as it is, but for the rows of those that are named here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .base import Base

#: Rows of a weight go elsewhere: given them, how many heads of queries there are, and how many of keys.
Order = Callable[["NDArray[Any]", int, int], "NDArray[Any]"]


def _pairs_of_queries(rows: NDArray[Any], heads: int, _keys: int) -> NDArray[Any]:
    """From transformers' halves (RoPE on i and i + d/2) to neighbours (i and i + 1), head by head."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _pairs_of_keys(rows: NDArray[Any], _heads: int, keys: int) -> NDArray[Any]:
    return _pairs_of_queries(rows, keys, keys)


def _head_by_head(rows: NDArray[Any], heads: int, _keys: int) -> NDArray[Any]:
    """From q, k, v of each head, one head after the other, to all of q, all of k, all of v."""
    return rows.reshape(heads, 3, -1, *rows.shape[1:]).swapaxes(0, 1).reshape(rows.shape)


def _group_by_group(rows: NDArray[Any], heads: int, keys: int) -> NDArray[Any]:
    """From the queries, the key and the value of each group, to all of q, all of k, all of v."""
    import numpy as np

    grouped = rows.reshape(keys, heads // keys + 2, -1, *rows.shape[1:])
    parts = (grouped[:, :-2], grouped[:, -2], grouped[:, -1])
    return np.concatenate([part.reshape(-1, *rows.shape[1:]) for part in parts])


_PAIRS: Mapping[str, Order] = {"attn_q": _pairs_of_queries, "attn_k": _pairs_of_keys}
#: Architectures some of whose rows are elsewhere, by the last word of the weight's name.
MOVED: Mapping[str, Mapping[str, Order]] = {
    **dict.fromkeys(
        ("llama", "llama-embed", "arcee", "smollm3", "granite", "granitemoe", "olmo", "minicpm", "mistral3"), _PAIRS
    ),
    **dict.fromkeys(("gptneox", "bloom"), {"attn_qkv": _head_by_head}),
    "falcon": {"attn_qkv": _group_by_group},
}
#: All rows are where they are in transformers. What stands there transposed (gpt2's Conv1D) is no matter here: PEFT's A
#: and B are (r, in) and (out, r) all the same.
# fmt: off
KEPT = frozenset([
    "apertus", "chatglm", "command-r", "cohere2", "deepseek2", "ernie4_5",
    "exaone", "exaone4", "gemma", "gemma2", "gemma3", "glm4",
    "gpt-oss", "gpt2", "hunyuan-dense", "llama4", "maincoder", "mpt",
    "nemotron", "olmo2", "olmoe", "orion", "phi2", "phi3",
    "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3vl",
    "seed_oss", "stablelm", "starcoder", "starcoder2",
])
# fmt: on


def why_unknown(base: Base) -> str:
    """Why a PEFT adapter cannot be brought into this architecture's layout, and what to do; empty if it can."""
    if base.architecture in MOVED or base.architecture in KEPT:
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
    order = MOVED.get(base.architecture, {}).get(tensor.removesuffix(".weight").rpartition(".")[2])
    if layer is None or order is None:
        return b
    heads, keys = base.heads(layer, of_keys=False), base.heads(layer, of_keys=True)
    try:
        return order(b, heads, keys)
    except ValueError as error:
        shared = f"{heads} heads ({keys} of keys)"
        raise ValueError(f"{tensor}: {len(b)} rows cannot be shared out among {shared}") from error
