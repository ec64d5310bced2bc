"""A fader by itself: its key, its name, and that it moves nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.faded import FADERS, fades, gains, mixes
from helpers.tiny import mix_of
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Fade, Fader, Mix


@given(mix=mixes, fader=st.sampled_from(FADERS), gain=gains)
def test_a_fader_that_is_put_somewhere_stands_there_and_no_other_moves(mix: Mix, fader: Fader, gain: float):
    moved = fader.put(mix, gain)
    assert fader.read(moved) == gain and fader.fade(moved) is None
    for other in FADERS:
        if other != fader:
            assert (other.read(moved), other.fade(moved)) == (other.read(mix), other.fade(mix))
    assert moved["pirate"].on == mix["pirate"].on
    assert fader.put(fader.put(mix, 3.0), gain) == moved


@given(mix=mixes, fader=st.sampled_from(FADERS), fade=fades)
def test_a_fader_that_is_given_a_fade_reads_as_it_begins(mix: Mix, fader: Fader, fade: Fade):
    faded = fader.put_fade(mix, fade)
    assert (fader.fade(faded), fader.read(faded)) == (fade, fade.gain(0))
    still = fader.put_fade(faded, None)
    assert fader.fade(still) is None
    assert fader.read(still) == fader.read(fader.put_fade(mix, None))


def test_faders_at_one_are_not_named_so_that_equal_mixes_are_equal():
    assert Fader("pirate", "kind", "q_proj").put(mix_of(kinds={"q_proj": 0.5}), 1.0) == mix_of()
    assert Fader("pirate", "layer", 3).put(Mix(), 2.0) == mix_of(layers={3: 2.0})


@pytest.mark.parametrize("fader", FADERS, ids=lambda fader: fader.key)
def test_a_fader_is_found_by_its_key(fader: Fader):
    assert Fader.from_key("pirate", fader.key) == fader
    assert hash(Fader.from_key("pirate", fader.key)) == hash(fader)


def test_faders_have_names_for_people_and_an_order():
    assert [fader.label for fader in (FADERS[0], FADERS[1], FADERS[4], FADERS[6])] == [
        "pirate · master",
        "pirate · up_proj",
        "pirate · layer 0",
        "pirate · model.layers.0.mlp.up_proj",
    ]
    assert sorted([FADERS[6], FADERS[0], FADERS[4], FADERS[1]]) == [FADERS[1], FADERS[4], FADERS[0], FADERS[6]]


@pytest.mark.parametrize(
    "key", ["", "mster", "master:", "layer:", "layer:x", "layer:-1", "layer:03", "layer:²", "kind:"]
)
def test_what_is_no_key_is_refused(key: str):
    with pytest.raises(ValueError, match="no fader is called"):
        Fader.from_key("pirate", key)


@pytest.mark.parametrize(
    ("of", "name"),
    [("master", "x"), ("kind", None), ("kind", ""), ("layer", "3"), ("layer", True), ("target", 3), ("x", "y")],
)
def test_what_is_no_fader_is_refused(of: Any, name: Any):
    with pytest.raises(ValueError, match="there is no fader of"):
        Fader("pirate", of, name)
