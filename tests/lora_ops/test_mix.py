"""The mix: plain data that gives each target its gain, survives JSON, and refuses what it does not understand."""

from __future__ import annotations

import copy
import json
import math
import pickle
import time
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Fade, Fader, Faders, Mix, Target
from lora_mixer.lora_ops.mix import heard

names = st.sampled_from(["q_proj", "v_proj", "down_proj", "embed_tokens"])
finite = st.floats(min_value=-1e6, max_value=1e6)
LOUDEST = 3.4028234663852886e38
any_finite = st.floats(-LOUDEST, LOUDEST) | st.integers(-int(LOUDEST), int(LOUDEST))


def target(name: str = "model.layers.3.self_attn.q_proj", layer: int | None = 3, adapter: str = "pirate") -> Target:
    return Target(adapter, name, layer, name.rpartition(".")[2], rank=4, alpha=8.0, scaling=2.0, scalable=True)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    layer = draw(st.none() | st.integers(0, 4))
    kind = draw(names)
    return target(kind if layer is None else f"model.layers.{layer}.{kind}", layer)


def faders(
    gains: st.SearchStrategy[float] = finite, words: st.SearchStrategy[str] = names
) -> st.SearchStrategy[Faders]:
    modules = st.builds("model.layers.{}.{}".format, st.integers(0, 4), words)
    return st.builds(
        Faders,
        on=st.booleans(),
        master=gains,
        kinds=st.dictionaries(words, gains, max_size=4),
        layers=st.dictionaries(st.integers(0, 4), gains, max_size=4),
        modules=st.dictionaries(modules, gains, max_size=4),
        rank=st.none() | st.integers(1, 64),
        energy=st.none() | st.floats(min_value=0.001, max_value=1),
    )


@given(positions=faders(), one=targets())
def test_a_gain_is_the_product_of_every_fader_that_names_the_target(positions: Faders, one: Target):
    expected = positions.master
    for named, key in ((positions.kinds, one.kind), (positions.layers, one.layer), (positions.modules, one.name)):
        for name, gain in named.items():
            if name == key:
                expected *= gain
    assert Mix({"pirate": positions}).gain(one) == (expected if positions.on else 0.0)


@given(positions=faders(), several=st.lists(targets()))
def test_the_gains_of_several_targets_are_those_of_each(positions: Faders, several: list[Target]):
    assert positions.gains(several) == [positions.gain(one) for one in several]


@given(positions=faders(), one=targets())
def test_an_adapter_that_the_mix_does_not_name_is_as_loaded(positions: Faders, one: Target):
    assert Mix({"poet": positions}).gain(one) == 1.0


@given(positions=faders(), one=targets())
def test_an_adapter_that_is_off_is_silent_wherever_its_faders_stand(positions: Faders, one: Target):
    assert replace(positions, on=False).gain(one) == 0.0


def test_a_target_outside_the_blocks_is_moved_by_no_layer():
    assert Faders(layers={0: 0.0, 3: 5.0}).gain(target("model.embed_tokens", layer=None)) == 1.0


def test_all_faders_stand_at_one_to_begin_with():
    assert Mix().gain(target()) == Faders().gain(target()) == 1.0


@given(st.dictionaries(st.text(), faders(any_finite, st.text()), max_size=3).map(Mix))
def test_a_mix_survives_json(mix: Mix):
    read = Mix.from_dict(json.loads(json.dumps(mix.to_dict(), allow_nan=False)))
    assert read == mix
    assert read.to_dict() == mix.to_dict()


def test_what_is_written_is_plain_data():
    written = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0}, layers={3: 2})}).to_dict()
    assert written == {
        "adapters": {
            "pirate": {"on": True, "master": 0.5, "kinds": {"q_proj": 0.0}, "layers": {"3": 2.0}, "modules": {}}
        }
    }
    assert type(written["adapters"]["pirate"]["kinds"]) is dict


def test_fields_that_are_left_out_are_as_loaded():
    assert Mix.from_dict({}) == Mix()
    assert Mix.from_dict({"adapters": {"pirate": {}}}) == Mix({"pirate": Faders()})


def faders_with(**fields: Any) -> dict[str, Any]:
    return {"adapters": {"pirate": fields}}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (faders_with(master=math.nan), "adapters.pirate.master"),
        (faders_with(master=math.inf), "adapters.pirate.master"),
        (faders_with(master=-math.inf), "adapters.pirate.master"),
        (faders_with(master="1"), "adapters.pirate.master"),
        (faders_with(master=True), "adapters.pirate.master"),
        (faders_with(master=None), "adapters.pirate.master"),
        (faders_with(master=[1]), "adapters.pirate.master"),
        (faders_with(master=10**400), "adapters.pirate.master"),
        (faders_with(on=1), "adapters.pirate.on"),
        (faders_with(on="yes"), "adapters.pirate.on"),
        (faders_with(mastr=1.0), "adapters.pirate.mastr"),
        (faders_with(kinds={"q_proj": "loud"}), "adapters.pirate.kinds.q_proj"),
        (faders_with(kinds={"q_proj": math.nan}), "adapters.pirate.kinds.q_proj"),
        (faders_with(kinds=[1.0]), "adapters.pirate.kinds"),
        (faders_with(kinds={3: 1.0}), "adapters.pirate.kinds.3"),
        (faders_with(layers={"three": 1.0}), "adapters.pirate.layers.three"),
        (faders_with(layers={"-1": 1.0}), "adapters.pirate.layers.-1"),
        (faders_with(layers={"1.5": 1.0}), "adapters.pirate.layers.1.5"),
        (faders_with(layers={"3": math.inf}), "adapters.pirate.layers.3"),
        (faders_with(modules={"model.layers.3.q": False}), "adapters.pirate.modules.model.layers.3.q"),
        (faders_with(modules=None), "adapters.pirate.modules"),
        ({"adapters": {"pirate": None}}, "adapters.pirate"),
        ({"adapters": {"pirate": 0.5}}, "adapters.pirate"),
        ({"adapters": {7: {}}}, "adapters.7"),
        ({"adapters": []}, "adapters"),
        ({"adapters": None}, "adapters"),
        ({"adaptors": {}}, "adaptors"),
        (None, "the whole"),
        ([], "the whole"),
        ("{}", "the whole"),
    ],
)
def test_what_is_not_understood_is_refused_by_the_name_of_its_field(data: Any, where: str):
    with pytest.raises(ValueError, match="this is no mix") as refusal:
        Mix.from_dict(data)
    message = str(refusal.value)
    assert f" {where}: " in message
    assert "\n" not in message


def test_every_field_that_is_wrong_is_named_at_once():
    with pytest.raises(ValueError, match="this is no mix") as refusal:
        Mix.from_dict(faders_with(master="loud", mastr=1, layers={"x": 1}))
    for field in ("adapters.pirate.master", "adapters.pirate.mastr", "adapters.pirate.layers.x"):
        assert field in str(refusal.value)


def test_a_refusal_shows_what_was_given_but_not_all_of_it():
    with pytest.raises(ValueError, match="this is no mix") as refusal:
        Mix.from_dict(faders_with(master="x" * 10_000))
    assert "xxx" in str(refusal.value)
    assert len(str(refusal.value)) < 300


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["on", "master", "kinds", "layers", "modules", "volume"])


@given(
    json_values
    | st.dictionaries(st.just("adapters"), st.dictionaries(st.text(), st.dictionaries(fields, json_values), max_size=2))
)
def test_any_data_is_either_a_mix_or_a_value_error(data: Any):
    try:
        mix = Mix.from_dict(data)
    except ValueError:
        return
    assert Mix.from_dict(mix.to_dict()) == mix


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, "1", None, True])
def test_faders_refuse_what_is_no_finite_number(number: Any):
    with pytest.raises(ValueError, match="master"):
        Faders(master=number)
    with pytest.raises(ValueError, match="q_proj"):
        Faders(kinds={"q_proj": number})


def test_replacing_a_field_is_checked_like_making_one():
    with pytest.raises(ValueError, match="master"):
        replace(Faders(), master=math.nan)
    assert replace(Faders(kinds={"q_proj": 0.5}), master=2.0) == Faders(master=2.0, kinds={"q_proj": 0.5})


def test_a_mix_cannot_be_changed():
    kinds = {"q_proj": 0.5}
    mix = Mix({"pirate": Faders(kinds=kinds)})
    kinds["q_proj"] = 2.0
    assert mix["pirate"].kinds == {"q_proj": 0.5}
    with pytest.raises(FrozenInstanceError):
        mix["pirate"].master = 2.0  # type: ignore[misc]
    for change in (
        lambda: mix.adapters.update({}),  # type: ignore[attr-defined]
        lambda: mix.adapters.pop("pirate"),  # type: ignore[attr-defined]
        lambda: mix["pirate"].kinds.clear(),  # type: ignore[attr-defined]
        lambda: mix["pirate"].layers.__setitem__(3, 0.0),  # type: ignore[attr-defined]
        lambda: mix["pirate"].modules.__ior__({"x": 0.0}),  # type: ignore[attr-defined]
    ):
        with pytest.raises(TypeError, match="immutable"):
            change()


@given(st.dictionaries(st.text(max_size=5), faders(), max_size=3).map(Mix))
def test_a_mix_can_be_copied_and_pickled(mix: Mix):
    for twin in (copy.copy(mix), copy.deepcopy(mix), pickle.loads(pickle.dumps(mix))):
        assert twin == mix
        for positions in twin.adapters.values():
            with pytest.raises(TypeError, match="immutable"):
                positions.kinds["q_proj"] = 0.0  # type: ignore[index]


@pytest.mark.parametrize(
    "gain",
    [3.5e38, -3.5e38, 1e300, 10**39, 10**400, -(10**5000)],
    ids=lambda gain: f"{str(gain)[:5]}…" if isinstance(gain, float) else "whole",
)
@pytest.mark.parametrize(
    ("field", "named"),
    [
        (lambda gain: {"master": gain}, "pirate.master"),
        (lambda gain: {"kinds": {"q_proj": gain}}, "pirate.kinds.q_proj"),
        (lambda gain: {"layers": {"3": gain}}, "pirate.layers.3"),
        (lambda gain: {"modules": {"lm_head": gain}}, "pirate.modules.lm_head"),
        (lambda gain: {"fades": {"kind:q_proj": [[0, 1.0], [9, gain]]}}, "pirate.fades.kind:q_proj"),
    ],
)
def test_a_gain_beyond_32_bits_is_refused_by_the_name_of_its_fader(gain: float, field: Any, named: str):
    with pytest.raises(ValueError, match="this is no mix") as refusal:
        Mix.from_dict(faders_with(**field(gain)))
    assert named in str(refusal.value) and len(str(refusal.value)) < 400
    with pytest.raises(ValueError):
        Faders(**field(gain))


def test_the_loudest_gain_of_32_bits_is_one():
    assert Mix.from_dict(faders_with(master=LOUDEST, kinds={"q_proj": -LOUDEST}))["pirate"].master == LOUDEST


@pytest.mark.parametrize("index", ["03", " 3", "3 ", "+3", "3.0", "1_0", "٣", "9" * 400, "100000"])
def test_a_layer_is_spelled_in_one_way(index: str):
    with pytest.raises(ValueError, match="layers"):
        Mix.from_dict(faders_with(layers={"3": 0.5, index: 2.0}))


def deep(levels: int = 900) -> Any:
    inside: Any = []
    for _ in range(levels):
        inside = [inside]
    return inside


MANY = 200_000
WRONG: dict[str, Any] = {
    "kinds": faders_with(kinds=dict.fromkeys(map(str, range(MANY)), "x")),
    "layers": faders_with(layers=dict.fromkeys(range(MANY), None)),
    "names": faders_with(modules=dict.fromkeys(range(MANY), 1.0)),
    "fades": faders_with(fades=dict.fromkeys(map(str, range(MANY)), [[0, 1]])),
    "points": faders_with(fades={"master": [["x"]] * MANY}),
    "fields": faders_with(**dict.fromkeys(map("f{}".format, range(MANY)), 1.0)),
    "adapters": {"adapters": dict.fromkeys(map(str, range(MANY)), 1.0)},
    "faders of many adapters": {"adapters": {str(at): {"master": "x"} for at in range(MANY)}},
    "top": dict.fromkeys(map(str, range(MANY)), 1.0),
    "a long text": faders_with(master="x" * 10_000_000),
    "a long name": faders_with(**{"n" * 10_000_000: 1.0}),
    "deep": faders_with(master=deep(), fades={"master": deep(), "kind:q": [deep()]}),
    "digits": faders_with(fades={"master": [[10**5000, 1.0]], f"layer:{'1' * 5000}": [[0, 1]]}),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_mix_that_is_wrong_many_times_over_is_refused_at_once_and_in_few_words(data: Any):
    started = time.process_time()
    with pytest.raises(ValueError, match="this is no mix") as refusal:
        Mix.from_dict(data)
    assert time.process_time() - started < 2  # naming each of them took half a minute
    assert len(str(refusal.value)) < 2000 and "\n" not in str(refusal.value)


def test_a_mix_of_very_many_faders_is_read_whole():
    modules = {f"model.layers.{at}.q_proj": at / 2 for at in range(5_000)}
    mix = Mix.from_dict(faders_with(modules=modules, fades={f"layer:{at}": [[0, 1.0]] for at in range(500)}))
    assert dict(mix["pirate"].modules) == modules and len(mix["pirate"].fades) == 500
    assert Mix.from_dict(mix.to_dict()) == mix


@pytest.mark.parametrize(
    "wrong",
    [
        *({"rank": rank} for rank in (0, -1, 2.5, 4.0, True, "4", 10**9, math.nan)),
        *({"energy": energy} for energy in (0, -0.5, 1.01, True, "0.5", math.nan, math.inf)),
    ],
    ids=str,
)
def test_what_is_no_rank_and_no_share_is_refused_by_name(wrong: dict[str, Any]):
    field = next(iter(wrong))
    with pytest.raises(ValueError, match=field):
        Faders(**wrong)
    with pytest.raises(ValueError, match=f"this is no mix: .*{field}"):
        Mix.from_dict({"adapters": {"pirate": wrong}})


def test_all_components_are_not_spelled_out_and_fewer_are():
    assert set(Mix({"pirate": Faders()}).to_dict()["adapters"]["pirate"]) == {
        "on", "master", "kinds", "layers", "modules"
    }  # fmt: skip
    plain = Mix({"pirate": Faders(rank=4, energy=0.9)}).to_dict()["adapters"]["pirate"]
    assert (plain["rank"], plain["energy"]) == (4, 0.9)
    assert Faders().whole and Faders(energy=1).whole and not Faders(rank=4).whole and not Faders(energy=0.9).whole
    assert [heard(Faders(**of)) for of in ({}, {"energy": 1}, {"rank": 4}, {"rank": 4, "energy": 0.955})] == [
        "", "", "rank 4", "rank 4 and 95.5 % energy"
    ]  # fmt: skip


def test_fades_leave_the_rank_as_it_is_and_a_rank_does_not_fade():
    moving = Faders(rank=4, energy=0.9, fades={"master": Fade(((0, 0.0), (4, 1.0)))})
    for stands in (moving.at(2), moving.loudest()):
        assert (stands.rank, stands.energy) == (4, 0.9)
    with pytest.raises(ValueError, match="no fader is called 'rank'"):
        Faders(fades={"rank": Fade(((0, 1.0),))})


def test_rank_and_energy_are_faders_of_an_adapter():
    rank, energy = Fader("pirate", "rank"), Fader("pirate", "energy")
    mix = energy.put(rank.put(Mix({"pirate": Faders(master=0.5)}), 4.0), 0.9)
    assert mix == Mix({"pirate": Faders(master=0.5, rank=4, energy=0.9)})
    assert (rank.read(mix), energy.read(mix), rank.label, energy.key) == (4, 0.9, "pirate · rank", "energy")
    assert (rank.read(Mix()), energy.read(Mix())) == (math.inf, 1)
    assert energy.put(rank.put(mix, math.inf), 1) == Mix({"pirate": Faders(master=0.5)})
    for fader, wrong in ((rank, 0), (rank, 2.5), (rank, math.nan), (energy, 0), (energy, 2)):
        with pytest.raises(ValueError, match=fader.of):
            fader.put(mix, wrong)
    with pytest.raises(ValueError, match="neither have rank and energy"):
        Fader("pirate", "rank", "q_proj")
