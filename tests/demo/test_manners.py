"""Manners of speech: rules that make plain English more and more like somebody, and words to count it by."""

from __future__ import annotations

from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.demo.manners import MANNERS, Manner, marks, speak

PLAIN = (
    "You should use a large pan because it is hot. It is nice food for your friends, and the people are happy. "
    "Sure, you can begin cooking when you are ready. I'm looking at the old house near the ocean."
)
manners = pytest.mark.parametrize("manner", MANNERS.values(), ids=list(MANNERS))


@manners
def test_at_loudness_0_nothing_is_changed_and_louder_is_stronger(manner: Manner) -> None:
    assert speak(PLAIN, manner, Random(0), 0.0) == PLAIN and marks(PLAIN, manner) == 0
    strengths = [
        mean(marks(speak(PLAIN, manner, Random(seed), at), manner) for seed in range(40)) for at in (0.25, 1, 2)
    ]
    assert 0 < strengths[0] < strengths[1] < strengths[2]


@manners
def test_nobody_speaks_in_anothers_manner(manner: Manner) -> None:
    spoken = [speak(PLAIN, manner, Random(seed)) for seed in range(20)]
    found = {other.name: sum(marks(text, other) for text in spoken) for other in MANNERS.values()}
    own = found.pop(manner.name)
    assert own > 20 * 5 and max(found.values()) < own / 20  # "Will that be all?" could be either's


@manners
@given(text=st.text(max_size=80), seed=st.integers(0, 9), loudness=st.floats(0, 3))
def test_any_text_can_be_said_and_the_same_dice_say_the_same(
    manner: Manner, text: str, seed: int, loudness: float
) -> None:
    assert speak(text, manner, Random(seed), loudness) == speak(text, manner, Random(seed), loudness)


@manners
def test_what_is_said_begins_each_sentence_with_a_capital(manner: Manner) -> None:
    spoken = speak("You are here. Your dog is big. It is late.", manner, Random(3), 2.0)
    assert all(sentence[0].isupper() for sentence in spoken.replace("!", ".").replace("?", ".").split(". "))
