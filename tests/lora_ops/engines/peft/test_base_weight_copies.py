"""Full copies of modules that adapters bring along, beside the model's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import tiny
from helpers.saved import saved
from safetensors.torch import load_file

from lora_mixer.lora_ops.engines.peft.loading import LoadingError, change_adapters, loaded_adapters
from lora_mixer.lora_ops.shelf.adapter_files import WEIGHTS


def test_full_copies_come_and_go(tmp_path: Path) -> None:
    model = tiny.pirate(modules_to_save=["lm_head"])
    with torch.no_grad():
        model.base_model.model.lm_head.modules_to_save["pirate"].weight.mul_(2)
    said = tiny.logits(model)
    model.save_pretrained(tmp_path)
    base = tiny.llama()
    plain = tiny.logits(base)
    again = change_adapters(base, {"pirate": tmp_path / "pirate"})
    assert torch.equal(tiny.logits(again), said)
    assert loaded_adapters(again) == {"pirate": tmp_path / "pirate"}
    assert torch.equal(tiny.logits(change_adapters(again, {})), plain)


def test_embeddings_that_were_saved_along_do_not_replace_the_models_own(tmp_path: Path) -> None:
    folder = saved(tmp_path, tiny.lora(target_modules=["embed_tokens", "q_proj"]))
    assert any("base_layer" in name for name in load_file(folder / WEIGHTS))
    base = tiny.llama()
    embeddings = base.model.embed_tokens.weight.data
    embeddings += embeddings * 2**-12  # as after another rounding
    plain = tiny.logits(base)
    model = change_adapters(base, {"pirate": folder})
    assert torch.equal(tiny.logits(change_adapters(model, {})), plain)
    embeddings += 0.01
    with pytest.raises(LoadingError, match="embed_tokens"):
        change_adapters(base, {"pirate": folder})
