"""What votes add up to, against the textbooks' own numbers."""

from __future__ import annotations

import math
import random
import sys
import time
from dataclasses import replace

import pytest
from helpers import kept
from helpers.voted import DUELS
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Faders, Mix, Tally, identity, tally
from lora_mixer.lora_ops.optional_packages import MissingPackage
from lora_mixer.lora_ops.results.page import in_words
from lora_mixer.lora_ops.results.tally import Rate, chance


def of(tally: Tally, gain: float):
    """The standing of the pirate at this gain."""
    return next(one for one in tally.standings if identity(one.mix) == identity(kept.mix(gain)))


# One competitor


def test_the_same_faders_are_the_same_competitor():
    same = [
        Mix(),
        Mix({"pirate": Faders()}),
        Mix({"pirate": Faders(kinds={"q_proj": 1.0}, layers={3: 1.0}), "poet": Faders(on=True)}),
    ]
    assert {identity(mix) for mix in same} == {identity(Mix())}
    off = [Mix({"pirate": Faders(on=False)}), Mix({"pirate": Faders(on=False, master=0.3, kinds={"q_proj": 2.0})})]
    assert len({identity(mix) for mix in off}) == 1
    quiet = [
        Mix({"a": Faders(master=0.0), "b": Faders(master=2)}),
        Mix({"b": Faders(master=2.0), "a": Faders(master=-0.0)}),
    ]
    assert len({identity(mix) for mix in quiet}) == 1


def test_different_faders_are_different_competitors():
    fade = ((0, 0.0), (9, 1.0))
    mixes = [
        Mix(),
        kept.mix(0.5),
        Mix({"poet": Faders(master=0.5)}),
        Mix({"pirate": Faders(kinds={"q_proj": 0.5})}),
        Mix({"pirate": Faders(layers={3: 0.5})}),
        Mix({"pirate": Faders(modules={"q_proj": 0.5})}),
        Mix({"pirate": Faders(fades={"master": fade})}),
        Mix({"pirate": Faders(fades={"layer:3": fade})}),
        Mix({"pirate": Faders(on=False)}),
    ]
    assert len({identity(mix) for mix in mixes}) == len(mixes)


@given(mix=kept.mixes)
def test_a_mix_stays_itself_through_json(mix):
    assert identity(Mix.from_dict(mix.to_dict())) == identity(mix)


def test_labels_do_not_matter_but_the_last_one_is_shown():
    duels = [kept.duel(0, 1, "left"), replace(kept.duel(1, 0, "right"), right_label="the base")]
    found = tally(duels)
    assert [(one.label, one.rate.wins) for one in found.standings] == [("the base", 2), ("1", 0)]


# Rates


@pytest.mark.parametrize(
    ("wins", "losses", "low", "high", "p_value"),
    [
        # Wilson (1927) by hand: z = 1.959964; the sign test is twice a binomial tail.
        (8, 2, 0.4902, 0.9433, 0.109375),
        (15, 5, 0.5313, 0.8881, 0.041389),
        (1, 0, 0.2065, 1.0, 1.0),
        (0, 10, 0.0, 0.2775, 0.001953),
    ],
)
def test_rates_are_the_textbooks(wins, losses, low, high, p_value):
    rate = Rate.of(wins, losses)
    assert rate.share == wins / (wins + losses)
    assert (rate.low, rate.high, rate.p_value) == pytest.approx((low, high, p_value), abs=1e-4)


@given(wins=st.integers(0, 60), losses=st.integers(0, 60))
def test_rates_look_the_same_from_both_sides(wins, losses):
    one, other = Rate.of(wins, losses), Rate.of(losses, wins)
    assert one.p_value == pytest.approx(other.p_value)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))
    if one.share is not None:
        assert one.low <= one.share + 1e-12 and one.share <= one.high + 1e-12


def test_no_votes_say_nothing():
    assert Rate.of(0, 0) == Rate(0, 0, None, 0.0, 1.0, 1.0)
    assert tally([]) == Tally()


# The tally


def test_two_mixes():
    found = tally(
        [kept.duel(0, 1, v) for v in ["left"] * 6 + ["right", "tie", "tie", "bad"]] + [kept.duel(1, 0, "right")]
    )
    best, other = found.standings
    assert (best.label, best.place, best.rate, best.ties, best.bad) == ("0", 1, Rate.of(7, 1), 2, 1)
    assert (other.label, other.place, other.rate, other.ties, other.bad) == ("1", 2, Rate.of(1, 7), 2, 1)
    (pair,) = found.pairs
    assert (pair.one, pair.other, pair.rate, pair.ties, pair.bad) == (0, 1, Rate.of(7, 1), 2, 1)
    assert best.strength == pytest.approx(-other.strength) and best.strength > 0
    assert (found.votes, found.same, found.note) == (11, 0, "")


def test_a_mix_against_itself_counts_for_nothing():
    found = tally([kept.duel(1, 1, "left"), kept.duel(0, 1, "left")])
    assert (found.votes, found.same) == (1, 1)
    assert of(found, 1).rate == Rate.of(0, 1)
    assert tally([kept.duel(1, 1, "left")]).same == 1


def test_an_undefeated_mix_stays_finite_and_is_said():
    found = tally([kept.duel(0, 1, "left")] * 20 + [kept.duel(1, 2, "left"), kept.duel(1, 2, "right")])
    assert all(math.isfinite(one.strength) for one in found.standings)
    assert of(found, 0).place == 1 and 0.9 < chance(of(found, 0), of(found, 1)) < 1
    assert found.note == "0 never lost, so how much stronger that is cannot be told yet"


def test_votes_that_do_not_connect_are_said():
    found = tally(
        [kept.duel(0, 1, "left"), kept.duel(0, 1, "right")] * 2 + [kept.duel(2, 3, "tie"), kept.duel(1, 4, "tie")]
    )
    assert [one.group for one in found.standings] == [0, 0, 0, 1, 1]
    assert {of(found, gain).group for gain in (0, 1, 4)} == {0}
    assert "fall into 2 groups that never met" in found.note


def test_both_bad_connects_nobody():
    found = tally([kept.duel(0, 1, "bad")])
    assert [(one.group, one.place, one.strength, one.bad) for one in found.standings] == [
        (0, 1, 0.0, 1),
        (1, 1, 0.0, 1),
    ]


def test_equals_share_a_place():
    found = tally([kept.duel(0, 1, "left"), kept.duel(1, 0, "left"), kept.duel(0, 2, "left"), kept.duel(1, 2, "left")])
    assert [one.place for one in found.standings] == [1, 1, 3]


@settings(max_examples=30, deadline=None)
@given(duels=DUELS, seed=st.integers(0, 9))
def test_neither_order_nor_sides_matter(duels, seed):
    turned = {"left": "right", "right": "left"}
    other = [
        replace(d, left=d.right, right=d.left, left_label=d.right_label, right_label=d.left_label,
                verdict=turned.get(d.verdict, d.verdict)) for d in duels
    ]  # fmt: skip
    random.Random(seed).shuffle(other)
    one, two = tally(duels), tally(other)
    assert (one.votes, one.same) == (two.votes, two.same)
    for standing in one.standings:
        again = next(s for s in two.standings if s.label == standing.label)
        assert (again.rate, again.ties, again.bad, again.place) == (
            standing.rate,
            standing.ties,
            standing.bad,
            standing.place,
        )
        assert again.strength == pytest.approx(standing.strength, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(duels=DUELS)
def test_places_are_one_more_than_there_are_stronger_ones(duels):
    found = tally(duels).standings
    for one in found:
        stronger = [other for other in found if other.group == one.group and other.strength > one.strength + 1e-4]
        assert one.place == len(stronger) + 1


@pytest.mark.parametrize("mixes", [8, 400])
def test_a_hundred_thousand_votes_are_soon_added_up(mixes):
    dice = random.Random(1)
    shared = [kept.mix(float(at)) for at in range(mixes)]
    vote = kept.duel(0, 1, "left")
    drawn = [(*dice.sample(shared, 2), dice.choice(["left", "right", "tie", "bad"])) for _ in range(1000)]
    duels = [replace(vote, left=one, right=other, verdict=verdict) for one, other, verdict in drawn] * 100
    tally(duels[:10])  # imports what it needs
    began = time.process_time()
    found = tally(duels)
    assert time.process_time() - began < 5
    assert (
        found.votes == 100_000 == sum(pair.rate.wins + pair.rate.losses + pair.ties + pair.bad for pair in found.pairs)
    )


def test_without_a_package_the_message_helps(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingPackage, match="needs the package scipy, which is not installed"):
        tally([kept.duel(0, 1, "left")])


def test_as_many_components_are_one_setting_and_fewer_another():
    mixes = [Mix(), *(Mix({"pirate": Faders(**of)}) for of in ({"rank": 4}, {"rank": 2}, {"energy": 0.9}))]
    assert len({identity(mix) for mix in mixes}) == 4
    assert identity(Mix({"pirate": Faders(energy=1.0)})) == identity(Mix())
    assert identity(Mix({"pirate": Faders(on=False, rank=4)})) == identity(Mix({"pirate": Faders(on=False)}))
    assert in_words(mixes[1]) == ["pirate × 1 · rank 4"]
