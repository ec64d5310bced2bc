"""How strong votes say that mixes are, against choix and the likelihood itself."""

from __future__ import annotations

import math
import random

import choix
import pytest
from helpers import kept
from helpers.voted import DUELS
from hypothesis import given, settings

from lora_mixer.lora_ops import identity, tally
from lora_mixer.lora_ops.results.strengths import PRIOR
from lora_mixer.lora_ops.results.tally import chance


@settings(max_examples=30, deadline=None)
@given(duels=DUELS)
def test_strengths_are_where_the_likelihood_is_largest(duels):
    """At the maximum of the posterior, each one's wins are what its strength makes likely, less the prior's pull."""
    found = tally(duels)
    for one in found.standings:
        pull = PRIOR * one.strength
        for pair in found.pairs:
            ends = {pair.one: pair.rate.wins, pair.other: pair.rate.losses}
            here = found.standings.index(one)
            if here in ends:
                met = pair.rate.wins + pair.rate.losses + pair.ties
                other = found.standings[pair.other if here == pair.one else pair.one]
                pull -= ends[here] + pair.ties / 2 - met * chance(one, other)
        assert pull == pytest.approx(0, abs=1e-3)


def test_the_ranking_finds_what_made_the_votes():
    dice = random.Random(3)
    true = [0.0, 0.7, 1.4, 2.1, 2.8]
    duels = []
    for _ in range(1500):
        one, other = dice.sample(range(5), 2)
        wins = dice.random() < 1 / (1 + math.exp(true[other] - true[one]))
        duels.append(kept.duel(one, other, "left" if wins else "right"))
    found = tally(duels)
    assert [one.label for one in found.standings] == ["4", "3", "2", "1", "0"]
    assert [one.strength for one in found.standings] == pytest.approx([1.4, 0.7, 0.0, -0.7, -1.4], abs=0.3)


@settings(max_examples=30, deadline=None)
@given(duels=DUELS)
def test_strengths_are_those_of_every_vote_by_itself(duels):
    numbers = {identity(kept.mix(float(gain))): gain for gain in range(5)}
    won = []  # each twice, so that a tie may be one for each side
    for duel in duels:
        left, right = numbers[identity(duel.left)], numbers[identity(duel.right)]
        if left != right:
            sides = {"left": [(left, right)] * 2, "right": [(right, left)] * 2, "tie": [(left, right), (right, left)]}
            won += sides.get(duel.verdict, [])
    judged = choix.opt_pairwise(5, won, alpha=PRIOR, tol=1e-12) if won else [0.0] * 5
    found = tally(duels).standings
    for one in found:
        group = [numbers[identity(other.mix)] for other in found if other.group == one.group]
        mean = sum(judged[at] for at in group) / len(group)
        assert one.strength == pytest.approx(judged[numbers[identity(one.mix)]] - mean, abs=1e-5)
