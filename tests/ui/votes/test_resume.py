"""A session that was interrupted goes on as it began, and nothing is asked twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from helpers import kept
from helpers.browser import host_of
from helpers.gauge import Gauge
from helpers.ordered import obey
from helpers.voting import SHORT, begin, shown, values_of, vote_on_all, wait_for
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import past, votes
from lora_mixer.ui.votes import resume as resuming
from lora_mixer.ui.votes.session import Session, Sessions

FULL, NONE = "f", "n"


PLAN = {"prompts": "one", "seeds": [1], "stop_strings": [], "trials": 3}


def resume(console: Studio, id: int, missing: bool = True, most: int = 20, values: Any = SHORT) -> Session:
    order = {"do": "resume", "id": id, "most": most, "missing": missing}
    answer = obey(votes, console, "page", order, values)
    assert "refused" not in answer, answer["refused"]
    return shown(console)


def interrupted(console: Studio, model: Gauge, done: int, votes: int, **said: Any) -> int:
    """A session of which so many trials were done, and so many pairs voted on, when the program was killed; its number.

    What a kill leaves is what the table held at that moment.
    """
    session = begin(console, **said)
    assert wait_for(lambda: not session.generating)
    for number in range(1, votes + 1):
        session.vote(number, "left")
    whole, kept_as, records = session.record, session.kept, console.experiments.records
    assert whole is not None and kept_as is not None and records is not None
    records.delete(kept_as)
    console.sessions = Sessions()
    left = replace(whole, trials=whole.trials[:done], votes=tuple(vote for vote in whole.votes if vote.trial < done))
    return int(records.add(left))


@settings(max_examples=8, deadline=None)
@given(done=st.integers(1, 5), votes=st.integers(0, 3), seeds=st.integers(1, 2))
def test_what_is_missing_is_generated_and_nothing_twice(model: Gauge, done: int, votes: int, seeds: int) -> None:
    console = Studio(host_of(model.model, model.tokenizer))
    console.desk()
    id = interrupted(console, model, done, votes, questions=3, seeds=seeds)
    before = console.experiments.records.load(id)
    session = resume(console, id)
    assert wait_for(lambda: not session.generating) and not session.error
    record = console.experiments.records.load(id)
    rows = [(trial.question, trial.seed) for trial in record.trials]
    assert record.trials[: len(before.trials)] == before.trials and record.votes == before.votes
    assert len(set(rows)) == len(rows) == 3 * seeds
    assert [reply.text for trial in record.trials for reply in trial.replies] == [FULL * 4, NONE * 4] * len(rows)
    vote_on_all(session)
    assert len(console.experiments.records.load(id).votes) == 3 * seeds == len({v.trial for v in session.votes})


def test_it_goes_on_under_the_settings_it_began_with(console: Studio, model: Gauge) -> None:
    id = interrupted(console, model, 1, 0)
    other = values_of(History(), Settings(max_new_tokens=9, seed=5, stop_strings="nn"))
    session = resume(console, id, values=other)
    assert wait_for(lambda: not session.generating) and not session.error
    record = console.experiments.records.load(id)
    assert {reply.text for trial in record.trials for reply in trial.replies} == {FULL * 4, NONE * 4}
    assert len({trial.seed for trial in record.trials}) == 1


def test_a_fast_voter_does_not_spend_the_votes_on_what_was_there_before(console: Studio, model: Gauge) -> None:
    console.lab.change(console.lab.setup.add("kept", "backwards", kept.mix(-1.0)))
    id = interrupted(console, model, 2, 0, questions=4)
    with console.host.lock:  # the model is busy
        session = resume(console, id, most=4)
        assert session.to_dict()["generating"]["text"] == "Waiting for the model …"
        assert session.to_dict()["of"] == 4
        vote_on_all(session)
        assert sorted(vote.trial for vote in session.votes) == [0, 1] and not session.revealed
    assert wait_for(lambda: not session.generating)
    vote_on_all(session)
    assert sorted(vote.trial for vote in session.votes) == [0, 1, 2, 3]


def test_votes_that_are_cast_while_it_gets_ready_count(console: Studio, model: Gauge) -> None:
    id = interrupted(console, model, 2, 0)
    with console.host.lock:  # the model is busy
        session = resume(console, id)
        session.vote(1, "left")
        session.vote(2, "right")
    assert wait_for(lambda: not session.generating)
    vote_on_all(session, "tie")
    assert [vote.verdict for vote in session.votes] == ["left", "right", "tie"]
    assert [vote.verdict for vote in console.experiments.records.load(id).votes] == ["left", "right", "tie"]
    assert len(session.record.votes) == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda record: replace(record, model="another"), "it began with another, and tiny is loaded now"),
        (lambda record: replace(record, adapters=(replace(record.adapters[0], name="poet"),)), "poet is not loaded"),
        (
            lambda record: replace(record, trials=(replace(record.trials[0], prompt="of another template"),)),
            "another prompt of the same question",
        ),
        (
            lambda record: replace(record, settings={**record.settings, resuming.PLAN: {**PLAN, "prompts": "  "}}),
            "is empty",
        ),
    ],
)
def test_what_differs_from_the_beginning_is_told_and_what_is_there_is_voted_on(
    console: Studio, model: Gauge, change: Any, why: str
) -> None:
    id = interrupted(console, model, 1, 0)
    records = console.experiments.records
    other = change(records.load(id))
    records.delete(id)
    session = resume(console, records.add(other))
    assert wait_for(lambda: not session.generating)
    told = session.to_dict()
    assert "replies that are missing cannot be generated" in told["error"] and why in told["error"]
    vote_on_all(session)
    assert len(session.votes) == 1


def test_it_is_listed_how_much_is_missing_and_a_plan_that_is_none_is_no_plan(console: Studio, model: Gauge) -> None:
    id = interrupted(console, model, 1, 0)
    (entry,) = obey(votes, console, "page", {"do": "look", "all": True})["past"]
    assert (entry["id"], entry["trials"], entry["planned"]) == (id, 1, 3)
    odd: Any
    for odd in (None, [], "x", {}, {"prompts": "a", "seeds": [], "stop_strings": [], "trials": 1}, {"seeds": 3}):
        assert resuming.planned({resuming.PLAN: odd}) == 0
    assert resuming.planned({}) == 0


def test_replies_that_are_still_being_written_are_not_written_twice(console: Studio, model: Gauge) -> None:
    id, over = interrupted(console, model, 1, 0), threading.Event()

    def prepare() -> Any:
        assert over.wait(30)
        raise ValueError("it was put away")

    session = Session(console.experiments, 9, past.open_sheet(console.experiments, id))
    session.generate(prepare, console.comparison)
    console.sessions.begin("", session)
    assert resume(console, id) is session, "it is shown already"
    obey(votes, console, "page", {"do": "end"})
    order = {"do": "resume", "id": id, "most": 9, "missing": True}
    assert "still being written" in obey(votes, console, "page", order, SHORT)["refused"]["why"]
    over.set()
    assert wait_for(lambda: not session.generating)
    again = resume(console, id)
    assert again is not session and wait_for(lambda: not again.generating)
    assert len(console.experiments.records.load(id).trials) == 3
