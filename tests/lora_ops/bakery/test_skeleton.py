"""A model without weights knows how its weights are saved."""

from __future__ import annotations

import json
from pathlib import Path

from helpers import tiny
from helpers.merged import load

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery.merge import merge


def test_tied_embeddings_part_only_where_an_adapter_parts_them(tmp_path: Path):
    model = tiny.pirate(tiny.llama(tie_word_embeddings=True), target_modules=["embed_tokens", "q_proj"])
    desk = Desk(model)
    parted = merge(desk, Mix(), tmp_path, "parted")
    assert json.loads((parted.folder / "config.json").read_text())["tie_word_embeddings"] is False
    assert (tiny.logits(load(parted.folder)) - tiny.logits(model)).abs().max() < 5e-5
    model = tiny.pirate(tiny.llama(tie_word_embeddings=True), target_modules=["q_proj"])
    tied = merge(Desk(model), Mix(), tmp_path, "tied")
    assert json.loads((tied.folder / "config.json").read_text())["tie_word_embeddings"] is True
    assert (tiny.logits(load(tied.folder)) - tiny.logits(model)).abs().max() < 5e-5
