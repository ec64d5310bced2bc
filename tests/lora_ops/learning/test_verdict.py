"""What held-out replies can tell: intervals that hold the truth, noise known as noise, and no mere sureness."""

from __future__ import annotations

import math
import random

import pytest

from lora_mixer.lora_ops.engines.lesson import Lesson
from lora_mixer.lora_ops.engines.peft.pupil import TEMPERATURES, Heard
from lora_mixer.lora_ops.learning.verdict import interval, shuffled, why_noise, why_nothing


def heard(nats: list[float], **at: list[float]) -> Heard:
    """A reply that is as likely at every temperature, but for those that are given by their place."""
    return Heard(tuple(tuple(at.get(f"at_{place}", nats)) for place in range(len(TEMPERATURES))))


def test_an_interval_is_around_the_mean_gain_of_a_token():
    low, high = interval([[3.0, 2.0], [1.0, 4.0]], [[2.0, 2.0], [0.5, 2.5]])
    assert low < 0.75 < high and (low + high) / 2 == pytest.approx(0.75)


def test_replies_that_all_gain_the_same_leave_no_doubt():
    assert interval([[2.0] * 3] * 6, [[1.5] * 3] * 6) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("replies", [5, 20])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(replies: int):
    """Tokens of one reply hang together: taken as independent the interval would be far too narrow."""
    dice, held, rounds = random.Random(3), 0, 400
    for _ in range(rounds):
        before, after = [], []
        for _ in range(replies):
            own = 0.4 + dice.gauss(0, 0.5)
            tokens = dice.randrange(8, 24)
            before.append([2 + own + dice.gauss(0, 0.3) for _ in range(tokens)])
            after.append([2.0] * tokens)
        low, high = interval(before, after)
        held += low <= 0.4 <= high
    assert held / rounds > (0.75 if replies == 5 else 0.85)


def test_one_token_alone_tells_nothing():
    assert interval([[3.0]], [[1.0]]) == (-math.inf, math.inf)
    assert "no more than chance" in why_nothing([heard([3.0])], [heard([1.0])])


def test_shuffled_replies_have_the_same_tokens_prompts_and_lengths():
    lessons = [Lesson((at,), tuple(range(10 * at, 10 * at + 5 + at))) for at in range(4)]
    mixed = shuffled(lessons, 7)
    assert [(one.prompt, len(one.reply)) for one in mixed] == [(one.prompt, len(one.reply)) for one in lessons]
    assert sorted(sum((one.reply for one in mixed), ())) == sorted(sum((one.reply for one in lessons), ()))
    assert mixed != lessons and mixed == shuffled(lessons, 7) != shuffled(lessons, 8)


def test_replies_no_likelier_than_their_tokens_in_any_order_are_noise():
    lessons = [Lesson((1,), tuple(range(at, at + 8))) for at in range(6)]
    dice = random.Random(1)
    alike = [heard([5 + dice.gauss(0, 0.5) for _ in range(8)]) for _ in lessons]
    again = [heard([5 + dice.gauss(0, 0.5) for _ in range(8)]) for _ in lessons]
    text = [heard([2 + dice.gauss(0, 0.5) for _ in range(8)]) for _ in lessons]
    assert "they are noise" in why_noise(alike, again, lessons)
    assert not why_noise(text, again, lessons)


def test_few_different_tokens_have_no_other_order_to_be_held_against():
    lessons = [Lesson((1,), (4, 5) * 4) for _ in range(6)]
    said = [heard([1.0] * 8) for _ in lessons]
    assert not why_noise(said, said, lessons)


def test_a_gain_on_all_replies_is_learning_and_none_is_not():
    before, after = ([heard([nats + at / 10] * 6) for at in range(6)] for nats in (3.0, 2.0))
    assert not why_nothing(before, after)
    assert "no more than chance may give" in why_nothing(before, before)
    assert "no more than chance may give" in why_nothing(after, before)


def test_being_surer_of_what_one_says_anyway_is_no_learning():
    """What the new mix says at temperature 1 the old one says at a lower one as well."""
    before = [heard([3.0 + at / 10] * 6, at_3=[2.0 + at / 10] * 6) for at in range(6)]
    after = [heard([2.0 + at / 10] * 6) for at in range(6)]
    assert "a lower temperature gives as well" in why_nothing(before, after)


def test_of_replies_that_suit_the_coldest_best_it_counts_whether_they_are_the_model_s_own():
    """Somebody's likeliest words: being surer helps whoever says them, so that a temperature tells nothing."""
    after = [heard([2.0 + at / 10] * 6, at_4=[0.9] * 6) for at in range(6)]
    others = [heard([3.0 + at / 10] * 6, at_4=[0.9] * 6, at_7=[2.0] * 6) for at in range(6)]
    own = [heard([3.0 + at / 10] * 6, at_4=[0.9] * 6, at_7=[0.01] * 6) for at in range(6)]
    assert not why_nothing(others, after)
    assert "its own likeliest words" in why_nothing(own, after)
