"""Tied modules: each plays its own pair once it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.variants import NAME, OTHER, Variant, as_mixed_together, named, off, said, saved, stock
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combine_weights
from lora_mixer.lora_ops.bakery.ways import Recipe
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights

CLOSE = 2e-5


@pytest.mark.parametrize("variant", named("embeddings", "tied embeddings", "tied embeddings, with patterns"), ids=str)
def test_two_that_adapt_embeddings_add_up_where_they_were_trained_on_one_model(variant: Variant, tmp_path: Path):
    folders = {
        NAME: saved(variant, tmp_path / "one"),
        OTHER: saved(replace(variant, config=lambda: replace(variant.config(), r=2)), tmp_path / "other", seed=2),
    }
    mix = Mix({NAME: Faders(master=0.5, kinds={"embed_tokens": 0.0}), OTHER: Faders(kinds={"lm_head": -1.5})})
    parts = [read_weights(folder, name) for name, folder in folders.items()]
    both = combine_weights(parts, mix, tmp_path, "both", Recipe())
    found = said(stock(variant, both.folder))
    separate = replace(variant, config=lambda: replace(variant.config(), ensure_weight_tying=False))
    apart = {name: saved_apart(folder) for name, folder in folders.items()}
    assert off(found, as_mixed_together(separate, apart, mix)) < CLOSE
    kept = load_file(both.folder / "adapter_model.safetensors")
    assert any(key.endswith("embed_tokens.base_layer.weight") for key in kept)

    other = folders[OTHER] / "adapter_model.safetensors"
    tensors = {key: one + 1 if ".base_layer." in key else one for key, one in load_file(other).items()}
    save_file(tensors, other, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="different copies of the base model's"):
        parts = [read_weights(folder, name) for name, folder in folders.items()]
        combine_weights(parts, mix, tmp_path, "mixed up", Recipe())
    assert not (tmp_path / "mixed up").exists()


def saved_apart(folder: Path) -> Path:
    """The same adapter, of which each module plays the pair of weights that the file holds for it."""
    import json

    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "ensure_weight_tying": False, "target_modules": _HEADS}))
    return folder


_HEADS = ["embed_tokens", "lm_head", "q_proj"]
