"""Which alpha: what was trained at the new rank, and what is heard, for all and for single kinds."""

from __future__ import annotations

import pytest
from helpers.advised import curve, heard, line, made
from helpers.planted import planted

from lora_mixer.lora_ops import Sure


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


def test_a_kind_at_another_gain_has_an_alpha_of_its_own() -> None:
    found = made(planted(4), heard(kinds={"v_proj": 2.0}))
    assert found.alpha == 4 and found.alpha_pattern == {"v_proj": 8}
    assert line(found, "alpha_pattern").sure is Sure.heard


def test_gains_that_no_kind_can_hold_are_told() -> None:
    found = made(planted(4), heard(layers={0: 0.25}))
    assert any("do not" in one.why or "does not hold" in one.why for one in found.lines if one.of == "alpha_pattern")


def test_a_curve_over_the_master_moves_alpha_unless_the_fader_was_moved() -> None:
    turns = curve("master", {0.0: 9.0, 0.75: 3.0, 1.5: 4.0})
    found = made(planted(4), curves=[turns])
    assert found.alpha == 3 and line(found, "lora_alpha").sure is Sure.measured
    assert made(planted(4), heard(master=0.5), curves=[turns]).alpha == 2
    still_rising = curve("master", {0.0: 9.0, 1.5: 4.0})
    assert made(planted(4), curves=[still_rising]).alpha == 4


def test_a_gain_without_a_sign_is_advised_where_one_is_played_backwards_and_that_is_told() -> None:
    found = made(planted(4), heard(master=-0.5))
    assert found.alpha == 2
    assert "master -0.5" in line(found, "lora_alpha").why
    told = line(found, "data")
    assert told.sure is Sure.heard and "backwards" in told.why
    found = made(planted(4), heard(kinds={"v_proj": -2.0}))
    assert found.alpha_pattern == {"v_proj": 8} and "v_proj" in line(found, "data").advice
    assert line(made(planted(4)), "data").sure is Sure.rule


def test_an_alpha_of_a_kind_that_is_left_out_is_not_in_it() -> None:
    found = made(planted(4), heard(kinds={"v_proj": 2.0, "k_proj": 0.0}))
    assert found.alpha_pattern == {"v_proj": 8} and "k_proj" not in found.target_modules
