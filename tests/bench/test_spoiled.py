"""Noise in an adapter, for as long as it is asked for; and how an order is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny

from lora_mixer.bench.spoiled import below, spoiled


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def test_so_many_targets_are_noise_and_then_the_adapter_is_as_it_was():
    model = tiny.pirate()
    before = weights(model)
    with spoiled(model, "pirate", 5, 3.0, seed=1) as noise:
        now = weights(model)
        changed = {name.partition(".lora_")[0] for name in now if not torch.equal(now[name], before[name])}
        assert len(noise) == 5 and {name.removeprefix("base_model.model.") for name in changed} == noise
        for name in changed:
            added, was = (
                one[f"{name}.lora_B.pirate.weight"] @ one[f"{name}.lora_A.pirate.weight"] for one in (now, before)
            )
            assert float(added.norm()) == pytest.approx(3 * float(was.norm()), rel=1e-3)
    with spoiled(model, "pirate", 5, 3.0, seed=1) as again:
        assert again == noise
    after = weights(model)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def test_an_order_is_how_often_the_first_are_below_the_second():
    assert below([0.0, 1.0], [2.0, 3.0]) == 1 and below([2.0], [1.0]) == 0
    assert below([1.0], [1.0]) == 0.5 and below([0.0, 2.0], [1.0]) == 0.5
