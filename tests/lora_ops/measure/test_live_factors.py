"""Tensors of a live layer: those of one adapter as loaded, whatever is heard of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.tiny import pirate, two

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.measure.live_factors import live_tensors


def knob_of(desk: Desk, adapter: str, name: str) -> Any:
    engine: Any = desk.engine
    return next(engine.knob(one) for one in desk.adapters[adapter].targets if one.name.endswith(name))


def test_each_adapter_has_its_own_tensors_in_a_layer_of_two() -> None:
    desk = Desk(two())
    for adapter, rank in (("pirate", 4), ("poet", 2)):
        tensor = live_tensors(knob_of(desk, adapter, "layers.0.self_attn.q_proj"))
        a, b = tensor("lora_A.weight"), tensor("lora_B.weight")
        assert a is not None and b is not None and (a.shape[0], b.shape[1]) == (rank, rank)


@pytest.mark.parametrize("faders", [Faders(master=0.0), Faders(rank=1), Faders(energy=0.5), Faders(on=False)], ids=str)
def test_faders_do_not_change_them(faders: Faders) -> None:
    desk = Desk(pirate())
    tensor = live_tensors(knob_of(desk, "pirate", "layers.1.mlp.up_proj"))
    roles = ("lora_A.weight", "lora_B.weight")
    before = [found.clone() for role in roles if (found := tensor(role)) is not None]
    desk.apply(Mix({"pirate": faders}))
    after = [found for role in roles if (found := tensor(role)) is not None]
    assert len(before) == len(after) == 2
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_a_layer_has_not_is_none() -> None:
    tensor = live_tensors(knob_of(Desk(pirate()), "pirate", "layers.0.self_attn.q_proj"))
    assert tensor("lora_embedding_A") is None and tensor("hada_w1_a") is None and tensor("nothing.weight") is None
