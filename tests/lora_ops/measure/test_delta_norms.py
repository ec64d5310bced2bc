"""The norms of what an adapter adds are those of the weights that PEFT makes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.tiny import KINDS, Kind
from peft.utils.integrations import dequantize_module_weight

from lora_mixer.lora_ops import Desk, Faders, Mix, Target, loudness


@torch.no_grad()
def weights(desk: Desk, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    """The base weight, and what PEFT adds to it right now; float64."""
    layer: Any = desk.engine.knob(target).layer
    base = layer.get_base_layer()
    weight = getattr(base, layer.parameter_name) if hasattr(layer, "parameter_name") else dequantize_module_weight(base)
    weight = weight.detach().double()
    added = layer.get_delta_weight(target.adapter).detach().double()
    magnitude = getattr(layer, "lora_magnitude_vector", {})
    if target.adapter in magnitude:
        whole = weight + added
        # Embeddings and Conv1D keep their outputs in columns
        outputs = 0 if layer.fan_in_fan_out or target.adapter in layer.lora_embedding_A else 1
        factor = magnitude[target.adapter].weight.double() / torch.linalg.vector_norm(whole, dim=outputs)
        added = whole * factor.unsqueeze(outputs) - weight
    return weight, added


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_norms_are_those_of_the_weights_that_peft_makes(kind: Kind):
    desk = Desk(kind.build())
    measured = loudness(desk)
    assert sum(len(louds) for louds in measured.adapters.values()) == kind.targets
    for gain in (1.0, 0.5, -1.5, 0.0):
        mix = Mix({name: Faders(master=gain) for name in desk.adapters})
        desk.apply(mix)
        levels = measured.at(mix)
        again = loudness(desk).at(mix)  # wherever the faders stand, the same
        for name, louds in measured.adapters.items():
            for loud in louds:
                weight, added = weights(desk, loud.target)
                wanted = float(torch.linalg.vector_norm(added) / torch.linalg.vector_norm(weight))
                assert loud.base == pytest.approx(float(torch.linalg.vector_norm(weight)), rel=1e-3), loud.target.name
                assert levels.targets[name][loud.target.name] == pytest.approx(wanted, rel=2e-3, abs=1e-6)
                assert again.targets[name][loud.target.name] == pytest.approx(wanted, rel=2e-3, abs=1e-6)
