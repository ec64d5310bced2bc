"""The header of an adapter's weights: its targets, and what it must not get away with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers import tiny
from helpers.adapter_on_disk import tensors, written

from lora_mixer.lora_ops.shelf.adapter_files import read_adapter


def test_full_copies_are_told_apart(tmp_path: Path) -> None:
    tiny.pirate(modules_to_save=["lm_head"]).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    assert files.saved == ("lm_head",) and "lm_head" not in {target.name for target in files.targets}
    assert len(files.targets) == 14 and not files.changes_base


def test_weights_of_the_base_model_that_were_saved_along_are_told_apart(tmp_path: Path) -> None:
    name = "base_model.model.model.embed_tokens.weight"
    files = read_adapter(written(tmp_path, weights={**tensors(), name: np.ones((3, 2), dtype=np.float32)}))
    assert files.copies == (name,) and files.parameters == 2 * (32 + 16)
