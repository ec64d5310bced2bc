"""Weights in 4 and 8 bits."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny

from lora_mixer.lora_ops.shelf.quantised import opened


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights_are_opened_as_they_play(bits: int):
    """A layer that is given unit vectors answers with its weight, as closely as it computes."""
    model = tiny.quantised(bits)
    layer = model.model.layers[0].self_attn.q_proj
    for _ in range(2):  # before and after it is packed for the processor
        weight = opened(layer).float()
        with torch.no_grad():
            played = layer(torch.eye(layer.in_features)).T.float()
        torch.testing.assert_close(weight, played, rtol=0.02, atol=0.02)
