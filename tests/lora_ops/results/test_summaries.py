"""What is kept, in short: the list of experiments, and all votes with their mixes."""

from __future__ import annotations

from dataclasses import replace

from helpers import kept

from lora_mixer.lora_ops import Vote


def test_the_list_is_newest_first_and_short(records):
    for at in range(3):
        records.add(kept.record(columns=at + 2, trials=at))
    newest, *_ = records.list(limit=2)
    assert (newest.id, newest.labels, newest.trials, newest.votes) == (
        3,
        ("gain 0", "gain 1", "gain 2", "gain 3"),
        2,
        0,
    )
    assert newest.first == "question 0"
    assert [summary.id for summary in records.list()] == [3, 2, 1]
    assert [summary.id for summary in records.list(limit=2)] == [3, 2]


def test_votes_come_with_their_mixes(records):
    assert records.votes() == ()
    one = kept.record(trials=1).and_vote(Vote(0, 1, 0, "left"))
    other = replace(kept.record(trials=1), model="another").and_vote(Vote(0, 0, 1, "bad"))
    ids = [records.add(one), records.add(other)]
    assert records.votes() == tuple(
        replace(duel, experiment=id) for id, record in zip(ids, (one, other), strict=True) for duel in record.duels
    )
    (duel,) = records.votes(model="another")
    assert (duel.left, duel.right_label, duel.verdict, duel.model) == (kept.mix(0.0), "gain 1", "bad", "another")
