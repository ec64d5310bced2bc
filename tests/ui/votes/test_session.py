"""A blind session as a page follows it: what it gives away, what it deals, how it goes on when it was interrupted."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from helpers import kept
from helpers.voting import nowhere, slip, vote_on_all, voting
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import ReplyRecord
from lora_mixer.ui.lab.experiment_files import sheet_of
from lora_mixer.ui.votes.session import Session, Sessions

VERDICTS = ["left", "right", "tie", "bad"]


# What a page is told


@settings(max_examples=40, deadline=None)
@given(columns=st.integers(2, 5), trials=st.integers(1, 5), most=st.integers(1, 12), dice=st.integers(0, 99))
def test_nothing_tells_which_mix_said_what_until_the_last_vote(columns: int, trials: int, most: int, dice: int) -> None:
    session = voting(columns, trials, most, dice)
    names = [column.label for column in session.record.columns]
    rolls, before, pairs = random.Random(dice), session.revision, set()
    expected = min(most, trials * columns * (columns - 1) // 2)
    for number in range(1, expected + 1):
        told = session.to_dict()
        assert (told["slip"]["number"], told["of"], told["votes"]) == (number, expected, number - 1)
        assert not told["revealed"] and not any(name in json.dumps(told) for name in names)
        pairs.add(frozenset((told["slip"]["left"], told["slip"]["right"])))
        session.vote(number, rolls.choice(VERDICTS))
        assert session.revision > before, "a page looks again"
        before = session.revision
    assert session.over and session.revealed and session.to_dict()["slip"] is None
    assert len(pairs) == len(session.votes) == len(session.record.votes) == expected


def test_a_pair_is_voted_on_once_whoever_is_first() -> None:
    session = voting()
    session.vote(1, "left")
    with pytest.raises(ValueError, match="voted on already"):
        session.vote(1, "right")
    with pytest.raises(ValueError):
        session.vote(2, "sideways")
    assert [vote.verdict for vote in session.votes] == ["left"] and slip(session)["number"] == 2


def test_what_was_revealed_is_not_voted_on_and_more_pairs_have_sides_of_their_own() -> None:
    session = voting(3, 4, most=5)
    session.vote(1, "left")
    session.reveal()
    with pytest.raises(ValueError, match="would not be blind"):
        session.vote(2, "left")
    session.go_on(2)
    told = session.to_dict()
    assert not told["revealed"] and (told["slip"]["number"], told["of"]) == (2, 3)
    vote_on_all(session)
    assert session.revealed and len(session.votes) == 3
    session.go_on(99)
    vote_on_all(session)
    assert len(session.votes) == 4 * 3
    with pytest.raises(ValueError, match="start another session"):
        session.go_on(1)


def test_replies_that_are_all_alike_are_nothing_to_vote_on() -> None:
    same = kept.record(2, 2)
    trials = tuple(replace(trial, replies=(ReplyRecord("yes"), ReplyRecord(" yes"))) for trial in same.trials)
    with pytest.raises(ValueError, match="All mixes say the same"):
        Session(nowhere(), 9, sheet_of(replace(same, trials=trials)))
    with pytest.raises(ValueError, match="No reply was finished"):
        Session(nowhere(), 9, sheet_of(kept.record(2, 0)))


def test_strangers_have_sessions_of_their_own_and_the_oldest_page_loses_its() -> None:
    sessions = Sessions()
    made = [voting() for _ in range(30)]
    for at, session in enumerate(made):
        sessions.begin(f"page {at}", session)
    assert sessions.of("page 0") is None and sessions.of("page 29") is made[29]
    assert sum(sessions.of(f"page {at}") is not None for at in range(30)) == 24
    sessions.end("page 29")
    sessions.end("page 29")
    assert sessions.of("page 29") is None
