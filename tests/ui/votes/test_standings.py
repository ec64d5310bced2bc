"""What votes add up to, as a page draws it: the same numbers, and words that claim no more than they do."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from helpers import kept
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Duel, Mix, identity, tally
from lora_mixer.lora_ops.results.tally import Rate
from lora_mixer.ui.votes import standings

VERDICTS = st.sampled_from(["left", "right", "tie", "bad"])
DUELS = st.lists(
    st.builds(kept.duel, st.integers(0, 4).map(float), st.integers(0, 4).map(float), VERDICTS), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(duels=DUELS)
def test_a_page_gets_what_the_tally_says_in_json_that_every_browser_reads(duels: list[Duel]) -> None:
    found = tally(duels)
    told = json.loads(json.dumps(standings.standing(found), allow_nan=False))
    assert [(row["wins"], row["losses"], row["ties"], row["bad"]) for row in told["rows"]] == [
        (one.rate.wins, one.rate.losses, one.ties, one.bad) for one in found.standings
    ]
    assert [Mix.from_dict(row["mix"]) for row in told["rows"]] == [one.mix for one in found.standings]
    chosen = sum(duel.verdict in ("left", "right") and duel.left != duel.right for duel in duels)
    assert sum(row["wins"] for row in told["rows"]) == sum(row["losses"] for row in told["rows"]) == chosen
    assert sum(pair["wins"] + pair["losses"] for pair in told["pairs"]) == chosen
    for row in told["rows"]:
        assert row["share"] is None or 0 <= row["low"] <= row["share"] <= row["high"] <= 1
    for pair in told["pairs"]:
        assert pair["one"] < pair["other"] < len(told["rows"]), "the better one stands first"


@settings(max_examples=60, deadline=None)
@given(duels=DUELS)
def test_the_outcome_names_who_is_ahead_and_nobody_else(duels: list[Duel]) -> None:
    found = tally(duels)
    line = standings.line(found)
    named = re.findall("“(.*?)”", line)
    if not found.votes or found.standings[0].rate.share is None:
        assert not named and line.startswith("No vote")
        return
    first = [one.label for one in found.standings if one.group == 0 and one.place == 1]
    assert named == first
    assert ("are level" in line) == (len(first) > 1)


@given(wins=st.integers(0, 40), losses=st.integers(0, 40))
def test_words_about_chance_are_those_of_the_sign_test(wins: int, losses: int) -> None:
    rate = Rate.of(wins, losses)
    words = standings.sure(rate)
    assert words == standings.sure(Rate.of(losses, wins)), "it is the same from both sides"
    if rate.share is None:
        assert words == "no vote chose a side"
    elif rate.p_value >= 0.05:
        assert "could well be chance" in words
    else:
        assert ("hardly chance" in words) == (rate.p_value < 0.01)
        assert ("unlikely to be chance" in words) == (rate.p_value >= 0.01)


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ([], "No vote was cast between two different mixes."),
        (["tie", "bad"], "No vote chose a side, so nothing is ahead."),
        (["left", "right"], "“0” and “1” are level."),
        (
            ["left"] * 8 + ["right"] * 2 + ["tie"],
            "“0” was preferred in 8 of 10 votes that chose a side (80%; 95% interval 49% to 94%): "
            "this could well be chance (sign test, p = 0.11).",
        ),
    ],
)
def test_outcomes(verdicts: Sequence[str], line: str) -> None:
    assert standings.line(tally([kept.duel(0, 1, verdict) for verdict in verdicts])) == line


def test_level_says_nothing_about_chance() -> None:
    """Both beat a third ten times: that is hardly chance, and no difference between the two."""
    duels = [kept.duel(winner, 2, "left") for winner in (0, 1) for _ in range(10)]
    assert standings.line(tally(duels)) == "“0” and “1” are level."
    ring = [kept.duel(0, 1, "left"), kept.duel(1, 2, "left"), kept.duel(2, 0, "left")]
    assert standings.line(tally(ring)) == "“0” and “1” and “2” are level."


def test_votes_between_a_mix_and_itself_are_told_in_a_note() -> None:
    for count, words in (
        (1, "1 vote was between a mix and itself, and counts for nothing"),
        (2, "2 votes were between"),
    ):
        told = standings.standing(tally([kept.duel(1, 1, "left")] * count + [kept.duel(0, 1, "tie")]))
        assert told["note"].startswith(f"Mind that {words}") and told["votes"] == 1


@settings(max_examples=60, deadline=None)
@given(duels=DUELS, data=st.data())
def test_votes_between_chosen_mixes_are_those_in_which_both_are_chosen(duels: list[Duel], data: st.DataObject) -> None:
    found = standings.competitors(duels)
    assert sum(one["votes"] for one in found) == 2 * len(duels)
    assert [one["votes"] for one in found] == sorted((one["votes"] for one in found), reverse=True)
    assert len({one["id"] for one in found}) == len(found)
    chosen = data.draw(st.lists(st.sampled_from([one["id"] for one in found]), unique=True)) if found else []
    names = {one["id"]: one["label"] for one in found}
    labels = {names[one] for one in chosen}
    assert standings.among(duels, chosen) == [duel for duel in duels if {duel.left_label, duel.right_label} <= labels]
    assert standings.among(duels, [one["id"] for one in found]) == duels
    assert standings.among(duels, ["nobody"]) == []


def test_a_competitor_is_its_faders_and_is_called_what_it_was_called_last() -> None:
    duels = [kept.duel(0, 1, "left"), Duel(kept.mix(1), kept.mix(2), "tie", "one", "two"), kept.duel(0, 2, "bad")]
    assert [(one["label"], one["votes"]) for one in standings.competitors(duels)] == [("0", 2), ("one", 2), ("2", 2)]
    nameless = [Duel(kept.mix(0), kept.mix(1), "left")]
    assert standings.line(tally(nameless)).startswith("“one mix” was preferred in 1 of 1 votes")
    assert identity(Mix()) == identity(kept.mix(1))
