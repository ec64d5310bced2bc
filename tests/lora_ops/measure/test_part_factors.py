"""The factors of what a llama-server plays multiply to what its files add."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_gguf import HIDDEN, INNER, WORDS, every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.engines.llama_server import Part, split
from lora_mixer.lora_ops.measure.part_factors import part_factors


def added(parts: tuple[Part, ...]) -> dict[str, np.ndarray]:
    return {target.name: target.scaling * np.asarray(of.b @ of.a) for target, (of,) in part_factors(parts)}


def test_they_multiply_to_what_peft_adds_but_for_the_order_of_rows(tmp_path: Path) -> None:
    weights = pairs(every_module())
    model = write_model(tmp_path / "model.gguf")
    parts = split(write_adapter(tmp_path / "wide", weights), model, tmp_path / "parts", longest=700)
    found = added(parts)
    assert found.keys() == weights.keys() and any(len(part.targets) > 1 for part in parts)
    for name, (a, b) in weights.items():
        ours, peft = (np.linalg.svd(one, compute_uv=False) for one in (found[name][0], 2.0 * b @ a))
        np.testing.assert_allclose(ours[:4], peft[:4], rtol=1e-5)


def test_experts_are_one_beside_the_other(tmp_path: Path) -> None:
    model = write_model(tmp_path / "moe.gguf", experts=3)
    shapes = {f"model.layers.0.mlp.experts.{at}.down_proj": (HIDDEN, INNER) for at in (0, 2)}
    weights = pairs(shapes)
    parts = split(write_adapter(tmp_path / "moe", weights), model, tmp_path / "parts")
    [found] = added(parts).values()
    assert found.shape == (3, HIDDEN, INNER) and not found[1].any()
    for at in (0, 2):
        a, b = weights[f"model.layers.0.mlp.experts.{at}.down_proj"]
        np.testing.assert_allclose(found[at], 2.0 * b @ a, rtol=1e-5)


def test_embeddings_are_a_matrix_too(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.gguf")
    a, b = (np.random.default_rng(1).normal(size=size).astype(np.float32) for size in ((4, WORDS), (HIDDEN, 4)))
    parts = split(write_adapter(tmp_path / "words", {"model.embed_tokens": (a, b)}), model, tmp_path / "parts")
    [found] = added(parts).values()
    np.testing.assert_allclose(found[0], 2.0 * b @ a, rtol=1e-5)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.gguf")
    parts = split(write_adapter(tmp_path / "wide", pairs(every_module())), model, tmp_path / "parts")
    parts[0].path.unlink()
    with pytest.raises(ValueError, match=r"0\.down_proj\.gguf cannot be read"):
        part_factors(parts)
