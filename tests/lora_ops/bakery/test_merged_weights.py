"""Weights with adapters in them, made beside the live ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import tiny
from helpers.merged import load

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.writing import Writing


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_dora_over_a_row_of_zeros_merges_silent_and_heard(gain: float, tmp_path: Path):
    model = tiny.with_a_row_of_zeros()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=gain)})
    merged = merge(desk, mix, tmp_path, "whole", writing=Writing(check=False))
    desk.apply(mix)
    wanted = tiny.logits(model)
    assert wanted.isfinite().all()
    assert (tiny.logits(load(merged.folder)) - wanted).abs().max() < 5e-5


def test_modules_to_save_replace_those_of_the_base(tmp_path: Path):
    model = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    with torch.no_grad():
        model.base_model.model.lm_head.modules_to_save["pirate"].weight *= 1.5
    merged = merge(Desk(model), Mix(), tmp_path, "whole")
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5


def test_only_the_named_adapters_are_in_it(tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    live = Mix({"poet": Faders(master=3.0)})
    desk.apply(live)
    merged = merge(desk, Mix({"pirate": Faders(master=0.5)}), tmp_path, "whole", names=["pirate"])
    assert merged.names == ("pirate",) and desk.mix == live
    desk.apply(Mix({"pirate": Faders(master=0.5), "poet": Faders(on=False)}))
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5
