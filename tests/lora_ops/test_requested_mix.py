"""A mix as a request asks for it: each form means one mix, and what cannot be played is refused by name."""

from __future__ import annotations

import math
from typing import Any

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.profile import AdapterFacts, Profile, ProfileError
from lora_mixer.lora_ops.requested_mix import FORMS, mix_of_profile, requested_mix

SOFT = Mix({"pirate": Faders(master=0.25, kinds={"q_proj": 0.0})})


def load(name: str) -> Profile:
    if name != "soft":
        raise ProfileError(f"there is no profile {name!r}")
    return Profile(name="soft", mix=SOFT)


@pytest.fixture
def desk() -> Desk:
    return Desk(ToyEngine())


@pytest.mark.parametrize(
    ("asked", "mix"),
    [
        ("soft", SOFT),
        (SOFT.to_dict(), SOFT),
        (load("soft").model_dump(mode="json"), SOFT),
        ({}, Mix()),
        ({"adapters": {}}, Mix()),
        ({"pirate": 0.5}, Mix({"pirate": Faders(master=0.5)})),
        (
            {"pirate": 0, "poet": {"layers": {"1": 2}}},
            Mix({"pirate": Faders(master=0), "poet": Faders(layers={1: 2.0})}),
        ),
        (0.5, Mix({"pirate": Faders(master=0.5), "poet": Faders(master=0.5)})),
        (-1, Mix({"pirate": Faders(master=-1), "poet": Faders(master=-1)})),
    ],
    ids=["profile", "whole", "a profile's file", "empty", "whole and empty", "gain", "both", "number", "negative"],
)
def test_every_form_means_one_mix(desk: Desk, asked: Any, mix: Mix) -> None:
    assert requested_mix(asked, desk, load) == mix
    assert desk.mix == Mix(), "the faders stay where they are"


def test_one_gain_for_all_leaves_those_silent_that_do_not_play_as_loaded() -> None:
    engine = ToyEngine()
    engine.as_loaded = ("poet",)
    assert requested_mix(2, Desk(engine), load) == Mix({"poet": Faders(master=2)})


def test_an_adapter_may_be_called_as_a_mix_calls_its_own(desk: Desk) -> None:
    odd = Desk(ToyEngine(["adapters"]))
    wanted = Mix({"adapters": Faders(master=0.5)})
    assert requested_mix({"adapters": 0.5}, odd, load) == wanted
    assert requested_mix({"adapters": {"adapters": {"master": 0.5}}}, odd, load) == wanted


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("loud", "no profile 'loud'"),
        ({"butler": 1}, "no adapter 'butler'; it has pirate, poet"),
        ({"adapters": {"butler": {}}}, "no adapter 'butler'"),
        ({"pirate": {"kinds": {"k_proj": 1}}}, "no kind 'k_proj'; it has v_proj, q_proj"),
        ({"pirate": {"volume": 1}}, "volume"),
        ({"pirate": math.nan}, "finite"),
        ({"pirate": math.inf}, "finite"),
        ({"pirate": 1e39}, "less than or equal"),
        ({"pirate": 10**400}, "pirate"),
        ({"pirate": True}, "pirate"),
        ({"pirate": "0.5"}, "pirate"),
        ({"pirate": None}, "pirate"),
        (math.nan, "finite"),
        (1e39, "less than or equal"),
        (True, FORMS),
        ([0.5], FORMS),
        ({"version": 1, "mix": {"adapters": {"pirate": {"master": "loud"}}}, "name": "x"}, "master"),
        ({"pirate": {"master": 1e30, "kinds": {"q_proj": 1e30}}}, "no finite number"),
        ({"pirate": {"rank": 2}}, "components"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(desk: Desk, asked: Any, says: str) -> None:
    with pytest.raises(ValueError, match=".") as refusal:
        requested_mix(asked, desk, load)
    assert says in str(refusal.value) and len(str(refusal.value)) < 1000


def test_a_fade_is_refused_where_the_engine_has_no_form_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fading = {"pirate": {"fades": {"master": [[0, 0], [4, 1]]}}}
    faded = requested_mix(fading, desk, load)
    assert faded.faded
    monkeypatch.setattr(desk.engine, "why_not", lambda what: "no fades here" if what == "fades" else "")
    for asked in (fading, "fading"):
        with pytest.raises(ValueError, match="no fades here"):
            requested_mix(asked, desk, lambda name: Profile(name=name, mix=faded))


def test_a_profile_must_fit_wholly(desk: Desk) -> None:
    half = Profile(name="half", mix=Mix({"pirate": Faders(master=0.5), "butler": Faders(master=0.5)}))
    with pytest.raises(ValueError, match=r"“half” does not fit what is loaded: The adapter “butler” is not loaded\."):
        mix_of_profile(half, desk, {})


def test_a_profile_knows_its_adapter_again_under_another_name(desk: Desk) -> None:
    facts = {"rover": AdapterFacts(hash="a" * 64)}
    moved = Profile(name="moved", mix=Mix({"rover": Faders(master=0.5)}), adapters=facts)
    assert mix_of_profile(moved, desk, {"pirate": "a" * 64}) == Mix({"pirate": Faders(master=0.5)})
