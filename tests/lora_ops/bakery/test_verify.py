"""What is on disk is compared with what the desk plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.baked import CLOSE, moved
from peft import PeftModel

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery import merge as merging
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.verify import verify
from lora_mixer.lora_ops.bakery.ways import WAYS
from lora_mixer.lora_ops.bakery.writing import Writing


@pytest.mark.parametrize("way", WAYS)
def test_without_rounding_there_is_no_difference(way: Any, tmp_path: Path):
    model = tiny.pirate(rank_pattern={"q_proj": 2}).double()
    desk = Desk(model)
    mix = moved(desk)
    baked = bake(desk, mix, "pirate", tmp_path, "out", way, writing=Writing(check=False))
    desk.apply(mix)
    found = PeftModel.from_pretrained(tiny.llama().double(), str(baked.folder), autocast_adapter_dtype=False).double()
    assert (tiny.logits(found.eval()) - tiny.logits(model)).abs().max() < 1e-12


def test_verifying_tells_two_mixes_apart(tmp_path: Path):
    desk = Desk(tiny.pirate())
    baked = bake(desk, moved(desk), "pirate", tmp_path, "out")
    assert verify(desk, baked.folder, moved(desk), ["pirate"], tiny.prompt()).greatest < CLOSE
    assert verify(desk, baked.folder, Mix(), ["pirate"], tiny.prompt()).greatest > 0.1


def test_a_model_that_says_something_else_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    whole = merging.merged_weights

    def wrong(*args: Any) -> Any:
        state, changed = whole(*args)
        return {**state, "lm_head.weight": state["lm_head.weight"] * 1.1}, changed

    monkeypatch.setattr(merging, "merged_weights", wrong)
    merged = merge(desk, Mix(), tmp_path, "whole")
    assert merged.greatest_difference == pytest.approx(0.1 * (merged.greatest_logit or 0), rel=0.01)
