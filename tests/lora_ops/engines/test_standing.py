"""What is told of a mix that is sent away to be played."""

from __future__ import annotations

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines.standing import Standing

HALF = Mix({"pirate": Faders(master=0.5)})


def test_a_mix_can_be_heard_when_it_has_arrived_and_no_other_can() -> None:
    standing = Standing(HALF)
    assert not standing.plays(HALF) and "on its way" in standing.told()
    there = standing.arrived(0.25, 8, 0.0)
    assert there.plays(HALF) and not there.plays(Mix())
    assert there.told() == "the server has this mix as an adapter of rank 8, written and loaded in 0.25 s"


def test_what_is_left_out_of_it_is_told_and_that_nothing_is_heard() -> None:
    assert "2.50% of its energy is left out" in Standing(HALF).arrived(0, 4, 0.025).told()
    assert "base model" in Standing(HALF).arrived(0, None, 0.0).told()


def test_one_that_is_refused_is_not_heard_and_says_why() -> None:
    refused = Standing(HALF).refused(ValueError("no room"), 4)
    assert not refused.plays(HALF) and refused.told() == "not heard: no room" and refused.most_rank == 4
