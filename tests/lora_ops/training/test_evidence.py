"""What is known of an adapter: measured here or read from a file, as the faders stand, and of this adapter alone."""

from __future__ import annotations

import json

import pytest
import torch
from helpers.advised import heard, line, made
from helpers.planted import planted

from lora_mixer.lora_ops import Desk, Sure, impact, recipe, spectrum
from lora_mixer.lora_ops.measure.spectrum import TargetSpectrum
from lora_mixer.lora_ops.training.evidence import loudness_of, shared_rank


def test_an_adapter_that_is_off_is_taken_as_loaded_and_that_is_said() -> None:
    for mix in (heard(on=False), heard(master=0.0)):
        found = made(planted(3), mix)
        assert found.r == 3 and found.alpha == 3 and len(found.target_modules) == 7
        assert "as it was loaded" in line(found, "gain").why


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


def of_values(*experts: tuple[float, ...], reason: str = "") -> TargetSpectrum:
    target = Desk(planted(1)).adapters["pirate"].targets[0]
    return TargetSpectrum(target, experts, reason)


def test_a_shared_rank_holds_the_share_of_the_energy_of_all_together() -> None:
    loud, quiet = of_values((10.0, 1.0)), of_values((1.0, 1.0, 1.0))
    # By the strongest 1, 2, 3 of each: 101, 103 and 104 of 104.
    assert [shared_rank([loud, quiet], share) for share in (0.97, 0.99, 1)] == [1, 2, 3]
    assert shared_rank([quiet], 0.97) == 3
    assert shared_rank([of_values(reason="DoRA"), loud], 0.9) == 1, "what is not known says nothing"
    assert shared_rank([of_values(reason="DoRA")], 0.9) == shared_rank([], 0.9) == 0


def test_loudness_of_another_adapter_is_none_of_this_one() -> None:
    levels = {"kinds": {"poet": {"q_proj": 0.1}, "pirate": {"q_proj": 0.2, "v_proj": None}}}
    assert loudness_of(levels, "pirate") == {"q_proj": 0.2} and loudness_of(levels, "nobody") == {}
    assert loudness_of(None, "pirate") == {}
