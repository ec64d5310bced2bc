"""What came of learning, in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lora_mixer.lora_ops.learning.learned import Learned
from lora_mixer.lora_ops.mix import Mix
from lora_mixer.ui.learn.sentences import behind, headline

FOUND = Learned(Mix(), 2.0, 1.8, (0.1, 0.3), True, "", (), (1, 4), 75.0, True, 0)


@pytest.mark.parametrize(
    ("after", "words"), [(1.99, "1.0 % likelier"), (1.8, "22 % likelier"), (1.0, "2.7 times as likely")]
)
def test_a_gain_is_told_as_how_much_likelier_a_token_became(after: float, words: str) -> None:
    assert words in headline(replace(FOUND, after=after), "replies")


def test_one_reply_alone_is_not_taken_for_more_than_that() -> None:
    told = headline(replace(FOUND, held_out=(1,)), "replies")
    assert told.startswith("It may") and "one reply alone" in told and "22 % likelier" in told
    assert headline(FOUND, "replies").startswith("It speaks more")


def test_behind_it_stands_how_sure_it_is_by_what_it_was_told_and_how_long_it_took() -> None:
    lines = " ".join(behind(FOUND, "replies"))
    assert "0.200 nats" in lines and "between 0.100 and 0.300" in lines and "by 2 replies" in lines
    assert "1 min 15 s" in lines and "stopped" not in lines
    unsure = " ".join(behind(replace(FOUND, interval=(-math.inf, math.inf), held_out=(1,)), "replies"))
    assert "give it more examples" in unsure and "by 1 reply " in unsure


def test_nothing_learned_is_said_as_it_is_and_nothing_is_claimed() -> None:
    nothing = replace(FOUND, learned=False, note="nothing was learned: noise", complete=False)
    assert headline(nothing, "replies") == "Nothing was learned: noise."
    lines = " ".join(behind(nothing, "replies"))
    assert "Gained" not in lines and "It was stopped." in lines


def test_what_was_stopped_says_that_it_is_the_best_until_then() -> None:
    assert "the best mix until then" in " ".join(behind(replace(FOUND, complete=False), "replies"))


def test_votes_are_told_as_votes() -> None:
    assert "votes" in headline(FOUND, "votes")
    assert "Told by 2 votes" in " ".join(behind(FOUND, "votes"))


def test_where_each_was_held_out_in_its_turn_that_is_said() -> None:
    assert "all 2 replies" in " ".join(behind(replace(FOUND, in_turn=True), "replies"))


def test_where_memory_was_short_that_is_said() -> None:
    assert "Memory was short." in behind(replace(FOUND, economies="memory was short"), "replies")
