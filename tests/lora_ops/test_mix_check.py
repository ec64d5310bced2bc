"""Whether a mix is one for a desk's adapters."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Desk, Faders, Mix


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (Mix({"pirat": Faders()}), "this model has no adapter 'pirat'; it has pirate"),
        (mix_of(kinds={"q_porj": 0.5}), "adapter 'pirate' has no kind 'q_porj'; it has q_proj"),
        (mix_of(layers={2: 0.5}), "adapter 'pirate' has no layer 2; it has 0, 1"),
        (mix_of(modules={"lm_head": 0.5}), "adapter 'pirate' has no target 'lm_head'; it has"),
        (mix_of("poet", kinds={"up_proj": 0.5}), "adapter 'poet' has no kind 'up_proj'; it has"),
        (mix_of(master=1e30, kinds={"q_proj": 1e30}), "the gains of model.layers.0.self_attn.q_proj in adapter"),
        (
            mix_of(master=1e30, kinds={"q_proj": 1e30}, layers={0: 0.0}),
            "layers.1.self_attn.q_proj in adapter 'pirate' multiply to no finite number of 32 bits (master 1e+30,",
        ),
        (mix_of(master=3.3e38), "multiply to no finite number"),
    ],
    ids=["adapter", "kind", "layer", "target", "kind of the other", "overflow", "overflow times zero", "times scaling"],
)
def test_a_mix_that_does_not_fit_is_refused_and_nothing_moves(mix: Mix, message: str):
    model = tiny.two()
    desk = Desk(model)
    good = Mix({"pirate": Faders(master=0.3), "poet": Faders(kinds={"v_proj": 2.0})})
    desk.apply(good)
    numbers, said = tiny.scalings(model), tiny.logits(model)
    for attempt in (desk.check, desk.apply, lambda mix: desk.rows([good, mix]).__enter__()):
        with pytest.raises(ValueError, match="has no|finite") as refusal:
            attempt(mix)
        assert message in str(refusal.value)
        assert desk.mix == good
        assert tiny.same_objects(tiny.scalings(model), numbers)
        assert torch.equal(tiny.logits(model), said)


def test_large_gains_that_never_meet_are_finite():
    desk = Desk(tiny.pirate(rank_pattern={"q_proj": 2}))
    desk.apply(mix_of(kinds={"q_proj": 1e30}, modules={"model.layers.0.mlp.up_proj": 1e30}))
    desk.apply(mix_of(master=0.0, kinds={"q_proj": 1e30}, layers={0: 1e30}, on=False))


def test_a_model_without_layers_has_no_layer_to_move():
    desk = Desk(tiny.pirate(target_modules=["lm_head"]))
    with pytest.raises(ValueError, match=r"adapter 'pirate' has no layer 0$"):
        desk.apply(mix_of(layers={0: 0.5}))


def test_a_long_list_of_names_is_cut():
    desk = Desk(tiny.pirate())
    with pytest.raises(ValueError, match="…") as refusal:
        desk.apply(mix_of(modules={"zzz": 0.5}))
    assert len(str(refusal.value)) < 400
