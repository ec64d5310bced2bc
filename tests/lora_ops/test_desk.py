"""The desk: a mix against a live model, obeyed by the next forward pass, and a way back bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, mix_of, scalable

from lora_mixer.lora_ops import Desk, Faders, Mix, Target

# Exactness


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_off_is_the_base_model_to_the_bit(kind: Kind):
    model = kind.build()
    base, loaded = tiny.base_logits(model), tiny.logits(model)
    assert not torch.equal(base, loaded)
    desk = Desk(model)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(model), base)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_masters_at_zero_are_the_base_model_to_the_bit(kind: Kind):
    model = kind.build()
    base = tiny.base_logits(model)
    desk = Desk(model)
    desk.apply(Mix({name: Faders(master=0.0) for name in desk.adapters}))
    assert torch.equal(tiny.logits(model), base)


def test_all_off_is_the_very_model_that_had_no_adapters():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(desk.base())
    assert torch.equal(tiny.logits(model), tiny.logits(tiny.llama()))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_reset_is_as_loaded_to_the_bit(kind: Kind):
    model = kind.build()
    loaded, numbers, before = tiny.logits(model), tiny.scalings(model), tiny.fingerprint(model)
    desk = Desk(model)
    for gain in (0.0, 0.37, -1.4):
        desk.apply(Mix({name: Faders(master=gain) for name in desk.adapters}))
        tiny.logits(model)
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert torch.equal(tiny.logits(model), loaded)
    assert tiny.fingerprint(model) == before


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_mix_of_ones_is_as_loaded_to_the_bit(kind: Kind):
    model = kind.build()
    loaded = tiny.logits(model)
    desk = Desk(model)
    desk.apply(desk.base())
    playing = [adapter for adapter in desk.adapters.values() if adapter.name in desk.heard(Mix())]
    desk.apply(Mix({a.name: Faders(kinds=dict.fromkeys(a.kinds, 1.0)) for a in playing}))
    assert torch.equal(tiny.logits(model), loaded)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_desk_says_what_stands_in_every_layer(kind: Kind):
    model = kind.build()
    desk = Desk(model)
    mix = Mix({name: Faders(master=0.5) for name in desk.adapters})
    desk.apply(mix)
    assert desk.mix == mix
    for target in scalable(desk):
        assert desk.scaling(target) == target.scaling * 0.5
    assert sorted(tiny.scalings(model)) == sorted(target.scaling * 0.5 for target in scalable(desk))


def test_one_silent_target_is_a_model_whose_adapter_lacks_it():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(modules={"model.layers.1.mlp.down_proj": 0.0}))
    without = tiny.pirate()
    without.base_model.model.model.layers[1].mlp.down_proj.scaling["pirate"] = 0.0
    assert torch.equal(tiny.logits(model), tiny.logits(without))


def test_a_mix_moves_its_own_adapter_alone():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(mix_of("poet", master=0.0))
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0}
    assert {desk.scaling(target) for target in desk.adapters["poet"].targets} == {0.0}


# At rest


def test_a_desk_leaves_trainable_parameters_trainable_and_the_others_not():
    model = tiny.two()
    before = [(name, parameter.requires_grad) for name, parameter in model.named_parameters()]
    desk = Desk(model)
    desk.apply(desk.base())
    desk.engine.playing.only(["poet"])
    desk.reset()
    assert [(name, parameter.requires_grad) for name, parameter in model.named_parameters()] == before


def test_a_target_that_is_not_there_has_no_scaling():
    desk = Desk(tiny.pirate())
    stranger = Target("poet", "lm_head", None, "lm_head", 4, 8.0, 2.0, True)
    with pytest.raises(ValueError, match="lm_head of 'poet' has no scaling here"):
        desk.scaling(stranger)


def test_when_a_move_fails_half_way_the_faders_stand_where_they_stood(monkeypatch: pytest.MonkeyPatch):
    model = tiny.pirate(use_dora=True)
    desk = Desk(model)
    desk.apply(mix_of(kinds={"q_proj": 0.5}))
    numbers = [desk.scaling(target) for target in scalable(desk)]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the base weight cannot be read")

    # The norm of q_proj is known by now; v_proj's is not, and comes after q_proj.
    monkeypatch.setattr("peft.utils.integrations.dequantize_module_weight", broken)
    with pytest.raises(RuntimeError, match="cannot be read"):
        desk.apply(mix_of(kinds={"q_proj": 0.25, "v_proj": 0.5}))
    assert desk.mix == mix_of(kinds={"q_proj": 0.5})
    assert [desk.scaling(target) for target in scalable(desk)] == numbers
