"""Which rank: the planted one is found, what is heard or was measured outweighs it, and what is not known is told."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from helpers.advised import curve, heard, line, made
from helpers.planted import planted

from lora_mixer.lora_ops import Sure


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


def test_the_rank_that_is_heard_is_taken_and_so_is_the_energy() -> None:
    assert made(planted(6), heard(rank=2)).r == 2
    assert line(made(planted(6), heard(rank=2)), "r").sure is Sure.heard
    model = planted(3, 0.3)
    assert made(model, heard(energy=0.5)).r == made(model, energy=0.5).r


def test_a_fader_that_hears_all_components_says_nothing() -> None:
    assert line(made(planted(3), heard(rank=16)), "r").sure is Sure.measured


def test_a_curve_over_the_rank_outweighs_energy() -> None:
    perplexities = {1.0: 9.0, 2.0: 3.02, 4.0: 3.0, 16.0: 3.01}
    found = made(planted(6), curves=[curve("rank", perplexities)])
    assert found.r == 2 and line(found, "r").sure is Sure.measured and "3.02" in line(found, "r").why
    assert made(planted(6), curves=[curve("poet · rank", perplexities)]).r == 6
    assert made(planted(6), curves=[curve("pirate · rank", perplexities)]).r == 2


def test_an_adapter_that_adds_nothing_says_so_and_keeps_its_rank() -> None:
    model = planted(3)
    with torch.no_grad():
        for layer in tiny.adapter_layers(model):
            layer.lora_B["pirate"].weight.zero_()
    found = made(model)
    assert found.r == 16 and "B is zero" in line(found, "r").why and line(found, "r").sure is Sure.unknown
    assert len(found.target_modules) == 7


def test_dora_keeps_its_rank_since_what_it_needs_is_not_known() -> None:
    found = made(tiny.pirate(use_dora=True))
    assert found.dora and found.r == 4 and line(found, "r").sure is Sure.unknown and "DoRA" in line(found, "r").why


@pytest.mark.parametrize(("r", "rules"), [(8, {"r", "data"}), (40, {"data"}), (64, {"use_rslora", "data"})])
def test_the_old_rules_are_told_where_they_hold(r: int, rules: set[str]) -> None:
    model = tiny.pirate(tiny.llama(hidden_size=64, intermediate_size=64), r=r, lora_alpha=r)
    found = made(model, energy=1)
    assert found.r == r
    assert {one.of for one in found.lines if one.sure is Sure.rule} - {"lora_alpha"} >= rules
    told = [one for one in found.lines if one.of == "use_rslora" and "try it" in one.advice]
    assert bool(told) == (r >= 64)
