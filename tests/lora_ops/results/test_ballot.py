"""A blind session: every pair once, nothing given away, nothing favoured."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import replace

import pytest
from helpers import kept
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Ballot, ColumnRecord, Mix, ReplyRecord, TrialRecord


def ballot(columns: int, trials: int, seed: int | None = 7, most: int | None = None) -> Ballot:
    record = kept.record(columns, trials)
    return Ballot(record.columns, record.trials, seed, most)


def filled(ballot: Ballot, verdict="left"):
    """All votes of it."""
    while ballot.slip is not None:
        ballot.vote(verdict)
    return ballot.votes


@settings(max_examples=50, deadline=None)
@given(columns=st.integers(2, 9), trials=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_pair_of_every_trial_comes_up_once(columns, trials, seed):
    votes = filled(ballot(columns, trials, seed))
    seen = Counter((vote.trial, frozenset((vote.left, vote.right))) for vote in votes)
    assert len(seen) == len(votes) == trials * columns * (columns - 1) // 2


@settings(max_examples=50, deadline=None)
@given(columns=st.integers(2, 9), trials=st.integers(1, 9), seed=st.integers(0, 99), most=st.integers(1, 99))
def test_any_beginning_is_balanced(columns, trials, seed, most):
    votes = filled(ballot(columns, trials, seed, most))
    assert len(votes) == min(most, trials * columns * (columns - 1) // 2)
    shown = Counter(dict.fromkeys(range(columns), 0))
    shown.update(side for vote in votes for side in (vote.left, vote.right))
    assert max(shown.values()) - min(shown.values()) <= 3
    sides = Counter((vote.left, vote.right) for vote in votes)
    assert all(abs(count - sides[right, left]) <= 1 for (left, right), count in sides.items())


def test_a_seed_settles_it_and_another_shuffles_anew():
    order = [[(vote.trial, vote.left, vote.right) for vote in filled(ballot(4, 5, seed))] for seed in (1, 1, 2)]
    assert order[0] == order[1] != order[2]
    assert order[0] != sorted(order[0])
    orders = {tuple((vote.trial, vote.left) for vote in filled(ballot(4, 5, None))) for _ in range(3)}
    assert len(orders) > 1, "without a seed, chance decides"


def test_sides_and_order_cannot_be_guessed():
    first = Counter(filled(ballot(2, 6, seed))[0].left for seed in range(60))
    assert min(first[0], first[1]) > 15
    patterns = {tuple(vote.left for vote in filled(ballot(2, 6, seed))) for seed in range(30)}
    assert len(patterns) > 10, "sides do not simply alternate"


def test_a_slip_gives_nothing_away():
    record = kept.record(3, 2)
    hidden = Ballot(tuple(replace(column, label="SECRET") for column in record.columns), record.trials, seed=1)
    slip = hidden.slip
    assert {field.name for field in dataclasses.fields(slip)} == {
        "number",
        "of",
        "question",
        "messages",
        "left",
        "right",
    }
    assert "SECRET" not in repr(slip) and (slip.number, slip.of) == (1, 6)
    trial = record.trials[int(slip.question.removeprefix("question "))]
    assert {slip.left, slip.right} <= {reply.text for reply in trial.replies}


def test_votes_name_the_columns_that_were_shown():
    record = kept.record(3, 2)
    running = Ballot(record.columns, record.trials, seed=5)
    assert running.left_to_do == 6 and running.reveal() == ()
    for verdict in ("left", "right", "tie", "bad"):
        slip, vote = running.slip, running.vote(verdict)
        replies = record.trials[vote.trial].replies
        assert (replies[vote.left].text, replies[vote.right].text) == (slip.left, slip.right)
        assert (vote.verdict, vote.blind, vote.source) == (verdict, True, "blind")
    assert running.left_to_do == 2 and len(running.votes) == 4
    for shown in running.reveal():
        assert (shown.left_label, shown.right_label) == (f"gain {shown.vote.left}", f"gain {shown.vote.right}")
        assert shown.slip.left == record.trials[shown.vote.trial].replies[shown.vote.left].text
    for vote in running.votes:
        record = record.and_vote(vote)
    assert len(record.duels) == 4


def test_the_end_is_the_end():
    done = ballot(2, 1)
    done.vote("tie")
    assert done.slip is None
    with pytest.raises(ValueError, match="all pairs of replies have been voted on"):
        done.vote("tie")


def test_a_verdict_that_is_none_is_refused_and_the_slip_stays():
    running = ballot(2, 1)
    with pytest.raises(ValueError, match="verdict"):
        running.vote("both")  # type: ignore[arg-type]
    assert running.slip is not None and running.votes == ()


def test_replies_that_are_alike_are_not_put_to_the_vote():
    columns = [ColumnRecord(str(at), Mix()) for at in range(3)]
    trial = TrialRecord("q", 0, tuple(ReplyRecord(text) for text in ("Arr", "Arr \n", "Hello")))
    running = Ballot(columns, [trial], seed=0)
    assert running.alike == 1 and running.left_to_do == 2
    assert all(
        slip.left.strip() != slip.right.strip() for slip in [one.slip for one in (filled(running) and running.reveal())]
    )


@pytest.mark.parametrize(
    ("columns", "trials", "message"),
    [
        (1, [kept.trial(0, 1)], "at least two columns"),
        (2, [], "no reply was finished"),
        (2, [TrialRecord("q", 0, (ReplyRecord("a"), ReplyRecord("a")))], "all columns say the same"),
    ],
)
def test_nothing_to_vote_on_is_said(columns, trials, message):
    with pytest.raises(ValueError, match=message):
        Ballot([ColumnRecord(str(at), Mix()) for at in range(columns)], trials)


def test_the_question_is_its_label_or_the_prompt():
    said = (ReplyRecord("a"), ReplyRecord("b"))
    columns = kept.record(2).columns
    assert Ballot(columns, [TrialRecord("<|user|>hi", 0, said, label="hi")]).slip.question == "hi"
    assert Ballot(columns, [TrialRecord("hi", 0, said)]).slip.question == "hi"


def seen(votes) -> Counter:
    return Counter((vote.trial, frozenset((vote.left, vote.right))) for vote in votes)


@settings(max_examples=50, deadline=None)
@given(columns=st.integers(2, 6), batches=st.lists(st.integers(1, 3), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_trials_that_come_later_come_up_too_and_the_slip_that_is_up_stays(columns, batches, seed):
    trials = kept.record(columns, sum(batches)).trials
    growing = Ballot(kept.record(columns).columns, trials[: batches[0]], seed)
    there = batches[0]
    for count in batches[1:]:
        if growing.slip is not None:
            growing.vote("left")
        up = growing.slip
        growing.more(trials[there : there + count])
        there += count
        if up is not None:
            assert (growing.slip.left, growing.slip.right, growing.slip.number) == (up.left, up.right, up.number)
    votes = filled(growing)
    assert len(votes) == len(seen(votes)) == there * columns * (columns - 1) // 2
    for vote, shown in zip(votes, growing.reveal(), strict=True):
        assert shown.slip.left == trials[vote.trial].replies[vote.left].text
    met = Counter(frozenset((vote.left, vote.right)) for vote in votes)
    sides = Counter((vote.left, vote.right) for vote in votes)
    assert len(set(met.values())) == 1
    assert all(abs(count - sides[right, left]) <= 2 for (left, right), count in sides.items())


@settings(max_examples=50, deadline=None)
@given(columns=st.integers(2, 6), trials=st.integers(1, 6), cast=st.integers(0, 20), seed=st.integers(0, 99))
def test_a_session_that_was_interrupted_goes_on_with_what_is_left(columns, trials, cast, seed):
    record = kept.record(columns, trials)
    before = ballot(columns, trials, seed)
    cast = min(cast, before.left_to_do)
    for _ in range(cast):
        before.vote("right")
    after = Ballot(record.columns, record.trials, seed + 1, voted=before.votes)
    assert (after.votes, after.left_to_do) == (before.votes, before.left_to_do)
    votes = filled(after)
    assert len(votes) == len(seen(votes)) == trials * columns * (columns - 1) // 2
    assert len(after.reveal()) == len(votes)


def test_the_most_counts_what_was_voted_before_and_what_comes_later():
    record = kept.record(3, 6)
    limited = Ballot(record.columns, record.trials[:1], 3, most=5)
    assert (limited.left_to_do, limited.spare) == (3, 0)
    limited.vote("tie")
    limited.more(record.trials[1:])
    assert (limited.left_to_do, limited.spare, limited.slip.of) == (4, 13, 5)
    assert len(filled(limited)) == 5
    assert Ballot(record.columns, record.trials, 3, most=7, voted=limited.votes).left_to_do == 2


def test_what_met_less_often_comes_up_first():
    record = kept.record(3, 8)
    first = ballot(3, 8)
    for _ in range(4):
        first.vote("left")
    on = Ballot(record.columns, record.trials, 1, most=12, voted=first.votes)
    met = Counter(frozenset((vote.left, vote.right)) for vote in filled(on))
    assert set(met.values()) == {4}


def test_what_comes_later_comes_up_before_a_second_pair_of_the_same_trial():
    """Three columns make three pairs of every trial: as many trials as there are come up before one comes up again."""
    for seed in range(20):
        record = kept.record(3, 6)
        one = Ballot(record.columns, record.trials[:1], seed, most=1)
        one.vote("left")
        for at in range(1, 6):
            one.more(record.trials[at : at + 1], most=at + 1)
            assert one.left_to_do == 1
            one.vote("left")
        assert sorted(vote.trial for vote in one.votes) == list(range(6))
        couples = Counter(frozenset((vote.left, vote.right)) for vote in one.votes)
        assert set(couples.values()) == {2}, "all columns met as often"
        one.more((), most=99)
        assert one.left_to_do == 3 * 6 - 6


@settings(max_examples=40, deadline=None)
@given(columns=st.integers(2, 5), trials=st.integers(2, 9), early=st.integers(1, 8), seed=st.integers(0, 99))
def test_no_trial_comes_up_much_more_often_than_another_wherever_it_ends(columns, trials, early, seed):
    record = kept.record(columns, trials)
    early = min(early, trials - 1)
    one = Ballot(record.columns, record.trials[:early], seed, most=early)
    while one.left_to_do:
        one.vote("left")
    one.more(record.trials[early:], most=10 * trials)
    while one.left_to_do:
        one.vote("left")
        shown = Counter(vote.trial for vote in one.votes)
        counts = [shown[at] for at in range(trials)]
        # Columns meet evenly first, and two columns meet once in a trial: the more there are, the less choice is left.
        assert max(counts) - min(counts) < columns
