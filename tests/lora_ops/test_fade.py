"""Fades and the addresses of faders: plain data that survives every way it is written."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from typing import Any

import pytest
from helpers import tiny
from helpers.faded import FADERS, NAMES, fades, mixes, points
from helpers.tiny import mix_of
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Adapter, Fade, Mix, Target
from lora_mixer.ui.page.panel import Marked, Panel

TARGETS = tuple(
    Target("pirate", name, None if name == "lm_head" else int(name[13]), name.rpartition(".")[2], 4, 8.0, 2.0, True)
    for name in NAMES
)


# Fades


@given(fade=fades, token=st.integers(0, 3_000))
def test_a_fade_goes_straight_from_point_to_point_and_stays_at_its_ends(fade: Fade, token: int):
    before = [point for point in fade.points if point[0] <= token]
    after = [point for point in fade.points if point[0] > token]
    gain = fade.gain(token)
    if not before or not after:
        assert gain == (before[-1] if before else after[0])[1]
        return
    (left, one), (right, other) = before[-1], after[0]
    assert min(one, other) <= gain <= max(one, other) or gain == pytest.approx(one)
    assert gain == pytest.approx(one + (other - one) * (token - left) / (right - left), rel=1e-9, abs=1e-6)
    assert abs(gain) <= fade.loudest


@given(points)
def test_a_fade_is_exact_at_its_points(these: tuple[tuple[int, float], ...]):
    fade = Fade(these)
    assert [(token, fade.gain(token)) for token, _ in these] == list(these)


def test_a_stretch_between_equal_gains_is_exactly_that_gain():
    fade = Fade.parse("0.1 at 0, 0.1 at 7, 1 at 9, 1 at 1000")
    assert {fade.gain(token) for token in range(8)} == {0.1}
    assert {fade.gain(token) for token in range(9, 2000)} == {1.0}


@given(fades)
def test_what_a_fade_writes_it_reads_again(fade: Fade):
    assert Fade.parse(str(fade)) == fade


def test_a_fade_reads_as_people_write_it():
    fade = Fade.parse("  1 at 40,0 at 0 ,, .3 at 120,")
    assert fade.points == ((0, 0.0), (40, 1.0), (120, 0.3))
    assert str(fade) == "0 at 0, 1 at 40, 0.3 at 120"
    assert (fade.gain(20), fade.gain(80), fade.gain(500)) == (0.5, pytest.approx(0.65), 0.3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "at least one point: write gains at tokens, as in '0 at 0, 1 at 40, 0.3 at 120'"),
        (" , ", "at least one point"),
        ("loud", "'loud' is no point"),
        ("0 at 0, 1", "'1' is no point"),
        ("1 at 0 at 3", "'1 at 0 at 3' is no point"),
        ("loud at 0", "the gain 'loud' in 'loud at 0' is no number"),
        ("nan at 0", "the gain 'nan' at token 0 is no finite number"),
        ("1e999 at 0", "the gain 'inf' at token 0"),
        ("1 at -1", "the token '-1'"),
        ("1 at 0.5", "the token '0.5'"),
        ("1 at ²", "the token '²'"),
        ("1 at 99999999999999999999", "no whole number from 0 to 10,000,000"),
        ("1 at 3, 2 at 3", "each named once: 3 comes after 3"),
        (", ".join(f"1 at {at}" for at in range(1_001)), "at most 1,000 points"),
    ],
)
def test_what_is_no_fade_is_refused_and_it_is_said_what_to_write(text: str, named: str):
    with pytest.raises(ValueError) as refused:
        Fade.parse(text)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [(), 3, "0 at 0", [3], ["ab"], [(0, 1, 2)], [(0.0, 1)], [(True, 1)], [(0, True)], [(2, 1), (1, 1)], [(-1, 0)]],
)
def test_points_that_are_none_are_refused(wrong: Any):
    with pytest.raises(ValueError, match="point|token|gain"):
        Fade(wrong)


# Mixes with fades


@given(mix=mixes, token=st.integers(0, 2_500))
def test_at_each_token_a_mix_is_one_in_which_every_fade_stands_still(mix: Mix, token: int):
    expected = mix
    for fader in FADERS:
        if fade := fader.fade(mix):
            expected = fader.put(expected, fade.gain(token))
    at = mix.at(token)
    assert not at.faded and not at["pirate"].fades
    assert [at.gain(target) for target in TARGETS] == [expected.gain(target) for target in TARGETS]
    assert [mix.gain(target) for target in TARGETS] == [mix.at(0).gain(target) for target in TARGETS]
    assert mix.faded == bool(mix["pirate"].on and mix["pirate"].fades)
    loudest = mix["pirate"].loudest()
    assert all(abs(at.gain(target)) <= abs(loudest.gain(target)) * (1 + 1e-9) for target in TARGETS)


@given(mix=mixes, other=mixes)
def test_targets_of_one_course_have_one_gain_at_every_token(mix: Mix, other: Mix):
    one, two = mix["pirate"].courses(TARGETS), other["pirate"].courses(TARGETS)
    for target, course, second in zip(TARGETS, one, two, strict=True):
        if course == second:
            assert all(mix.at(token).gain(target) == other.at(token).gain(target) for token in range(0, 2_500, 250))
    assert mix["pirate"].courses(TARGETS) == deepcopy(mix)["pirate"].courses(TARGETS)


@given(mixes)
def test_mixes_with_fades_survive_json_pickle_and_the_page(mix: Mix):
    assert Mix.from_dict(json.loads(json.dumps(mix.to_dict()))) == mix
    assert pickle.loads(pickle.dumps(mix)) == mix
    assert Panel.from_dict(json.loads(json.dumps(Panel(mix).to_dict()))) == Panel(mix)


def test_the_json_of_a_mix_without_fades_is_as_it_was():
    assert "fades" not in mix_of(master=0.5).to_dict()["adapters"]["pirate"]
    assert mix_of(fades={"master": Fade(((0, 0.0), (40, 1.0)))}).to_dict()["adapters"]["pirate"]["fades"] == {
        "master": [[0, 0.0], [40, 1.0]]
    }


@pytest.mark.parametrize(
    ("fades", "named"),
    [
        ({"mster": [[0, 1]]}, "no fader is called 'mster'"),
        ({"master": [[0, "a"]]}, "the gain 'a' at token 0 is no finite number"),
        ({"master": []}, "at least one point"),
        ({"layer:1": "0 at 0"}, "pairs of a token and a gain"),
        ({"kind:q_proj": [[0, 1e400]]}, "adapters.pirate.fades.kind:q_proj"),
    ],
)
def test_what_is_no_fade_in_a_mix_is_refused_and_named(fades: Any, named: str):
    with pytest.raises(ValueError, match="this is no mix") as refused:
        Mix.from_dict({"adapters": {"pirate": {"fades": fades}}})
    assert named in str(refused.value)


def test_a_muted_kind_is_silent_through_its_fade_and_the_fade_is_kept():
    adapter = Adapter("pirate", "lora", TARGETS, 1, 0.1)
    fade = Fade.parse("0 at 0, 1 at 4")
    panel = Panel(mix_of(fades={"kind:q_proj": fade, "master": fade}), muted=Marked(kinds={"pirate": ("q_proj",)}))
    effective = panel.effective([adapter])
    assert effective["pirate"].fades == {"master": fade}
    assert [effective.at(9).gain(target) for target in TARGETS] == [1, 1, 0, 1]
    assert Panel.from_dict(panel.to_dict()).mix["pirate"].fades == {"kind:q_proj": fade, "master": fade}


@tiny.some
@given(token=st.integers(0, 10))
def test_an_adapter_that_is_off_does_not_fade(token: int):
    mix = mix_of(on=False, fades={"master": Fade(((0, 1.0), (5, 2.0)))})
    assert not mix.faded
    assert [mix.at(token).gain(target) for target in TARGETS] == [0.0] * 4
