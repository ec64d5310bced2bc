"""Votes: what was preferred gets likelier, too few say how many more it takes, and chance teaches nothing."""

from __future__ import annotations

import math
import random

import torch
from helpers import tiny
from helpers.tiny import mix_of, pirate

from lora_mixer.lora_ops import Desk, Mix, Preference, Record, TrialRecord, Vote, learn_from_votes, preferences
from lora_mixer.lora_ops.learning.learn import learning_from_votes
from lora_mixer.lora_ops.learning.preferences import FEWEST_VOTES, why_too_few, why_undecided
from lora_mixer.lora_ops.results.record import ColumnRecord, ReplyRecord


def votes_of(desk: Desk, count: int) -> list[Preference]:
    """What is said softly is preferred to what is said loudly."""
    found = []
    for at in range(count):
        prompt = torch.tensor([tiny.ids_of(f"Ahoy {at}")])
        said = []
        for mix in (mix_of(master=0.2), mix_of(master=1.8)):
            with desk.rows([mix]):
                torch.manual_seed(at)
                out = desk.engine.model.generate(prompt, max_new_tokens=12, do_sample=True, top_k=0, eos_token_id=None)
            said.append(tuple(out[0, prompt.shape[1] :].tolist()))
        found.append(Preference(tuple(prompt[0].tolist()), *said))
    return found


def test_replies_that_were_preferred_get_likelier_against_the_others():
    desk = Desk(pirate())
    found = learn_from_votes(desk, tiny.tokenizer(), votes_of(desk, 40), over="masters", seed=1, pull_weight=0.0)
    assert abs(found.before - math.log(2)) < 1e-4
    assert found.learned and not found.note
    assert found.after < found.before and found.mix["pirate"].master < 1
    assert desk.mix == Mix()


def test_votes_that_chance_cast_teach_nothing():
    desk = Desk(pirate())
    dice = random.Random(3)
    votes = [
        vote if dice.random() < 0.5 else Preference(vote.prompt, vote.worse, vote.better) for vote in votes_of(desk, 24)
    ]
    found = learn_from_votes(desk, tiny.tokenizer(), votes, over="masters", seed=2)
    assert not found.learned and "nothing was learned" in found.note and found.mix == Mix()


def test_stopping_keeps_the_best_so_far_and_judges_it():
    desk = Desk(pirate())
    run = learning_from_votes(desk, tiny.tokenizer(), votes_of(desk, 40), over="masters", seed=1, pull_weight=0.0)
    for update in run:
        if update.point is not None and update.point.mix != Mix():
            run.stop()
    assert not run.result.complete and run.result.learned
    assert run.result.after < run.result.before and run.result.mix["pirate"].master < 1


def test_stopping_before_anything_is_known_tells_that():
    desk = Desk(pirate())
    run = learning_from_votes(desk, tiny.tokenizer(), votes_of(desk, 20), over="masters", seed=1)
    run.stop()
    assert list(run) == []
    assert not run.result.complete and not run.result.learned and run.result.mix == Mix()
    assert run.result.note == "stopped before anything was learned" and len(run.result.held_out) == 5


def test_with_too_few_votes_it_is_said_how_many_more_would_tell():
    desk = Desk(pirate())
    found = learn_from_votes(desk, tiny.tokenizer(), votes_of(desk, 3), seed=1)
    assert not found.learned and found.mix == Mix()
    assert f"{FEWEST_VOTES - 3} more would tell" in found.note
    assert not why_too_few(FEWEST_VOTES) and "20 more" in why_too_few(0)


def test_held_out_votes_must_agree_more_than_chance_does():
    assert not why_undecided([1.0] * 5)
    assert "4 of 5" in why_undecided([1.0] * 4 + [-1.0]) and "more votes would tell" in why_undecided([1.0] * 4 + [-1])
    assert "more votes" not in why_undecided([1.0] + [-1.0] * 4)
    assert why_undecided([0.0, 0.0])


def test_votes_of_kept_experiments_are_found_but_for_ties():
    columns = (ColumnRecord("A", Mix()), ColumnRecord("B", mix_of(master=0.5)))
    trials = (TrialRecord("Ahoy", 1, (ReplyRecord("one"), ReplyRecord("two"))),)
    votes = tuple(Vote(0, left, right, verdict) for left, right, verdict in [
        (0, 1, "left"), (1, 0, "left"), (0, 1, "right"), (0, 1, "tie"), (0, 1, "bad")
    ])  # fmt: skip
    record = Record("tiny", columns, trials=trials, votes=votes)
    found = [(one.better, one.worse) for one in preferences([record])]
    assert found == [("one", "two"), ("two", "one"), ("two", "one")]
    assert not preferences([record], model="another")
