"""Kinds of models as small GGUF files: what transformers calls each weight, what llama.cpp does, and where its rows go.

Each was held against llama.cpp's own converters, and played: the parts of an adapter made here added what the
converter's file did (but for GPT-2, which it turns round), and a llama-server gave every token the likelihood that PEFT
gave it, as loaded and at other gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

HIDDEN, HEADS, KEYS, SIZE, INNER, LAYERS = 32, 4, 2, 8, 20, 2
_QUERY, _KEY = HEADS * SIZE, KEYS * SIZE


def _as_they_are(rows: int) -> list[int]:
    return list(range(rows))


def _neighbours(heads: int) -> list[int]:
    """Of each head the halves become neighbours (conversion/llama.py, `permute`)."""
    half = SIZE // 2
    return [head * SIZE + side * half + at for head in range(heads) for at in range(half) for side in range(2)]


#: All of q, then of k, then of v, out of q, k, v head by head (conversion/gptneox.py, conversion/bloom.py).
_HEAD_BY_HEAD = [(head * 3 + part) * SIZE + at for part in range(3) for head in range(HEADS) for at in range(SIZE)]
#: The same out of groups of two queries, a key and a value (conversion/falcon.py).
_IN_GROUP = [[0, 1], [2], [3]]
_GROUP_BY_GROUP = [
    (group * 4 + head) * SIZE + at
    for heads in _IN_GROUP
    for group in range(KEYS)
    for head in heads
    for at in range(SIZE)
]
#: Module, weight, (out, in), and which row of transformers' stands in each of llama.cpp's.
_Row = tuple[str, str, tuple[int, int], Sequence[int]]


def _separate(queries: Sequence[int], keys: Sequence[int], out: str = "o_proj") -> list[_Row]:
    block = "model.layers.{}.self_attn."
    return [
        (f"{block}q_proj", "attn_q", (_QUERY, HIDDEN), queries),
        (f"{block}k_proj", "attn_k", (_KEY, HIDDEN), keys),
        (f"{block}v_proj", "attn_v", (_KEY, HIDDEN), _as_they_are(_KEY)),
        (f"{block}{out}", "attn_output", (HIDDEN, _QUERY), _as_they_are(HIDDEN)),
    ]


def _feed_forward(up: str, down: str, gate: str = "", width: int = INNER) -> list[_Row]:
    rows: list[_Row] = [
        (up, "ffn_up", (width, HIDDEN), _as_they_are(width)),
        (down, "ffn_down", (HIDDEN, INNER), _as_they_are(HIDDEN)),
    ]
    return rows + ([(gate, "ffn_gate", (INNER, HIDDEN), _as_they_are(INNER))] if gate else [])


def _fused(attention: str, qkv: str, out: str, order: Sequence[int]) -> list[_Row]:
    return [
        (f"{attention}.{qkv}", "attn_qkv", (len(order), HIDDEN), order),
        (f"{attention}.{out}", "attn_output", (HIDDEN, _QUERY), _as_they_are(HIDDEN)),
    ]


_MLP = "model.layers.{}.mlp."
_GATED = _feed_forward(f"{_MLP}up_proj", f"{_MLP}down_proj", f"{_MLP}gate_proj")
_PLAIN = _separate(_as_they_are(_QUERY), _as_they_are(_KEY))
_TURNED = _separate(_neighbours(HEADS), _neighbours(KEYS))
_ALL = _as_they_are(3 * _QUERY)
_GPT2 = _fused("transformer.h.{}.attn", "c_attn", "c_proj", _ALL) + _feed_forward(
    "transformer.h.{}.mlp.c_fc", "transformer.h.{}.mlp.c_proj"
)


def _like_bloom(block: str, attention: str, order: Sequence[int]) -> list[_Row]:
    return _fused(f"{block}.{attention}", "query_key_value", "dense", order) + _feed_forward(
        f"{block}.mlp.dense_h_to_4h", f"{block}.mlp.dense_4h_to_h"
    )


FAMILIES: dict[str, list[_Row]] = {
    **dict.fromkeys(("llama", "granite", "smollm3", "olmo"), _TURNED + _GATED),
    "granitemoe": _TURNED,
    "gpt-oss": _PLAIN,
    **dict.fromkeys(
        (
            *("qwen2", "qwen3", "gemma", "gemma2", "gemma3", "stablelm", "command-r", "seed_oss"),
            *("ernie4_5", "hunyuan-dense", "olmo2", "cohere2"),
        ),
        _PLAIN + _GATED,
    ),
    **dict.fromkeys(("nemotron", "apertus"), _PLAIN + _feed_forward(f"{_MLP}up_proj", f"{_MLP}down_proj")),
    "arcee": _TURNED + _feed_forward(f"{_MLP}up_proj", f"{_MLP}down_proj"),
    "starcoder2": _PLAIN + _feed_forward(f"{_MLP}c_fc", f"{_MLP}c_proj"),
    "phi2": _separate(_as_they_are(_QUERY), _as_they_are(_KEY), "dense") + _feed_forward(f"{_MLP}fc1", f"{_MLP}fc2"),
    "phi3": _fused("model.layers.{}.self_attn", "qkv_proj", "o_proj", _as_they_are(_QUERY + 2 * _KEY))
    + _feed_forward(f"{_MLP}gate_up_proj", f"{_MLP}down_proj", width=2 * INNER),
    **dict.fromkeys(
        ("glm4", "chatglm"), _PLAIN + _feed_forward(f"{_MLP}gate_up_proj", f"{_MLP}down_proj", width=2 * INNER)
    ),
    "gpt2": _GPT2,
    "starcoder": _GPT2,
    "gptneox": _like_bloom("gpt_neox.layers.{}", "attention", _HEAD_BY_HEAD),
    "bloom": _like_bloom("transformer.h.{}", "self_attention", _HEAD_BY_HEAD),
    "falcon": _like_bloom("transformer.h.{}", "self_attention", _GROUP_BY_GROUP),
    "mpt": _fused("transformer.blocks.{}.attn", "Wqkv", "out_proj", _ALL)
    + _feed_forward("transformer.blocks.{}.ffn.up_proj", "transformer.blocks.{}.ffn.down_proj"),
}


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        architecture: llama.cpp's name of it.
        modules: the sizes (out, in) of what an adapter adapts, by transformers' name.
        weights: llama.cpp's name of each of those.
        orders: which row of transformers' each row of llama.cpp's is.
    """

    architecture: str
    modules: dict[str, tuple[int, int]]
    weights: dict[str, str]
    orders: dict[str, Sequence[int]]

    @classmethod
    def of(cls, architecture: str) -> Family:
        rows = [
            (module.replace("{}", str(layer)), f"blk.{layer}.{weight}.weight", shape, order)
            for layer in range(LAYERS)
            for module, weight, shape, order in FAMILIES[architecture]
        ]
        return cls(
            architecture,
            {module: shape for module, _, shape, _ in rows},
            {module: weight for module, weight, _, _ in rows},
            {module: order for module, _, _, order in rows},
        )

    def write(self, path: Path) -> Path:
        """A GGUF file of it."""
        shapes = {self.weights[module]: shape for module, shape in self.modules.items()}
        keys = HEADS if self.architecture in ("gpt2", "starcoder", "gptneox", "bloom", "mpt") else KEYS
        return write_gguf(path, self.architecture, {**shapes, "token_embd.weight": (10, HIDDEN)}, HEADS, keys)

    def added(self, pairs: dict[str, tuple[Any, Any]], scaling: float) -> dict[str, Any]:
        """scaling x B A of each module, with its rows where llama.cpp has them."""
        return {
            module: (scaling * np.asarray(b, np.float64) @ np.asarray(a, np.float64))[list(self.orders[module])]
            for module, (a, b) in pairs.items()
        }


def write_gguf(path: Path, architecture: str, shapes: dict[str, tuple[int, ...]], heads: int, keys: int) -> Path:
    """A model's GGUF file with weights of these sizes."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_block_count(LAYERS)
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    for name, shape in shapes.items():
        writer.add_tensor(name, np.zeros(shape, np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
