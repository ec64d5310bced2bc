"""What to try next time: right where the truth is known, and honest about what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.planted import planted
from helpers.tiny import KINDS, Kind

from lora_mixer.lora_ops import (
    Advice,
    Curve,
    Desk,
    Faders,
    Mix,
    NextTraining,
    Sure,
    impact,
    loudness,
    read_weights,
    recipe,
    spectrum,
    spectrum_weights,
)
from lora_mixer.lora_ops.lab.curves import Point


def made(model: Any, mix: Mix | None = None, **more: Any) -> NextTraining:
    desk = Desk(model)
    return recipe(spectrum(desk), desk.adapters["pirate"], mix, **more)


def line(found: NextTraining, of: str) -> Advice:
    """The first line about a setting."""
    return next(one for one in found.lines if one.of == of)


def curve(label: str, perplexities: dict[float, float]) -> Curve:
    points = [
        Point(gain, -float(torch.tensor(one).log()), one, divergence=0.0, agreement=1.0)
        for gain, one in perplexities.items()
    ]
    return Curve(label, tuple(points), 50)


def heard(**faders: Any) -> Mix:
    return Mix({"pirate": Faders(**faders)})


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_a_planted_rank_under_noise_is_found(rank: int) -> None:
    found = made(planted(rank))
    assert found.r == rank and found.alpha == rank and not found.rank_pattern and not found.alpha_pattern
    assert line(found, "r").sure is Sure.measured and line(found, "r").number == rank
    assert "importance" in line(found, "r").why


def test_a_rank_that_was_filled_is_said_to_tell_nothing_of_a_higher_one() -> None:
    found = made(planted(16))
    assert found.r == 16 and "cannot be seen" in line(found, "r").why


def test_more_of_the_energy_asks_for_a_higher_rank() -> None:
    model = planted(3, 0.3)
    ranks = [made(model, energy=energy).r for energy in (0.5, 0.9, 0.99, 1)]
    assert ranks == sorted(ranks) and ranks[0] <= 3 and ranks[-1] == 16


def test_kinds_that_need_more_have_a_rank_of_their_own_at_the_same_scaling() -> None:
    found = made(planted(lambda name: 8 if name.endswith("o_proj") else 2))
    # One rank for all has to be enough for the whole; beside it each kind has what it needs.
    assert found.r >= 7 and found.rank_of("o_proj") >= 7 and found.rank_of("q_proj") == 2
    for kind in found.target_modules:
        assert found.alpha_of(kind) / found.rank_of(kind) == pytest.approx(1, abs=0.02)
    assert line(found, "rank_pattern").sure is Sure.measured


@pytest.mark.parametrize("rank_stabilised", [False, True])
def test_alpha_keeps_the_scaling_that_was_trained(rank_stabilised: bool) -> None:
    found = made(planted(4, lora_alpha=32, use_rslora=rank_stabilised))
    assert found.rank_stabilised is rank_stabilised
    scaling = found.alpha / (found.r**0.5 if rank_stabilised else found.r)
    assert scaling == pytest.approx(32 / (4 if rank_stabilised else 16), rel=1e-3)
    assert line(found, "lora_alpha").sure is Sure.rule and line(found, "lora_alpha").source


def test_a_master_of_a_half_halves_alpha() -> None:
    found = made(planted(4), heard(master=0.5))
    assert found.r == 4 and found.alpha == 2
    told = line(found, "lora_alpha")
    assert told.sure is Sure.heard and told.number == 0.5 and "0.5" in told.why


def test_kinds_and_layers_that_stand_at_0_are_left_out() -> None:
    found = made(planted(4), heard(kinds={"k_proj": 0.0}, layers={1: 0.0}))
    assert "k_proj" not in found.target_modules and len(found.target_modules) == 6 and found.layers == (0,)
    assert line(found, "target_modules").sure is line(found, "layers_to_transform").sure is Sure.heard


def test_a_kind_at_another_gain_has_an_alpha_of_its_own() -> None:
    found = made(planted(4), heard(kinds={"v_proj": 2.0}))
    assert found.alpha == 4 and found.alpha_pattern == {"v_proj": 8}
    assert line(found, "alpha_pattern").sure is Sure.heard


def test_a_single_target_at_0_is_left_out_by_name() -> None:
    name = "model.layers.1.mlp.up_proj"
    found = made(planted(4), heard(modules={name: 0.0}))
    assert found.exclude_modules == (name,) and len(found.target_modules) == 7 and found.layers is None


def test_gains_that_no_kind_can_hold_are_told() -> None:
    found = made(planted(4), heard(layers={0: 0.25}))
    assert any("do not" in one.why or "does not hold" in one.why for one in found.lines if one.of == "alpha_pattern")


def test_the_rank_that_is_heard_is_taken_and_so_is_the_energy() -> None:
    assert made(planted(6), heard(rank=2)).r == 2
    assert line(made(planted(6), heard(rank=2)), "r").sure is Sure.heard
    model = planted(3, 0.3)
    assert made(model, heard(energy=0.5)).r == made(model, energy=0.5).r


def test_a_fader_that_hears_all_components_says_nothing() -> None:
    assert line(made(planted(3), heard(rank=16)), "r").sure is Sure.measured


def test_an_adapter_that_is_off_is_taken_as_loaded_and_that_is_said() -> None:
    for mix in (heard(on=False), heard(master=0.0)):
        found = made(planted(3), mix)
        assert found.r == 3 and found.alpha == 3 and len(found.target_modules) == 7
        assert "as it was loaded" in line(found, "gain").why


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


def test_a_measured_impact_is_taken_as_it_is_and_as_plain_data() -> None:
    desk = Desk(planted(3))
    measured = impact(desk, torch.tensor([[5, 6, 7, 8, 9]]))
    found = recipe(spectrum(desk), desk.adapters["pirate"], impact=measured)
    assert found == recipe(spectrum(desk), desk.adapters["pirate"], impact=json.loads(json.dumps(measured.to_dict())))
    assert (
        line(found, "target_modules").sure is Sure.measured and "other faders" not in line(found, "target_modules").why
    )
    moved = recipe(spectrum(desk), desk.adapters["pirate"], heard(master=0.5), impact=measured)
    assert "other faders" in line(moved, "target_modules").why


def test_targets_alone_are_enough_of_an_impact() -> None:
    desk = Desk(planted(3))
    measured = impact(desk, torch.tensor([[5, 6, 7, 8, 9]]), parts=["target"])
    assert (
        line(recipe(spectrum(desk), desk.adapters["pirate"], impact=measured), "target_modules").sure is Sure.measured
    )


def test_an_impact_of_another_adapter_is_refused() -> None:
    with pytest.raises(ValueError, match="poet"):
        made(planted(3), impact={"targets": {"poet": {"x": 1.0}}, "kinds": {}, "layers": {}})
    with pytest.raises(ValueError, match="no impact"):
        made(planted(3), impact={"targets": 3})
    with pytest.raises(ValueError, match="no loudness"):
        made(planted(3), loudness={"targets": {}})


def test_a_curve_over_the_rank_outweighs_energy() -> None:
    perplexities = {1.0: 9.0, 2.0: 3.02, 4.0: 3.0, 16.0: 3.01}
    found = made(planted(6), curves=[curve("rank", perplexities)])
    assert found.r == 2 and line(found, "r").sure is Sure.measured and "3.02" in line(found, "r").why
    assert made(planted(6), curves=[curve("poet: rank", perplexities)]).r == 6
    assert made(planted(6), curves=[curve("pirate: rank", perplexities)]).r == 2


def test_a_curve_over_the_master_moves_alpha_unless_the_fader_was_moved() -> None:
    turns = curve("master", {0.0: 9.0, 0.75: 3.0, 1.5: 4.0})
    found = made(planted(4), curves=[turns])
    assert found.alpha == 3 and line(found, "lora_alpha").sure is Sure.measured
    assert made(planted(4), heard(master=0.5), curves=[turns]).alpha == 2
    still_rising = curve("master", {0.0: 9.0, 1.5: 4.0})
    assert made(planted(4), curves=[still_rising]).alpha == 4


def test_an_adapter_that_adds_nothing_says_so_and_keeps_its_rank() -> None:
    model = planted(3)
    with torch.no_grad():
        for layer in tiny.adapter_layers(model):
            layer.lora_B["pirate"].weight.zero_()
    found = made(model)
    assert found.r == 16 and "B is zero" in line(found, "r").why and line(found, "r").sure is Sure.unknown
    assert len(found.target_modules) == 7


def test_a_kind_that_adds_nothing_is_left_out() -> None:
    model = planted(3)
    with torch.no_grad():
        for name, layer in model.named_modules():
            if name.endswith("v_proj"):
                layer.lora_B["pirate"].weight.zero_()
    found = made(model)
    assert "v_proj" not in found.target_modules and "B is zero" in line(found, "target_modules").why


def test_dora_keeps_its_rank_since_what_it_needs_is_not_known() -> None:
    found = made(tiny.pirate(use_dora=True))
    assert found.dora and found.r == 4 and line(found, "r").sure is Sure.unknown and "DoRA" in line(found, "r").why


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_adapter_has_a_recipe_that_survives_json(kind: Kind) -> None:
    desk = Desk(kind.build())
    known = spectrum(desk)
    for name, adapter in desk.adapters.items():
        if not adapter.scalable:
            continue
        found = recipe(known, adapter)
        assert found.adapter == name and found.r >= 1 and found.alpha > 0
        assert set(found.target_modules) <= set(adapter.kinds)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
        assert all(one.advice and one.why and (one.sure is not Sure.rule or one.source) for one in found.lines)


def test_the_folder_alone_gives_the_same_recipe(tmp_path: Path) -> None:
    for options in ({}, {"use_rslora": True}):
        model = planted(3, **options)
        live = made(model)
        model.save_pretrained(tmp_path)
        weights = read_weights(tmp_path / "pirate")
        found = recipe(spectrum_weights([weights]), weights.adapter)
        assert set(found.target_modules) == set(live.target_modules)  # a file has them in an order of its own
        assert replace(found, lines=(), target_modules=()) == replace(live, lines=(), target_modules=())
        assert [(one.of, one.sure) for one in found.lines] == [(one.of, one.sure) for one in live.lines]


def test_what_cannot_be_is_refused() -> None:
    desk = Desk(planted(3))
    known = spectrum(desk)
    with pytest.raises(ValueError, match="share of the energy"):
        recipe(known, desk.adapters["pirate"], energy=95)
    other = replace(desk.adapters["pirate"], name="poet")
    with pytest.raises(ValueError, match="poet"):
        recipe(known, other)
    with pytest.raises(ValueError, match="no recipe"):
        recipe(known, replace(desk.adapters["pirate"], targets=()))
