"""An adapter's weights out of a live model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import moved
from safetensors import safe_open

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights


def test_a_patterned_adapter_has_the_very_weights_of_its_source(tmp_path: Path):
    model = tiny.pirate()
    desk = Desk(model)
    baked = bake(desk, moved(desk), "pirate", tmp_path, "out", "patterned")
    weights = loaded_weights(desk, "pirate")
    with safe_open(str(baked.folder / "adapter_model.safetensors"), "pt") as file:
        assert set(file.keys()) == set(weights.tensors)
        assert all(torch.equal(file.get_tensor(key), tensor) for key, tensor in weights.tensors.items())
    assert baked.objections["vLLM"] and baked.objections["llama.cpp"]


#: A transformers model that adapters were injected into saves them its own way, a mixed model not at all.
SAVED = [kind for kind in tiny.KINDS if kind.name not in ("an injected adapter", "LoRA and LoHa in the same layers")]


@pytest.mark.parametrize("kind", [kind for kind in SAVED if "bit" not in kind.name], ids=str)
def test_it_is_what_would_be_read_from_its_folder(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    desk = Desk(model)
    live = loaded_weights(desk, "pirate")
    model.save_pretrained(tmp_path)
    kept = read_weights(tmp_path / "pirate")
    assert live.method == kept.method and live.name == kept.name
    # PEFT saves the base model's own embeddings along; live they stand in the model.
    assert {key for key in kept.tensors if not key.endswith(".base_layer.weight")} == set(live.tensors)
    assert all(torch.equal(kept.tensors[key], tensor.cpu()) for key, tensor in live.tensors.items())
    told: Any = {target.name: (target.rank, target.alpha, target.scaling) for target in kept.targets}
    assert {target.name: (target.rank, target.alpha, pytest.approx(target.scaling)) for target in live.targets} == told
    assert {target: dict(roles) for target, roles in live.roles.items()} == {
        target: dict(roles) for target, roles in kept.roles.items()
    }
