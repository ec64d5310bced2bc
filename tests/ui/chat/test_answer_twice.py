"""The chat that answers twice: what stands where, what is told of it, and what a pick does."""

from __future__ import annotations

import json
import threading
from dataclasses import astuple
from typing import Any

import pytest
from helpers import kept
from helpers.gauge import Gauge

from lora_mixer.hosts.protocol import HostError, Request
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.chat.answer_twice import Twice
from lora_mixer.ui.page.panel import Panel

FULL, NONE = "f" * 4, "n" * 4
SHORT = Settings(max_new_tokens=4, do_sample=False)
CHAT = History().say("hi")


def values_of(history: History, settings: Settings) -> list[Any]:
    """The values of the host's `chat_inputs()`."""
    return [history, *astuple(settings)]


def asked(twice: Twice, history: History = CHAT, settings: Settings = SHORT) -> Request:
    request: Request = twice.console.host.ask_again(values_of(history, settings))
    return request


def answer(twice: Twice, history: History = CHAT, settings: Settings = SHORT) -> History:
    """A turn of the chat, as the host has it answered; what the chat is then."""
    request = asked(twice, history, settings)
    with twice.console.host.lock:
        texts = list(twice.console.host.turn(request, threading.Event()))
    return history.answer(texts[-1].text)


def told(twice: Twice) -> dict[str, Any]:
    turn: dict[str, Any] = json.loads(json.dumps(twice.to_dict()))["turn"]
    return turn


def pick(twice: Twice, side: Any, history: History, number: int | None = None) -> Any:
    return twice.pick(twice.turn.number if number is None else number, side, values_of(history, SHORT))


def replies_used(twice: Twice) -> list[str]:
    """What goes into the chat from here on, instead of going there."""
    used: list[str] = []

    def use_reply(text: str, values: Any) -> list[str]:
        used.append(text)
        return [text]

    twice.console.host.use_reply = use_reply  # type: ignore[method-assign]
    return used


def votes(twice: Twice) -> list[Any]:
    return list(twice.console.experiments.records.votes())


@pytest.mark.parametrize("side", [0.0, 1.0])
@pytest.mark.parametrize("picked", ["left", "right"])
@pytest.mark.parametrize("blind", [True, False])
def test_whatever_side_it_stands_on_the_picked_mix_wins_the_vote(
    twice: Twice, side: float, picked: str, blind: bool
) -> None:
    twice.dice.side = side  # type: ignore[attr-defined]
    twice.choose("faders", "base", blind)
    chat = answer(twice)
    replies = (FULL, NONE) if side == 0 else (NONE, FULL)
    assert (chat.last.reply, told(twice)["text"]) == replies
    names = ("pirate as loaded", "The base model")
    left, right = names if side == 0 else names[::-1]
    assert (told(twice)["left"], told(twice)["right"]) == (("", "") if blind else (left, right))
    used = replies_used(twice)
    updates = pick(twice, picked, chat)
    assert (updates, used) == ((None, []) if picked == "left" else ([replies[1]], [replies[1]]))
    assert (told(twice)["left"], told(twice)["right"], told(twice)["picked"]) == (left, right, picked)
    (vote,) = votes(twice)
    assert (vote.left_label, vote.right_label, vote.verdict) == (left, right, picked)
    assert (vote.blind, vote.source, vote.model) == (blind, "chat", "tiny")


def test_a_reply_that_goes_on_is_answered_twice_and_picked_with_its_beginning(twice: Twice) -> None:
    twice.dice.side = 0.0  # type: ignore[attr-defined]
    chat, host = CHAT.answer("ff"), twice.console.host
    _, settings = host.read(values_of(chat, SHORT))  # type: ignore[attr-defined]
    request = host.request(chat, settings, "ff")  # type: ignore[attr-defined]
    with host.lock:
        *_, last = host.turn(request, threading.Event())  # type: ignore[attr-defined]
    grown = chat.go_on().revise("ff" + last.text).settled()
    used = replies_used(twice)
    pick(twice, "right", grown)
    assert len(votes(twice)) == 1 and used[0].startswith("ff") and used[0] != grown.last.reply


def test_a_pick_counts_once_and_only_for_the_turn_that_is_shown(twice: Twice) -> None:
    chat = answer(twice)
    for number, side, why in ((99, "left", "answered again since"), (1, "middle", "nobody can pick")):
        with pytest.raises(ValueError, match=why):
            pick(twice, side, chat, number)
    with pytest.raises(HostError, match="moved on"):
        pick(twice, "left", History().say("another"))
    with pytest.raises(HostError, match="moved on"):
        pick(twice, "left", History())  # it was cleared
    assert votes(twice) == [] and told(twice)["picked"] is None
    pick(twice, "left", chat)
    with pytest.raises(ValueError, match="picked already"):
        pick(twice, "right", chat)
    assert len(votes(twice)) == 1


def test_another_version_of_the_same_turn_can_still_be_picked_against(twice: Twice) -> None:
    """Previous and next walk through versions: the question is still the one that was answered."""
    chat = answer(twice).answer("a third one").show(-1)
    pick(twice, "right", chat)
    assert [vote.verdict for vote in votes(twice)] == ["right"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_picked_goes_on_also_when_the_chat_shows_an_older_version(twice: Twice, side: str) -> None:
    chat = answer(twice, CHAT.answer("an older one"))
    used = replies_used(twice)
    assert pick(twice, side, chat.show(-1)) == used == [FULL if side == "left" else NONE]


def test_turns_between_the_same_mixes_share_an_experiment_and_others_do_not(twice: Twice) -> None:
    for _ in range(3):
        pick(twice, "left", answer(twice))
    twice.console.move(Panel(Mix({"pirate": Faders(master=-1.0)})))
    pick(twice, "left", answer(twice))
    listed = twice.console.experiments.records.list()
    assert [(one.trials, one.votes) for one in listed] == [(1, 1), (3, 3)]
    record = twice.console.experiments.records.load(listed[1].id)
    assert [trial.question for trial in record.trials] == [0, 1, 2]
    assert listed[1].first == "A turn of the chat", "no template around it"
    assert [[reply.text for reply in trial.replies] for trial in record.trials] == [[FULL, NONE]] * 3
    twice.console.experiments.records.delete(listed[0].id)
    pick(twice, "left", answer(twice))
    assert [(one.trials, one.votes) for one in twice.console.experiments.records.list()][0] == (1, 1)


def test_two_mixes_that_are_the_same_answer_once_and_it_is_said(twice: Twice) -> None:
    twice.choose("faders", "as loaded", True)
    chat = answer(twice)
    assert chat.last.reply == FULL and "both mixes are the same" in told(twice)["failed"]
    with pytest.raises(ValueError, match="answered once"):
        pick(twice, "left", chat)
    twice.choose("faders", "base", True)
    answer(twice)
    assert told(twice)["failed"] == "" and told(twice)["text"] == NONE


def test_a_turn_that_is_stopped_before_its_first_word_has_no_second_reply(twice: Twice) -> None:
    texts = twice.answer(asked(twice))
    with twice.console.host.lock:
        next(texts, None)
        texts.close()  # type: ignore[attr-defined]
    assert not told(twice)["running"]
    assert told(twice)["failed"] or told(twice)["text"]


def test_while_it_runs_nothing_is_picked(twice: Twice, model: Gauge) -> None:
    model.brake.hold()
    model.brake.let(2)
    request, seen = asked(twice), threading.Event()

    def run() -> None:
        with twice.console.host.lock:
            for _ in twice.answer(request):
                seen.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert seen.wait(20) and told(twice)["running"]
    with pytest.raises(ValueError, match="written to their end"):
        pick(twice, "left", CHAT)
    model.brake.free()
    thread.join(20)
    assert not told(twice)["running"] and told(twice)["text"] == NONE


def test_a_kept_column_can_be_one_of_the_two_until_it_is_removed(twice: Twice) -> None:
    lab = twice.console.lab
    lab.change(lab.setup.add("kept", "backwards", kept.mix(-1.0)))
    key = lab.setup.slots[-1].key
    assert (f"column {key}", "Column C: backwards") in twice.options()
    twice.choose("base", f"column {key}", False)
    answer(twice)
    assert (told(twice)["right"], told(twice)["text"]) == ("backwards", "w" * 4)
    lab.change(lab.setup.remove(key))
    chat = answer(twice)
    assert chat.last.reply == FULL and "is gone" in told(twice)["failed"]
    with pytest.raises(ValueError, match="gone"):
        twice.choose("faders", f"column {key}", True)
    assert (twice.one, twice.other) == ("base", f"column {key}")


def test_what_cannot_be_kept_is_told_and_the_pick_stands(twice: Twice) -> None:
    chat = answer(twice)
    records = twice.console.experiments.records
    records.path.parent.mkdir(parents=True, exist_ok=True)
    records.path.write_bytes(b"no database at all" * 99)
    pick(twice, "left", chat)
    assert told(twice)["picked"] == "left" and "is not kept" in told(twice)["note"]
    assert records.path.read_bytes() == b"no database at all" * 99


def test_switched_off_it_answers_once_and_shows_nothing(twice: Twice) -> None:
    answer(twice)
    twice.switch(False)
    assert twice.to_dict()["turn"] is None
    number = twice.turn.number
    assert answer(twice).last.reply == FULL and twice.turn.number == number
