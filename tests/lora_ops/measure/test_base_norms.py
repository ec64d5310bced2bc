"""The norms of base weights, read once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import pirate

from lora_mixer.lora_ops import Desk, Mix, loudness


@pytest.mark.parametrize("options", [{}, {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}])
def test_four_bits_after_a_pass_repacked_them(options: dict[str, Any]):
    model = pirate(tiny.quantised(4, **options))
    before = {loud.target: loud.base for loud in loudness(Desk(model)).adapters["pirate"]}
    tiny.logits(model)
    del model.__dict__["_lora_mixer_base_norms"]
    for loud in loudness(Desk(model)).adapters["pirate"]:
        assert loud.base == pytest.approx(before[loud.target], rel=5e-3)


def test_weights_that_cannot_be_read_have_no_ratio():
    desk = Desk(pirate())
    layer = desk.engine.knob(desk.adapters["pirate"].targets[0]).layer
    layer.base_layer.weight = torch.nn.Parameter(layer.base_layer.weight.to("meta"), requires_grad=False)
    first, *others = loudness(desk).adapters["pirate"]
    assert first.base is None and first.ratio is None and first.norm > 0
    levels = loudness(desk).at(Mix())
    assert levels.targets["pirate"][first.target.name] is None
    assert levels.kinds["pirate"][first.target.kind] is not None
    assert all(loud.ratio for loud in others)
    json.dumps(levels.to_dict())


def test_base_weights_are_read_once(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(pirate())
    wanted = loudness(desk)
    from lora_mixer.lora_ops.measure import base_norms

    monkeypatch.setattr(base_norms, "_norm", lambda *_: pytest.fail("read again"))
    assert loudness(Desk(desk.engine.model)) == wanted
