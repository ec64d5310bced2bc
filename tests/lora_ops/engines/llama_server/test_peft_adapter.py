"""PEFT adapters in llama.cpp's layout: every number as it was, or refused by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.llama_parts import added, assert_alike, expected
from helpers.tiny_gguf import HIDDEN, SHAPES, WORDS, every_module, pairs, what_a_file_adds, write_adapter

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, split, whole


def test_scalings_come_out_exactly_whatever_they_are_made_of(model: Path, tmp_path: Path) -> None:
    weights = {**pairs(every_module()), **pairs({"model.layers.1.mlp.up_proj": SHAPES["mlp.up_proj"]}, rank=2)}
    alphas, ranks = {"q_proj": 3.0, "layers.1.mlp.up_proj": 5.0}, {"layers.1.mlp.up_proj": 2}
    folder = write_adapter(
        tmp_path / "pirate", weights, use_rslora=True, r=4, lora_alpha=7, alpha_pattern=alphas, rank_pattern=ranks
    )

    def scaling(name: str) -> float:
        alpha = 3.0 if name.endswith("q_proj") else 5.0 if name.endswith("1.mlp.up_proj") else 7.0
        return alpha / math.sqrt(2 if name.endswith("1.mlp.up_proj") else 4)

    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, scaling))
    assert all(part.scaling == pytest.approx(scaling(part.target)) and part.rank_stabilised for part in parts)
    # In one file, which has one alpha, the same comes out.
    together = what_a_file_adds(whole(folder, model, tmp_path / "whole.gguf"))
    for part in parts:
        (name,) = what_a_file_adds(part.path)
        np.testing.assert_allclose(together[name], added((part,))[part.target], rtol=1e-5, atol=1e-5)


def test_bfloat16_is_read_exactly(model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    path = folder / "adapter_model.safetensors"
    rounded = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}
    save_file(rounded, path)
    exact = {
        name: tuple(rounded[f"base_model.model.{name}.lora_{part}.weight"].float().numpy() for part in "AB")
        for name in weights
    }
    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(exact, 2))


def test_float16_stays_as_it_is(model: Path, tmp_path: Path) -> None:
    import gguf

    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}, dtype=np.float16)
    (part,) = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    tensors = {tensor.name.rpartition(".")[2]: tensor for tensor in gguf.GGUFReader(part.path).tensors}
    ((a, b),) = weights.values()
    assert {tensor.tensor_type.name for tensor in tensors.values()} == {"F16"}
    assert np.array_equal(tensors["lora_a"].data, a) and np.array_equal(tensors["lora_b"].data, b)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "DoRA": ({"use_dora": True}, "DoRA"),
    "LoHa": ({"peft_type": "LOHA", "alpha": 8}, "loha"),
    "PiSSA": ({"init_lora_weights": "pissa"}, "PiSSA"),
    "OLoRA": ({"init_lora_weights": "olora"}, "OLoRA"),
    "a new way to begin": ({"init_lora_weights": "surprise"}, "surprise"),
    "biases": ({"bias": "all"}, "bias"),
    "a bias of B": ({"lora_bias": True}, "bias"),
    "aLoRA": ({"alora_invocation_tokens": [1, 2]}, "invocation"),
    "a parameter that is no expert's": ({"target_parameters": ["up_proj.weight"]}, "parameter"),
    "replaced tokens": ({"trainable_token_indices": [3]}, "embeddings of some tokens"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_llama_cpp_has_no_form_for_is_refused_by_name(model: Path, tmp_path: Path, case: str) -> None:
    config, match = REFUSED[case]
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    folder = write_adapter(tmp_path / "pirate", weights, **config)
    if config.get("peft_type") == "LOHA":
        from safetensors.numpy import save_file

        tensor: Any = np.zeros((24, 4), np.float32)
        names = [f"base_model.model.model.layers.0.mlp.up_proj.hada_w{at}_{side}" for at in (1, 2) for side in "ab"]
        save_file(
            {name: tensor if name.endswith("a") else tensor.T[:, :16] + 0 for name in names},
            folder / "adapter_model.safetensors",
        )
    with pytest.raises(ValueError, match=match):
        split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_full_copies_are_refused(model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = write_adapter(
        tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}), modules_to_save=["lm_head"]
    )
    path = folder / "adapter_model.safetensors"
    save_file({**load_file(path), "base_model.model.lm_head.weight": np.zeros((WORDS, HIDDEN), np.float32)}, path)
    with pytest.raises(CannotSplit, match="full copies of weights"):
        split(folder, model, tmp_path / "parts")


def test_embeddings_that_peft_saved_along_are_refused_with_the_way_to_save_none(model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = write_adapter(tmp_path / "pirate", pairs({"lm_head": (WORDS, HIDDEN)}))
    path = folder / "adapter_model.safetensors"
    copy = {"base_model.model.lm_head.base_layer.weight": np.zeros((WORDS, HIDDEN), np.float32)}
    save_file({**load_file(path), **copy}, path)
    with pytest.raises(CannotSplit, match="save_embedding_layers=False"):
        split(folder, model, tmp_path / "parts")


def test_numbers_that_are_none_are_refused(model: Path, tmp_path: Path) -> None:
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    ((a, b),) = weights.values()
    b[3, 1] = np.nan
    folder = write_adapter(tmp_path / "pirate", {"model.layers.0.mlp.up_proj": (a, b)})
    with pytest.raises(CannotSplit, match="not finite"):
        split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()
