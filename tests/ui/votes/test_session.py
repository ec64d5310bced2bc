"""A blind session as a page follows it: what it gives away, what it deals, how it goes on when it was interrupted."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import pytest
from helpers import kept
from helpers.browser import host_of
from helpers.gauge import Gauge, gauge
from helpers.ordered import obey
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.lora_ops import ReplyRecord
from lora_mixer.ui.lab.experiment_files import sheet_of
from lora_mixer.ui.page import experiments
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import past, votes
from lora_mixer.ui.votes import resume as resuming
from lora_mixer.ui.votes.session import Session, Sessions

VERDICTS = ["left", "right", "tie", "bad"]
FULL, NONE = "f", "n"


def values_of(history: History, settings: Settings) -> list[Any]:
    """The values of the host's `chat_inputs()`."""
    return [history, *astuple(settings)]


def wait_for(condition: Any, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


SHORT = values_of(History(), Settings(max_new_tokens=4, do_sample=False))


PLAN = {"prompts": "one", "seeds": [1], "stop_strings": [], "trials": 3}


class Nowhere:
    """A console of which a session needs only that nothing is kept."""

    sessions: Sessions

    class host:
        user_data = None
        multi_user = False


def voting(columns: int = 2, trials: int = 3, most: int = 99, seed: int | None = 7) -> Session:
    """A session on replies that are all there."""
    return Session(Nowhere(), most, sheet_of(kept.record(columns, trials)), seed)  # type: ignore[arg-type]


def slip(session: Session) -> dict[str, Any]:
    told: dict[str, Any] = session.to_dict()
    return told["slip"]


def vote_on_all(session: Session, verdict: str = "left") -> None:
    while (up := slip(session)) is not None:
        session.vote(up["number"], verdict)


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


def test_a_vote_counts_for_the_pair_that_was_seen_or_not_at_all() -> None:
    console, session = Nowhere(), voting(most=2)
    console.sessions = Sessions()
    console.sessions.begin("", session)

    def order(do: str, known: list[int], **more: Any) -> str:
        answer = obey(votes, console, "", {"do": do, "known": known, **more})  # type: ignore[arg-type]
        return str((answer.get("refused") or {"why": ""})["why"])

    seen = [session.key, session.revision]
    console.sessions.begin("", another := voting(most=2))
    for do, said in (("vote", {"number": 1, "verdict": "left"}), ("reveal", {}), ("stop", {}), ("more", {"most": 2})):
        assert "Other pairs have been dealt" in order(do, seen, **said)
    assert not another.votes and not another.revealed
    seen = [another.key, another.revision]
    assert order("vote", seen, number=1, verdict="left") == ""
    another.reveal()
    assert order("more", seen, most=1) == ""
    assert "Other pairs have been dealt" in order("vote", seen, number=2, verdict="left")
    assert order("vote", [another.key, 0], number=2, verdict="left") == "" and len(another.votes) == 2


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
        Session(Nowhere(), 9, sheet_of(replace(same, trials=trials)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="No reply was finished"):
        Session(Nowhere(), 9, sheet_of(kept.record(2, 0)))  # type: ignore[arg-type]


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


# Generating


@pytest.fixture(scope="module")
def model() -> Gauge:
    return gauge()


@pytest.fixture
def console(model: Gauge) -> Iterator[Studio]:
    made = Studio(host_of(model.model, model.tokenizer))
    made.desk()
    yield made
    model.brake.free()
    if (session := made.sessions.of("")) is not None:
        session.stop()
        assert wait_for(lambda: not session.generating)


def begin(console: Studio, questions: int = 3, most: int = 20, values: Any = SHORT, **said: Any) -> Session:
    text = "\n".join(f"question {at}" for at in range(questions))
    order = {"do": "start", "source": "many", "text": text, "seeds": 1, "most": most, **said}
    answer = obey(votes, console, "page", order, values)
    assert "refused" not in answer, answer["refused"]
    return shown(console)


def shown(console: Studio) -> Session:
    session = console.sessions.of("")
    assert session is not None
    return session


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
    whole, kept_as, records = session.record, session.kept, experiments.records(console)
    assert whole is not None and kept_as is not None and records is not None
    records.delete(kept_as)
    console.sessions = Sessions()
    left = replace(whole, trials=whole.trials[:done], votes=tuple(vote for vote in whole.votes if vote.trial < done))
    return int(records.add(left))


def test_every_reply_is_generated_kept_and_voted_on(console: Studio) -> None:
    session = begin(console, questions=3, seeds=2)
    assert wait_for(lambda: not session.generating)
    while (up := slip(session)) is not None:
        assert {up["left"], up["right"]} == {FULL * 4, NONE * 4}
        session.vote(up["number"], "left" if up["left"].startswith(FULL) else "right")
    record = experiments.records(console).load(session.kept)
    assert len(record.trials) == 6 and len(record.votes) == 6 and record == session.record
    assert {duel.left_label if duel.verdict == "left" else duel.right_label for duel in record.duels} == {
        "pirate as loaded"
    }
    assert len({vote.left for vote in record.votes}) == 2 or len(record.votes) < 3, "sides change"


def test_a_prompt_s_own_system_message_stands_instead_of_the_chats(console: Studio) -> None:
    chats = [
        [{"role": "system", "content": "Be a pirate."}, {"role": "user", "content": "one"}],
        [{"role": "user", "content": "two"}],
        [
            {"role": "system", "content": "Be loud."},
            {"role": "user", "content": "three"},
            {"role": "assistant", "content": "Aye."},
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "four"},
        ],
    ]
    text = "\n".join(json.dumps({"messages": chat}) for chat in chats)
    brief = values_of(History(), Settings(system="Be brief.", max_new_tokens=4, do_sample=False))
    session = begin(console, text=text, values=brief)
    assert wait_for(lambda: not session.generating)
    prompts = [trial.prompt for trial in session.record.trials]
    systems = ("Be brief.", "Be a pirate.", "Be loud.", "Be short.")
    assert [[system for system in systems if system in prompt] for prompt in prompts] == [
        ["Be a pirate."],
        ["Be brief."],
        ["Be loud.", "Be short."],
    ]
    assert not session.to_dict()["notes"] and prompts[2].index("three") < prompts[2].index("Aye.")


def test_a_fast_voter_sees_as_many_questions_as_a_slow_one(console: Studio, model: Gauge) -> None:
    """With three mixes every question has three pairs; the first question alone could fill the session."""
    console.lab.change(console.lab.setup.add("kept", "half", kept.mix(0.0)).rename(1, "full"))
    slots = console.lab.setup.slots
    console.lab.change(console.lab.setup.keep(slots[2].key, kept.mix(-1.0)))
    model.brake.hold()
    session = begin(console, questions=4, most=4)
    for number in range(1, 5):

        def up(number: int = number) -> bool:
            if model.brake.waits():
                model.brake.let(1)
            now = slip(session)
            return now is not None and now["number"] == number

        assert wait_for(up)
        assert session.to_dict()["of"] == 4
        session.vote(number, "tie")
    model.brake.free()
    assert wait_for(lambda: not session.generating)
    assert sorted(Counter(vote.trial for vote in session.votes).values()) == [1, 1, 1, 1]


def test_stop_leaves_what_is_there_to_the_vote(console: Studio, model: Gauge) -> None:
    model.brake.hold()
    session = begin(console, questions=5)

    def first() -> bool:
        if model.brake.waits():
            model.brake.let(1)
        return slip(session) is not None

    assert wait_for(first) and session.generating
    session.stop()
    model.brake.free()
    assert wait_for(lambda: not session.generating)
    vote_on_all(session)
    assert session.revealed and 1 <= len(session.record.trials) < 5
    assert not console.host.lock.locked()


def test_what_goes_wrong_is_told_and_what_was_said_stays(console: Studio) -> None:
    def prepare() -> Any:
        raise RuntimeError("the model is gone")

    session = Session(console, 9)
    session.generate(prepare)
    assert wait_for(lambda: not session.generating)
    assert session.to_dict()["error"] == "The model is gone." and session.over and slip(session) is None


# Going on


@settings(max_examples=8, deadline=None)
@given(done=st.integers(1, 5), votes=st.integers(0, 3), seeds=st.integers(1, 2))
def test_what_is_missing_is_generated_and_nothing_twice(model: Gauge, done: int, votes: int, seeds: int) -> None:
    console = Studio(host_of(model.model, model.tokenizer))
    console.desk()
    id = interrupted(console, model, done, votes, questions=3, seeds=seeds)
    before = experiments.records(console).load(id)
    session = resume(console, id)
    assert wait_for(lambda: not session.generating) and not session.error
    record = experiments.records(console).load(id)
    rows = [(trial.question, trial.seed) for trial in record.trials]
    assert record.trials[: len(before.trials)] == before.trials and record.votes == before.votes
    assert len(set(rows)) == len(rows) == 3 * seeds
    assert [reply.text for trial in record.trials for reply in trial.replies] == [FULL * 4, NONE * 4] * len(rows)
    vote_on_all(session)
    assert len(experiments.records(console).load(id).votes) == 3 * seeds == len({v.trial for v in session.votes})


def test_it_goes_on_under_the_settings_it_began_with(console: Studio, model: Gauge) -> None:
    id = interrupted(console, model, 1, 0)
    other = values_of(History(), Settings(max_new_tokens=9, seed=5, stop_strings="nn"))
    session = resume(console, id, values=other)
    assert wait_for(lambda: not session.generating) and not session.error
    record = experiments.records(console).load(id)
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
    assert [vote.verdict for vote in experiments.records(console).load(id).votes] == ["left", "right", "tie"]
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
    records = experiments.records(console)
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

    session = Session(console, 9, past.open_sheet(console, id))
    session.generate(prepare)
    console.sessions.begin("", session)
    assert resume(console, id) is session, "it is shown already"
    obey(votes, console, "page", {"do": "end"})
    order = {"do": "resume", "id": id, "most": 9, "missing": True}
    assert "still being written" in obey(votes, console, "page", order, SHORT)["refused"]["why"]
    over.set()
    assert wait_for(lambda: not session.generating)
    again = resume(console, id)
    assert again is not session and wait_for(lambda: not again.generating)
    assert len(experiments.records(console).load(id).trials) == 3
