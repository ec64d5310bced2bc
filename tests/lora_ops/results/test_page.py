"""What an exported page says, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import kept
from helpers.evil import evil
from helpers.html_read import Read
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import (
    Faders,
    Mix,
    ReplyRecord,
    TrialRecord,
    Vote,
    to_html,
)
from lora_mixer.lora_ops.results.page import in_words, number, percent


def test_words_that_differ_from_the_reference_are_marked():
    record = kept.record(2).and_trial(
        TrialRecord("q", 7, (ReplyRecord("Ahoy, old friend", (1, 2, 3)), ReplyRecord("Hello, old friend", (4, 2, 3))))
    )
    assert Read(to_html(record)).marked[1:] == ["Hello"]  # the first one is in the legend
    assert Read(to_html(record, reference=1)).marked[1:] == ["Ahoy"]
    assert "leaves A at token 1" in to_html(record) and "leaves B at token 1" in to_html(record, reference=1)
    same = replace(record, trials=(replace(record.trials[0], replies=(ReplyRecord("x", (1,)),) * 2),))
    assert "the same as A" in to_html(same)


def test_tokens_tell_how_likely_they_were():
    page = Read(to_html(evil()))
    titles = [value for name, value in page.attributes if name == "title" and value.startswith("A: ")]
    assert titles[:2] == ["A: 90 %\nB: 37 %", "A: < 0.1 %\nB: 37 %"]
    assert "Surprise" in page.text
    assert "Surprise" not in Read(to_html(kept.record(trials=1))).text


def test_seeds_of_a_question_stand_together():
    record = kept.record(2, 2)
    again = replace(record.trials[0], seed=8)
    page = Read(to_html(record.and_trial(again)))
    assert page.tags.count("article") == 2
    assert page.text.index("seed 8") < page.text.index("question 1")


def test_votes_that_do_not_connect_are_grouped():
    record = replace(kept.record(5, 1), votes=(Vote(0, 0, 1, "left"), Vote(0, 2, 3, "tie"), Vote(0, 4, 3, "bad")))
    text = Read(to_html(record)).text
    assert "Group 1" in text and "Group 3" in text and "fall into 3 groups" in text


@pytest.mark.parametrize("reference", [-1, 2])
def test_a_reference_that_is_no_column_is_refused(reference):
    with pytest.raises(ValueError, match=f"there is no column {reference}"):
        to_html(kept.record(2), reference=reference)


def test_a_mix_in_words():
    fade = ((0, 0.0), (40, 1.0))
    mix = Mix(
        {
            "pirate": Faders(
                kinds={"q_proj": 0.0}, layers={0: 0.5, 1: 0.5, 2: 0.5, 7: 0.5, 9: 2.0}, modules={"lm_head": 3.0}
            ),
            "poet": Faders(on=False, master=3),
            "butler": Faders(),
            "bard": Faders(master=2, fades={"master": fade, "kind:up_proj": fade}),
            "many": Faders(master=0.5, modules={f"m{at}": 0.0 for at in range(9)}),
        }
    )
    assert in_words(mix) == [
        "pirate × 1 · q_proj × 0 · layers 0–2, 7 × 0.5 · layer 9 × 2 · lm_head × 3",
        "poet off",
        "bard master follows 0 at 0, 1 at 40 · kind up_proj follows 0 at 0, 1 at 40",
        "many × 0.5 · 9 targets of their own",
    ]
    assert in_words(Mix()) == in_words(Mix({"a": Faders()})) == ["as loaded"]


@given(mix=kept.mixes)
def test_any_mix_has_words(mix):
    assert all(in_words(mix))


@given(value=st.floats())
def test_any_number_has_a_text(value):
    assert number(value) and percent(value)
