"""What a sweep goes along, without the line that it was written as."""

from __future__ import annotations

import pytest
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.fader import Fader
from lora_mixer.lora_ops.lab.axis import Axis, Crossfader, under_setting

MASTER, QUERIES = Fader("pirate", "master"), Fader("pirate", "kind", "q_proj")
A, B = mix_of(kinds={"q_proj": 0.0}), mix_of(master=2.0)


def test_an_axis_tells_what_it_moves_and_how_far() -> None:
    turns = Axis("each", (("master 0.5", {MASTER: 0.5}), ("q_proj 2", {QUERIES: 2.0})), each=True)
    assert turns.gains == (0.5, 2.0) and turns.of == "master" and turns.faders == {MASTER, QUERIES}
    assert turns.mixes(Mix()) == [mix_of(master=0.5), mix_of(kinds={"q_proj": 2.0})]


def test_an_adapter_that_is_moved_plays_and_the_others_stay_as_they_are() -> None:
    base = Mix({"pirate": Faders(on=False), "poet": Faders(on=False, master=3.0)})
    found = under_setting(base, {MASTER: 0.5, QUERIES: 2.0})
    assert found == Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 2.0}), "poet": Faders(on=False, master=3.0)})
    assert base["pirate"].on is False, "a mix is never changed in place"


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_a_crossfader_alone_is_the_mix_between_and_faders_above_it_multiply(t: float) -> None:
    fader = Crossfader(A, B)
    assert under_setting(mix_of(master=7.0), {fader: t}) == Mix.between(A, B, t)
    moved = under_setting(Mix(), {fader: t, MASTER: 0.5})
    assert moved["pirate"].master == 0.5 and moved["pirate"].on
    assert Axis("crossfade", (("crossfade", {fader: t}),)).of == "crossfade"


def test_crossfaders_are_one_fader_and_come_before_all_others() -> None:
    one, other = Crossfader(A, B), Crossfader(B, A)
    assert one != other and hash(one) == hash(other)
    assert one < MASTER and not one < other
