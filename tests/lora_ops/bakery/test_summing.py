"""What several adapters add at one target, put together."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import BOTH, mixed, same_rank
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combine, combined
from lora_mixer.lora_ops.bakery.ways import COMBINATIONS, NEED_DENSITY, Recipe
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights


def test_experts_concatenate(tmp_path: Path):
    experts = ["experts.gate_up_proj", "experts.down_proj"]
    one, other = (
        tiny.add(tiny.llama4(), tiny.lora(r=rank, target_modules=[], target_parameters=experts), name)
        for rank, name in ((4, "pirate"), (2, "poet"))
    )
    mixes = Mix({"pirate": Faders(master=0.5), "poet": Faders(master=2.0)})
    parts = [loaded_weights(Desk(model), name) for model, name in ((one, "pirate"), (other, "poet"))]
    draft = combined(parts, mixes, Recipe())
    total: dict[str, Any] = {}
    for model, name in ((one, "pirate"), (other, "poet")):
        desk = Desk(model)
        desk.apply(Mix({name: mixes[name]}))
        for target in desk.adapters[name].scalable:
            total[target.name] = total.get(target.name, 0) + desk.engine.knob(target).layer.get_delta_weight(name)
    folded = tiny.add(tiny.llama4(), tiny.lora(r=6, lora_alpha=6, target_modules=[], target_parameters=experts), "both")
    from peft.utils import set_peft_model_state_dict

    set_peft_model_state_dict(folded, dict(draft.tensors), adapter_name="both")
    desk = Desk(folded)
    for target in desk.adapters["both"].scalable:
        torch.testing.assert_close(
            desk.engine.knob(target).layer.get_delta_weight("both"), total[target.name], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("combination", [one for one in COMBINATIONS if one != "cat"])
def test_combinations_are_those_of_peft(combination: Any, tmp_path: Path):
    """PEFT on a whole model with the gain in `scaling`, against ours target by target; DARE with nothing dropped."""
    density = 1.0 if "dare" in combination else 0.6
    recipe = Recipe(combination, density=density if combination in NEED_DENSITY else None)
    model = same_rank()
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=0.8, kinds={"q_proj": 1.5}), "poet": Faders(master=0.4, layers={1: 0.3})})
    draft = combined([loaded_weights(desk, name) for name in BOTH], mix, recipe)
    assert (draft.kept is not None) == (combination == "svd")
    desk.apply(mix)
    if combination.endswith("svd"):  # PEFT 0.18 would multiply by the scaling twice
        for layer in tiny.adapter_layers(model):
            for name in BOTH:
                layer.lora_B[name].weight.data *= layer.scaling[name]
                layer.scaling[name] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_weighted_adapter(BOTH, [1.0, 1.0], "sum", combination, svd_rank=4, density=recipe.density)
    theirs = loaded_weights(Desk(model), "sum")
    for target in theirs.targets:
        a, b = (theirs.tensors[key] for key in theirs.pair(target))
        own_a, own_b = (draft.tensors[key] for key in theirs.pair(target))
        torch.testing.assert_close(own_b @ own_a, b @ a, rtol=1e-3, atol=1e-4)


def test_svd_at_the_full_rank_is_exact_and_below_it_tells_what_is_kept(tmp_path: Path):
    desk = Desk(tiny.two())
    mix = mixed(desk)
    whole = combine(desk, mix, BOTH, tmp_path, "whole", Recipe("svd", rank=6))
    less = combine(desk, mix, BOTH, tmp_path, "less", Recipe("svd", rank=2))
    assert whole.kept == pytest.approx(1) and whole.greatest_difference is not None
    assert whole.greatest_difference < 1e-4
    assert less.rank == 2 and less.kept is not None and 0.3 < less.kept < 0.999
    assert less.greatest_difference is not None and less.greatest_difference > whole.greatest_difference
    huge = combine(desk, mix, BOTH, tmp_path, "huge", Recipe("svd", rank=64))
    assert huge.rank == 6 and huge.greatest_difference is not None and huge.greatest_difference < 1e-4


def test_dare_drops_the_same_again_with_the_same_seed():
    desk = Desk(same_rank())
    parts = [loaded_weights(desk, name) for name in BOTH]
    state = torch.get_rng_state()
    drafts = [combined(parts, Mix(), Recipe("dare_linear", density=0.5, seed=seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    key = next(iter(drafts[0].tensors))
    assert torch.equal(drafts[0].tensors[key], drafts[1].tensors[key])
    assert not torch.equal(drafts[0].tensors[key], drafts[2].tensors[key])


def test_a_negative_gain_turns_an_adapter_round():
    desk = Desk(same_rank())
    parts = [loaded_weights(desk, name) for name in BOTH]
    alone = [parts[0]]
    plus = combined(alone, Mix(), Recipe("linear"))
    minus = combined(alone, Mix({"pirate": Faders(master=-1.0)}), Recipe("linear"))
    for target in parts[0].targets:
        a, b = parts[0].pair(target)
        torch.testing.assert_close(minus.tensors[b] @ minus.tensors[a], -(plus.tensors[b] @ plus.tensors[a]))


@tiny.some
@given(st.data())
def test_any_mix_concatenates_to_the_sum_that_the_desk_plays(data: st.DataObject):
    desk = Desk(tiny.two())
    mix = data.draw(tiny.mixes(desk.adapters.values()))
    uniform = data.draw(st.booleans())
    parts = [loaded_weights(desk, name) for name in BOTH]
    draft = combined(parts, mix, Recipe(uniform=uniform))
    desk.apply(mix)
    for target in desk.adapters["pirate"].scalable:
        layer = desk.engine.knob(target).layer
        live = sum(layer.get_delta_weight(name) for name in BOTH if name in layer.lora_A)
        a, b = (draft.tensors[key] for key in parts[0].pair(target))
        torch.testing.assert_close(b @ a * (draft.rank / a.shape[0]), live, rtol=1e-4, atol=1e-4)
