"""A mix between two others: the mean of every gain, at every token, in as few faders as that takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of, some
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Adapter, Desk, Fade, Faders, Mix, Target
from lora_mixer.lora_ops.bakery.model_card import positions
from lora_mixer.lora_ops.bakery.plan import fades_until, refuse_fades
from lora_mixer.lora_ops.engines.llama_server.saying import ahead_of
from lora_mixer.lora_ops.lab.score import judge
from lora_mixer.lora_ops.mix_check import check_mix
from lora_mixer.lora_ops.profile import Profile
from lora_mixer.lora_ops.profile_fit import fit
from lora_mixer.lora_ops.results.page import in_words

KINDS, LAYERS = ("q_proj", "down_proj"), (0, 1, 7)
TOKENS = (0, 1, 3, 10, 17, 40, 41, 100, 1000)


def _adapter(name: str) -> Adapter:
    made = [
        Target(name, f"model.layers.{layer}.{kind}", layer, kind, 8, 16.0, 2.0, True)
        for layer in LAYERS
        for kind in KINDS
    ]
    made.append(Target(name, "lm_head", None, "lm_head", 8, 16.0, 2.0, True))
    return Adapter(name, "lora", tuple(made), parameters=1000, share=0.01)


ADAPTERS = {name: _adapter(name) for name in ("pirate", "butler")}
TARGETS = [target for adapter in ADAPTERS.values() for target in adapter.targets]

gains = st.floats(-4, 4).map(lambda gain: round(gain, 3)) | st.sampled_from([0.0, 1.0])
parts = st.floats(0, 1) | st.sampled_from([0.25, 0.5])
points = st.dictionaries(st.integers(0, 60), gains, min_size=1, max_size=4)
fades = points.map(lambda found: Fade(tuple(sorted(found.items()))))
part_fades = st.dictionaries(st.integers(0, 60), parts, min_size=1, max_size=4).map(
    lambda found: Fade(tuple(sorted(found.items())))
)
keys = [
    "master",
    *(f"kind:{kind}" for kind in KINDS),
    *(f"layer:{layer}" for layer in LAYERS),
    *(f"target:{target.name}" for target in ADAPTERS["pirate"].targets[:3]),
]
faders = st.builds(
    Faders,
    on=st.just(True) | st.booleans(),
    master=gains,
    kinds=st.dictionaries(st.sampled_from(KINDS), gains, max_size=2),
    layers=st.just({}) | st.dictionaries(st.sampled_from(LAYERS), gains, max_size=2),
    modules=st.just({})
    | st.dictionaries(st.sampled_from([t.name for t in ADAPTERS["pirate"].targets]), gains, max_size=2),
    fades=st.just({}) | st.dictionaries(st.sampled_from(keys), fades, max_size=2),
)
mixes = st.dictionaries(st.sampled_from(list(ADAPTERS)), faders, max_size=2).map(Mix)


def _gains(mix: Mix, token: int = 0) -> list[float]:
    return [mix.at(token).gain(target) for target in TARGETS]


def _is_between(mix: Mix, a: Mix, b: Mix, t: float, token: int) -> None:
    wanted = [(1 - t) * x + t * y for x, y in zip(_gains(a, token), _gains(b, token), strict=True)]
    assert _gains(mix, token) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@some
@given(mixes, mixes, parts)
def test_every_gain_is_the_mean_of_both_at_every_token(a: Mix, b: Mix, t: float):
    mix = Mix.between(a, b, t)
    for token in TOKENS:
        _is_between(mix, a, b, t, token)
    check_mix(mix, ADAPTERS)


@some
@given(mixes, mixes, part_fades)
def test_a_crossfade_can_move_while_a_reply_is_written(a: Mix, b: Mix, t: Fade):
    mix = Mix.between(a, b, t)
    for token in TOKENS:
        _is_between(mix, a, b, t.gain(token), token)
    assert Mix.from_dict(json.loads(json.dumps(mix.to_dict()))) == mix


@some
@given(mixes, mixes)
def test_at_its_ends_it_is_the_one_and_the_other(a: Mix, b: Mix):
    assert Mix.between(a, b, 0) == a and Mix.between(a, b, 1) == b
    assert Mix.between(a, a, 0.3) == a


@some
@given(mixes, mixes, mixes, parts, parts)
def test_crossfades_between_crossfades_are_means_of_means_and_survive_json(a: Mix, b: Mix, c: Mix, t: float, u: float):
    inner = Mix.between(a, b, t)
    mix = Mix.between(inner, c, u)
    for token in TOKENS[:4]:
        _is_between(mix, inner, c, u, token)
    assert Mix.from_dict(json.loads(json.dumps(mix.to_dict()))) == mix


@some
@given(faders, faders, parts, gains)
def test_faders_that_are_moved_above_a_crossfade_multiply_it(a: Faders, b: Faders, t: float, gain: float):
    over = Mix({"pirate": Faders.over(a, b, t)})
    louder = Mix({"pirate": _with(over["pirate"], master=gain)})
    wanted = [gain * one for one in _gains(over)[: len(TARGETS) // 2]]
    assert _gains(louder)[: len(TARGETS) // 2] == pytest.approx(wanted)


def _with(of: Faders, **changes: Any) -> Faders:
    from dataclasses import replace

    return replace(of, **changes)


@some
@given(mixes, mixes, parts)
def test_courses_that_are_alike_sound_alike_and_others_differ(a: Mix, b: Mix, t: float):
    mix = Mix.between(a, b, t)
    for name, adapter in ADAPTERS.items():
        courses = mix[name].courses(adapter.targets)
        assert courses == Mix.from_dict(mix.to_dict())[name].courses(adapter.targets)
        by_course: dict[Any, set[tuple[float, ...]]] = {}
        for target, course in zip(adapter.targets, courses, strict=True):
            moves = tuple(mix.at(token).gain(target) for token in TOKENS)
            by_course.setdefault(course, set()).add(moves)
        assert all(len(moves) == 1 for moves in by_course.values())


@pytest.mark.parametrize(
    ("a", "b", "between"),
    [
        (Faders(on=False), Faders(master=2.0, kinds={"q_proj": 0.5}), Faders(kinds={"q_proj": 0.5})),
        (Faders(master=0.0, layers={0: 2.0}), Faders(), Faders(master=0.5)),
        (Faders(), Faders(master=3.0), Faders(master=2.0)),
        (
            Faders(kinds={"q_proj": 0.0}),
            Faders(kinds={"down_proj": 2.0}),
            Faders(kinds={"q_proj": 0.5, "down_proj": 1.5}),
        ),
        (Faders(master=0.5, kinds={"q_proj": 2.0}), Faders(master=1.5), Faders(kinds={"q_proj": 1.25})),
        (Faders(layers={0: 0.0}), Faders(layers={0: 1.0, 1: 3.0}), Faders(layers={0: 0.5, 1: 2.0})),
        (
            Faders(fades={"master": Fade(((0, 0.0), (40, 1.0)))}),
            Faders(),
            Faders(fades={"master": Fade(((0, 0.5), (40, 1.0)))}),
        ),
        (
            Faders(fades={"kind:q_proj": Fade(((0, 0.0), (40, 1.0)))}),
            Faders(fades={"kind:q_proj": Fade(((20, 0.0), (40, 1.0)))}),
            Faders(fades={"kind:q_proj": Fade(((0, 0.0), (20, 0.25), (40, 1.0)))}),
        ),
    ],
)
def test_where_faders_can_say_it_it_is_said_in_faders(a: Faders, b: Faders, between: Faders):
    assert Faders.between(a, b, 0.5) == between


def test_masters_that_cancel_are_no_faders_but_a_crossfade():
    a, b = Faders(master=1.0, kinds={"q_proj": 3.0}), Faders(master=-1.0)
    found = Faders.between(a, b, 0.5)
    assert found.crossfade is not None
    assert found.gains(ADAPTERS["pirate"].targets) == [
        1.0 if t.kind == "q_proj" else 0.0 for t in ADAPTERS["pirate"].targets
    ]


def test_what_is_off_says_nothing_of_components():
    found = Faders.between(Faders(on=False), Faders(rank=4, master=2.0), 0.5)
    assert found == Faders(rank=4)
    assert Faders.between(Faders(rank=4), Faders(rank=4, master=3.0), 0.5) == Faders(rank=4, master=2.0)
    over = Faders.between(Faders(rank=4, kinds={"q_proj": 2.0}), Faders(rank=4, layers={0: 2.0}), 0.5)
    assert over.rank == 4 and not over.whole


@pytest.mark.parametrize("other", [Faders(), Faders(rank=8), Faders(rank=4, energy=0.9)])
def test_between_two_ranks_there_is_nothing_and_that_is_said(other: Faders):
    with pytest.raises(ValueError, match="adapter 'pirate': between rank 4 and .*have the same rank and energy"):
        Mix.between(Mix({"pirate": Faders(rank=4)}), Mix({"pirate": other}), 0.5)
    assert Mix.between(Mix({"pirate": Faders(rank=4)}), Mix({"pirate": other}), 1)["pirate"] == other


@pytest.mark.parametrize("t", [-0.1, 1.5, float("nan"), True, "0.5", None, Fade(((0, 2.0),))])
def test_a_crossfade_stands_between_its_ends(t: Any):
    with pytest.raises(ValueError, match="from 0 .* to 1"):
        Mix.between(Mix(), mix_of(master=2.0), t)


@pytest.mark.parametrize(
    ("crossfade", "why"),
    [
        ({"a": {}, "b": {}, "t": 2}, "from 0"),
        ({"a": {"on": False}, "b": {}, "t": 0.5}, "either side"),
        ({"a": {"rank": 4}, "b": {}, "t": 0.5}, "either side"),
        ({"a": {}, "b": {}}, "t"),
        ({"a": {"volume": 3}, "b": {}, "t": 0.5}, "volume"),
        ({"a": {}, "b": {}, "t": [[0, 0.5], [0, 1]]}, "ascend"),
        (3, "crossfade"),
    ],
)
def test_a_file_that_has_no_such_crossfade_is_refused(crossfade: Any, why: str):
    with pytest.raises(ValueError, match=f"no mix: .*{why}"):
        Mix.from_dict({"adapters": {"pirate": {"crossfade": crossfade}}})


def test_crossfades_in_each_other_without_end_are_refused_and_do_not_hang():
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"crossfade": {"a": deep, "b": {}, "t": 0.5}}
    with pytest.raises(ValueError, match="no mix"):
        Mix.from_dict({"adapters": {"pirate": deep}})


@pytest.mark.parametrize("side", ["a", "b"])
def test_what_an_adapter_has_not_is_found_on_either_side(side: str):
    sides = {"a": {}, "b": {}, side: {"kinds": {"gate_proj": 2.0}}}
    mix = Mix.from_dict({"adapters": {"pirate": {"crossfade": {**sides, "t": 0.5}}}})
    with pytest.raises(ValueError, match="has no kind 'gate_proj'"):
        check_mix(mix, ADAPTERS)
    found = fit(Profile(name="quiet", mix=mix), ADAPTERS)
    assert any("gate_proj" in line for line in found.not_fits)
    check_mix(found.mix, ADAPTERS)


def test_gains_that_no_number_holds_are_found_on_either_side():
    huge = Faders(master=1e30, kinds={"q_proj": 1e20})
    mix = Mix({"pirate": Faders.over(Faders(layers={0: 2.0}), huge, 0.5)})
    with pytest.raises(ValueError, match="multiply to no finite number"):
        check_mix(mix, ADAPTERS)


def test_an_adapter_that_does_not_play_as_loaded_comes_in_from_silence():
    model = tiny.two()
    model.base_model.set_adapter("pirate")
    desk = Desk(model)
    louder = Mix({"poet": Faders(master=2.0)})
    assert desk.between(Mix(), louder, 0.25)["poet"] == Faders(master=0.5)
    assert desk.between(Mix(), mix_of(master=2.0), 0.25)["poet"] == Faders(on=False)
    assert desk.between(Mix(), louder, 0) == Mix({"poet": Faders(on=False)})


@torch.no_grad()
def test_the_model_plays_a_crossfade_as_the_same_gains_one_by_one():
    model = tiny.pirate()
    desk, ids = Desk(model), torch.tensor([[3, 1, 4, 1, 5]])
    a = mix_of(kinds={"q_proj": 0.3, "down_proj": 2.0}, layers={0: 0.5})
    mix = Mix.between(a, desk.base(), 0.5)
    assert mix["pirate"].crossfade is None
    mix = Mix.between(a, mix_of(layers={1: 3.0}), 0.3)
    assert mix["pirate"].crossfade is not None
    one_by_one = mix_of(modules={target.name: mix.gain(target) for target in desk.adapters["pirate"].targets})
    said = []
    for heard in (mix, one_by_one):
        desk.apply(heard)
        said.append(model(input_ids=ids).logits)
    assert torch.equal(*said)
    with desk.rows([mix, desk.base()]):
        rows = model(input_ids=ids.expand(2, -1)).logits
    torch.testing.assert_close(rows[:1], said[0], atol=1e-5, rtol=1e-4)
    desk.reset()


MOVING = Mix.between(Mix(), mix_of(kinds={"q_proj": 3.0}, layers={0: 2.0}), Fade(((0, 0.0), (10, 1.0))))


def test_a_crossfade_that_moves_is_no_bake_until_its_token_is_chosen():
    assert MOVING.faded and not MOVING.at(10).faded
    assert fades_until(MOVING, ["pirate"]) == 10
    with pytest.raises(ValueError, match="'crossfade' of 'pirate' fades over a reply"):
        refuse_fades(MOVING, ["pirate"])
    refuse_fades(MOVING.at(5), ["pirate"])


def test_a_server_is_asked_again_at_every_token_at_which_it_moves():
    ahead = ahead_of(MOVING, 40)
    assert [ahead(token) for token in (0, 4, 9, 10)] == [1, 1, 1, None]


@torch.no_grad()
def test_a_text_is_judged_token_by_token_as_a_crossfade_moves():
    desk = Desk(tiny.pirate())
    [judged] = judge(desk, torch.tensor([[3, 1, 4]]), list(range(1, 15)), [MOVING], desk.base())
    for token in (0, 5, 12):
        alone = judge(desk, torch.tensor([[3, 1, 4]]), list(range(1, 15)), [MOVING.at(token)], desk.base())
        assert alone[0].logprobs != judged.logprobs
    [still] = judge(desk, torch.tensor([[3, 1, 4]]), [1], [MOVING.at(0)], desk.base())
    assert judged.logprobs[0] == pytest.approx(still.logprobs[0], abs=1e-5)


def test_what_it_is_between_is_told_in_words():
    mix = Mix.between(mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0}), mix_of(master=0.5), 0.25)
    [line] = in_words(mix)
    assert line == "pirate × 1 · crossfade from (× 1 · q_proj × 0 · layer 0 × 2) to (× 0.5) at 0.25"
    assert positions(mix["pirate"])[1][0] == "crossfade at 0.25"
