"""A profile on another desk: what fits is played, and what does not is said."""

from __future__ import annotations

import pytest
from helpers import tiny
from helpers.profiled import HASH, QUIET
from hypothesis import given

from lora_mixer.lora_ops import Desk, Fade, Faders, Mix
from lora_mixer.lora_ops.profiles import (
    Fit,
    Profile,
    fit,
    same_adapters,
)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(tiny.two())


def test_what_fits_is_all_of_it_where_it_was_made(desk: Desk) -> None:
    fitted = fit(Profile.of("quiet", desk, QUIET, model="tiny"), desk, model="tiny")
    assert fitted == Fit(
        QUIET, ["“pirate”: master 0.5, 1 kind, 1 layer, 1 target, 1 fade."], [], ["“poet” is as loaded."]
    )
    desk.apply(fitted.mix)
    desk.reset()


@given(mix=tiny.mixes(Desk(tiny.two()).adapters.values()))
@tiny.some
def test_what_fits_can_be_played_wherever(mix: Mix) -> None:
    profile = Profile(name="a", mix=mix)
    for other in (tiny.pirate(target_modules=["q_proj"]), tiny.pirate(tiny.gpt2(), target_modules=["c_attn"])):
        desk = Desk(other)
        fitted = fit(profile, desk)
        desk.apply(fitted.mix)
        assert set(fitted.mix.adapters) <= {"pirate"}
        assert bool(fitted.not_fits) or fitted.mix == mix


def test_what_does_not_fit_is_said(desk: Desk) -> None:
    faders = Faders(
        kinds={"q_proj": 0.5, "gate": 0.0},
        layers={1: 2.0, **dict.fromkeys([2, 3, 4, 9], 0.0)},
        modules={"lm_head": 0.0},
        fades={"kind:gate": Fade.parse("0 at 0"), "layer:7": Fade.parse("0 at 0"), "master": Fade.parse("1 at 9")},
    )
    profile = Profile(name="a", mix=Mix({"pirate": faders, "singer": Faders(on=False)}), model="huge")
    fitted = fit(profile, desk, model="tiny")
    assert fitted.mix["pirate"] == Faders(
        kinds={"q_proj": 0.5}, layers={1: 2.0}, fades={"master": Fade.parse("1 at 9")}
    )
    assert fitted.not_fits == [
        "“pirate” has no kind gate here.",
        "“pirate” has no layers 2–4, 7, 9 here.",
        "“pirate” has no target lm_head here.",
        "The adapter “singer” is not loaded.",
    ]
    assert fitted.remarks == ["“poet” is as loaded.", "It was saved with the model huge."]


def test_an_adapter_under_another_name(desk: Desk) -> None:
    profile = Profile(name="a", mix=Mix({"corsair": Faders(master=0.5), "pirate": Faders(master=2)}))
    assert fit(profile, desk, {"corsair": "poet"}).mix == Mix({"poet": Faders(master=0.5), "pirate": Faders(master=2)})
    assert "“corsair” (loaded as “poet”)" in fit(profile, desk, {"corsair": "poet"}).fits[0]
    with pytest.raises(ValueError, match="'pirate'"):
        fit(profile, desk, {"corsair": "pirate"})
    made = Profile.of("a", desk, QUIET, hashes={"pirate": HASH, "poet": "ab" * 32})
    assert same_adapters(made, {"corsair": HASH, "poet": "ab" * 32}) == {"pirate": "corsair", "poet": "poet"}
    assert same_adapters(made, {"pirate": "cd" * 32, "second": HASH}) == {"pirate": "second"}
    assert "weights differ" in fit(made, desk, hashes={"pirate": "cd" * 32}).remarks[0]


def test_gains_beyond_all_numbers_are_left_out(desk: Desk) -> None:
    profile = Profile(name="a", mix=Mix({"pirate": Faders(master=1e30, kinds={"q_proj": 1e30})}))
    fitted = fit(profile, desk)
    assert fitted.mix == Mix() and "stays as loaded" in fitted.not_fits[0]


def test_more_components_than_an_adapter_has_are_left_out_and_said(desk: Desk) -> None:
    fitted = fit(Profile(name="a", mix=Mix({"pirate": Faders(master=0.5, rank=9)})), desk)
    assert fitted.mix == Mix({"pirate": Faders(master=0.5)})
    assert fitted.not_fits == ["“pirate” has no rank 9 here."]
    fitted = fit(Profile(name="a", mix=Mix({"pirate": Faders(rank=2, energy=0.9)})), desk)
    assert fitted.mix["pirate"] == Faders(rank=2, energy=0.9) and "rank 2 and 90 % energy" in fitted.fits[0]
    dora = Desk(tiny.pirate(use_dora=True))
    fitted = fit(Profile(name="a", mix=Mix({"pirate": Faders(energy=0.9)})), dora)
    assert fitted.mix == Mix({"pirate": Faders()}) and fitted.not_fits == ["“pirate” has no 90 % energy here."]
