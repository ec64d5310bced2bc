"""Where to train: what stands at 0 or does nothing is left out, and nothing else."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from helpers.advised import heard, line, made
from helpers.planted import planted

from lora_mixer.lora_ops import Desk, Mix, Sure, loudness, recipe, spectrum
from lora_mixer.lora_ops.training.places import spans


def test_kinds_and_layers_that_stand_at_0_are_left_out() -> None:
    found = made(planted(4), heard(kinds={"k_proj": 0.0}, layers={1: 0.0}))
    assert "k_proj" not in found.target_modules and len(found.target_modules) == 6 and found.layers == (0,)
    assert line(found, "target_modules").sure is line(found, "layers_to_transform").sure is Sure.heard


def test_a_single_target_at_0_is_left_out_by_name() -> None:
    name = "model.layers.1.mlp.up_proj"
    found = made(planted(4), heard(modules={name: 0.0}))
    assert found.exclude_modules == (name,) and len(found.target_modules) == 7 and found.layers is None


def test_where_nothing_was_measured_every_kind_stays_and_the_line_says_so() -> None:
    found = made(planted(3))
    told = line(found, "target_modules")
    assert told.sure is Sure.unknown and "measure" in told.why and "not importance" in told.why
    assert set(found.target_modules) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert line(found, "layers_to_transform").sure is Sure.unknown and found.layers is None


def test_loudness_is_told_and_leaves_nothing_out() -> None:
    desk = Desk(planted(3))
    levels = loudness(desk).at(Mix())
    found = recipe(spectrum(desk), desk.adapters["pirate"], loudness=levels)
    assert "quietest" in line(found, "target_modules").why and len(found.target_modules) == 7
    assert recipe(spectrum(desk), desk.adapters["pirate"], loudness=levels.to_dict()) == found


def test_kinds_and_layers_without_impact_are_left_out_and_the_tokens_are_told() -> None:
    effect = {
        "targets": {"pirate": {}},
        "kinds": {"pirate": {"q_proj": 0.001, "k_proj": 0.002, "v_proj": 0.4, "o_proj": 0.3, "up_proj": 0.2}},
        "layers": {"pirate": {"0": 0.0001, "1": 0.5}},
        "tokens": 40,
    }
    found = made(planted(3), impact=effect)
    assert "q_proj" not in found.target_modules and "k_proj" not in found.target_modules
    assert "gate_proj" in found.target_modules  # not measured: not left out
    assert found.layers == (1,)
    told = line(found, "target_modules")
    assert told.sure is Sure.measured and "40 tokens" in told.why and "0.3%" in told.why


def test_a_kind_that_adds_nothing_is_left_out() -> None:
    model = planted(3)
    with torch.no_grad():
        for name, layer in model.named_modules():
            if name.endswith("v_proj"):
                layer.lora_B["pirate"].weight.zero_()
    found = made(model)
    assert "v_proj" not in found.target_modules and "B is zero" in line(found, "target_modules").why


def test_where_kinds_and_layers_that_earned_their_place_do_not_meet_all_stays_as_it_was() -> None:
    apart = r".*\.(1\.self_attn\.q_proj|2\.mlp\.up_proj)"
    effect = {
        "targets": {"pirate": {}},
        "kinds": {"pirate": {"q_proj": 1.0, "up_proj": 0.001}},
        "layers": {"pirate": {"1": 0.001, "2": 1.0}},
    }
    found = made(tiny.pirate(tiny.llama(num_hidden_layers=3), target_modules=apart), impact=effect)
    assert set(found.target_modules) == {"q_proj", "up_proj"} and found.layers == (1, 2)
    assert line(found, "target_modules").sure is Sure.unknown


def test_attention_alone_is_told_of_the_mlp() -> None:
    alone = made(tiny.pirate(target_modules=["q_proj", "v_proj"]))
    assert any("MLP" in one.advice and one.sure is Sure.rule for one in alone.lines)
    both = made(tiny.pirate(target_modules=["q_proj", "up_proj"]))
    assert not any("MLP" in one.advice for one in both.lines)


@pytest.mark.parametrize(
    ("layers", "told"), [([3], "3"), ([0, 1, 2], "0-2"), ([7, 8, 0, 5, 1], "0-1, 5, 7-8"), ([4, 2], "2, 4")]
)
def test_layers_are_told_as_spans(layers: list[int], told: str) -> None:
    assert spans(layers) == told
