"""Fades and the addresses of faders: plain data that survives every way it is written."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from typing import Any

import pytest
from helpers import tiny
from helpers.tiny import mix_of
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Adapter, Fade, Fader, Faders, Mix, Target
from lora_mixer.ui.page.panel import Marked, Panel

gains = st.floats(-1e6, 1e6)
points = st.dictionaries(st.integers(0, 2_000), gains, min_size=1, max_size=6).map(
    lambda one: tuple(sorted(one.items()))
)
fades = points.map(Fade)

NAMES = ("model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj", "model.layers.1.self_attn.q_proj", "lm_head")
TARGETS = tuple(
    Target("pirate", name, None if name == "lm_head" else int(name[13]), name.rpartition(".")[2], 4, 8.0, 2.0, True)
    for name in NAMES
)
FADERS = [
    Fader("pirate"),
    *(Fader("pirate", "kind", kind) for kind in ("up_proj", "q_proj", "lm_head")),
    *(Fader("pirate", "layer", layer) for layer in (0, 1)),
    *(Fader("pirate", "target", name) for name in NAMES),
]
mixes = st.builds(
    Faders,
    on=st.booleans() | st.just(True),
    master=gains,
    kinds=st.dictionaries(st.sampled_from(["up_proj", "q_proj"]), gains),
    layers=st.dictionaries(st.integers(0, 1), gains),
    modules=st.dictionaries(st.sampled_from(NAMES), gains),
    fades=st.dictionaries(st.sampled_from([fader.key for fader in FADERS]), fades, max_size=4),
).map(lambda faders: Mix({"pirate": faders}))


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


# Faders


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
