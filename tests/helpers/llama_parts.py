"""What the parts of an adapter add, beside what PEFT would add there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lora_mixer.lora_ops.engines.llama_server import Part

from .tiny_gguf import HEADS, KEY_HEADS, what_a_file_adds


def in_llamas_order(rows: Any, heads: int) -> Any:
    """Rows of q or k where llama.cpp has them, one by one: halves of a head become neighbours."""
    found = np.empty_like(rows)
    size = len(rows) // heads
    for head in range(heads):
        for half in range(2):
            for at in range(size // 2):
                found[head * size + 2 * at + half] = rows[head * size + half * (size // 2) + at]
    return found


def added(parts: tuple[Part, ...]) -> dict[str, Any]:
    """What parts add, by target."""
    found = {}
    for part in parts:
        (one,) = what_a_file_adds(part.path).values()
        found[part.target] = one
    return found


def expected(weights: Mapping[str, Any], scaling: Any, permuted: bool = True) -> dict[str, Any]:
    found = {}
    for name, (a, b) in weights.items():
        one = np.asarray(b, np.float64) @ np.asarray(a, np.float64) * (scaling(name) if callable(scaling) else scaling)
        heads = HEADS if name.endswith("q_proj") else KEY_HEADS if name.endswith("k_proj") else 0
        found[name] = in_llamas_order(one, heads) if heads and permuted else one
    return found


def assert_alike(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        np.testing.assert_allclose(found[name], one, rtol=1e-5, atol=1e-5, err_msg=name)
