"""LoRA's product added in one go is the same sum, and what is not plain LoRA does what it always does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.measure.fused_lora import Fused


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "bit" not in kind.name], ids=str)
def test_every_kind_says_the_same_but_for_rounding(kind: Kind) -> None:
    model: Any = kind.build()
    desk = Desk(model)
    name = next(iter(desk.adapters))
    for mix in (Mix(), Mix({name: Faders(master=-0.7)}), desk.base()):
        desk.apply(mix)
        wanted = tiny.logits(model)
        with Fused(model).passes():
            found = tiny.logits(model)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
        assert torch.equal(tiny.logits(model), wanted), "afterwards it is the model's own way again"


def test_training_and_gradients_go_the_models_own_way() -> None:
    model = tiny.pirate(lora_dropout=0.0)
    with Fused(model).passes():
        model(input_ids=tiny.prompt()).logits.sum().backward()
    assert all(one.grad is not None for name, one in model.named_parameters() if ".lora_" in name and one.requires_grad)
    before = tiny.fingerprint(model)
    with pytest.raises(ZeroDivisionError), Fused(model).passes():
        raise ZeroDivisionError
    assert tiny.fingerprint(model) == before
