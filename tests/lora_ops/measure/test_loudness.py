"""Loudness: the norms that PEFT's own delta weights have, at every gain, for every kind of adapter."""

from __future__ import annotations

import pytest
from helpers import tiny
from helpers.tiny import mix_of, pirate
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix, loudness


def test_kinds_and_layers_are_taken_as_one_large_weight():
    desk = Desk(pirate())
    measured = loudness(desk)
    mix = mix_of(kinds={"q_proj": 0.5}, layers={1: 2.0})
    levels = measured.at(mix)
    for groups, of in ((levels.kinds, "kind"), (levels.layers, "layer")):
        for group, ratio in groups["pirate"].items():
            members = [loud for loud in measured.adapters["pirate"] if getattr(loud.target, of) == group]
            norm = sum((loud.norm * mix.gain(loud.target)) ** 2 for loud in members) ** 0.5
            base = sum(loud.base**2 for loud in members) ** 0.5
            assert ratio == pytest.approx(norm / base)
    assert list(levels.layers["pirate"]) == [0, 1]


_MEASURED = loudness(Desk(tiny.two()))


@tiny.some
@given(st.floats(min_value=-8, max_value=8), st.booleans())
def test_plain_adapters_are_in_proportion_to_the_gain_and_silent_when_off(gain: float, on: bool):
    levels = _MEASURED.at(Mix({"pirate": Faders(on=on, master=gain)}))
    for loud in _MEASURED.adapters["pirate"]:
        assert loud.ratio is not None
        wanted = abs(gain) * loud.ratio if on else 0.0
        assert levels.targets["pirate"][loud.target.name] == pytest.approx(wanted)
    for loud in _MEASURED.adapters["poet"]:
        assert levels.targets["poet"][loud.target.name] == loud.ratio


def test_nothing_is_changed():
    desk = Desk(pirate(tiny.quantised(8)))
    desk.apply(mix_of(master=0.5))
    before, scalings = tiny.fingerprint(desk.engine.model), tiny.scalings(desk.engine.model)
    loudness(desk)
    assert tiny.fingerprint(desk.engine.model) == before
    assert tiny.same_objects(tiny.scalings(desk.engine.model), scalings)
