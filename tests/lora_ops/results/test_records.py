"""Experiments and votes in SQLite: what goes in comes out, through crashes, migrations and bad files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import kept
from hypothesis import HealthCheck, given, settings

from lora_mixer.lora_ops import AlreadyKept, Records, RecordsError, ReplyRecord, ScoresRecord, TrialRecord, Vote

# In and out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=kept.records())
def test_what_goes_in_comes_out(records, record):
    id = records.add(record)
    loaded = records.load(id)
    assert loaded == record
    assert loaded.id == id
    assert (record.uid, len(record.trials)) in {(summary.uid, summary.trials) for summary in records.list()}


def test_trials_and_votes_come_one_by_one(records):
    whole = kept.record(trials=3).and_vote(Vote(2, 1, 0, "tie", blind=False, source="chat"))
    id = records.add(replace(whole, trials=(), votes=()))
    assert [records.add_trial(id, trial) for trial in whole.trials] == [0, 1, 2]
    records.vote(id, whole.votes[0])
    assert records.load(id) == whole
    assert Records(records.path).load(id) == whole


def test_scores_may_follow(records):
    id = records.add(kept.record(trials=2))
    scores = ScoresRecord(((1.0, float("inf")), (2.0, 1.0)), ((0.0, 0.5), (float("nan"), 0.0)))
    records.put_scores(id, 1, scores)
    assert [trial.scores for trial in records.load(id).trials] == [None, scores]
    with pytest.raises(RecordsError, match="has no trial 2"):
        records.put_scores(id, 2, scores)
    with pytest.raises(ValueError, match="perplexity: must have a row and a column for each of the 2"):
        records.put_scores(id, 1, ScoresRecord(((1.0,),), ((1.0,),)))


def test_deleting_takes_all_of_it(records, path):
    first = records.add(kept.record(trials=2).and_vote(Vote(0, 0, 1, "left")))
    other = records.add(kept.record(trials=1))
    records.delete(first)
    assert [summary.id for summary in records.list()] == [other]
    assert kept.query(path, "SELECT count(*) FROM trials") == [(1,)] and kept.query(
        path, "SELECT count(*) FROM votes"
    ) == [(0,)]
    assert kept.query(path, "SELECT count(*) FROM replies") == [(2,)]
    assert records.add(kept.record()) == 3, "a number is never given twice"
    for gone in (
        lambda: records.load(first),
        lambda: records.delete(first),
        lambda: records.vote(9, Vote(0, 0, 1, "tie")),
    ):
        with pytest.raises(RecordsError, match="there is no experiment"):
            gone()


def test_the_same_experiment_is_kept_once(records):
    record = kept.record(trials=1)
    id = records.add(record)
    with pytest.raises(AlreadyKept, match="number 1") as refusal:
        records.add(record)
    assert refusal.value.id == id
    assert len(records.list()) == 1


# What does not fit


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        (Vote(1, 0, 1, "left"), "there is no trial 1: the experiment has 1"),
        (Vote(0, 0, 2, "left"), "there is no column 2: the experiment has 2"),
        (Vote(0, 1, 1, "left"), "column 1 stands on both sides"),
    ],
)
def test_a_vote_on_nothing_is_refused(records, vote, message):
    id = records.add(kept.record(trials=1))
    with pytest.raises(ValueError, match=message):
        records.vote(id, vote)
    with pytest.raises(ValueError, match=message):
        kept.record(trials=1).and_vote(vote)
    assert records.votes() == ()


def test_a_trial_needs_a_reply_a_column(records):
    id = records.add(kept.record(columns=3))
    with pytest.raises(ValueError, match="2 replies for 3 columns"):
        records.add_trial(id, kept.trial(0, columns=2))
    assert records.load(id).trials == ()


def test_half_a_character_does_not_stop_a_record(records):
    id = records.add(kept.record().and_trial(TrialRecord("\ud83d", 0, (ReplyRecord("a\udfff"), ReplyRecord("🙂")))))
    trial = records.load(id).trials[0]
    assert (trial.prompt, trial.replies[0].text, trial.replies[1].text) == ("\ufffd", "a\ufffd", "🙂")
