"""A blind session on the page: what it asks, what it tells while replies are written, and how it ends."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

from helpers import kept
from helpers.gauge import Gauge
from helpers.ordered import obey
from helpers.voting import begin, slip, values_of, vote_on_all, voting, wait_for

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import votes
from lora_mixer.ui.votes.session import Session, Sessions

FULL, NONE = "f", "n"


def test_a_vote_counts_for_the_pair_that_was_seen_or_not_at_all() -> None:
    host = SimpleNamespace(multi_user=False)
    console: Any = SimpleNamespace(host=host, sessions=Sessions())
    session = voting(most=2)
    console.sessions.begin("", session)

    def order(do: str, known: list[int], **more: Any) -> str:
        answer = obey(votes, console, "", {"do": do, "known": known, **more})
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


def test_every_reply_is_generated_kept_and_voted_on(console: Studio) -> None:
    session = begin(console, questions=3, seeds=2)
    assert wait_for(lambda: not session.generating)
    while (up := slip(session)) is not None:
        assert {up["left"], up["right"]} == {FULL * 4, NONE * 4}
        session.vote(up["number"], "left" if up["left"].startswith(FULL) else "right")
    record = console.experiments.records.load(session.kept)
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

    session = Session(console.experiments, 9)
    session.generate(prepare, console.comparison)
    assert wait_for(lambda: not session.generating)
    assert session.to_dict()["error"] == "The model is gone." and session.over and slip(session) is None
