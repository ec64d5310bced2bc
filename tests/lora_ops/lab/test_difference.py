"""What differs between two texts is marked, what does not is not, and nothing of the text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.lab.difference import Piece, first_difference, words

texts = st.text(max_size=60) | st.lists(st.sampled_from(["the", "sea", " ", "\n", ",", "don't", "海", "<b>"])).map(
    "".join
)
tokens = st.lists(st.integers(0, 3), max_size=8)


def marked(text: str, reference: str) -> str:
    """What differs in brackets."""
    return "".join(f"[{piece.text}]" if piece.changed else piece.text for piece in words(text, reference))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("Ahoy, old friend!", "Hello, old friend!", "[Ahoy], old friend!"),
        ("the sea is calm", "the sea", "the sea [is calm]"),
        ("the sea", "the sea is calm", "the sea"),
        ("a  b\nc", "a b c", "a  b\nc"),
        ("don't go", "do go", "[don't] go"),
        ("she said: yes", "she said; yes", "she said[:] yes"),
        ("海は青い", "海は赤い", "海は[青]い"),
        ("one new old two", "one old two", "one [new] old two"),
        ("anything at all", "", "[anything at all]"),
        ("", "anything", ""),
        ("  ", "", "  "),
        (" new ", "old", " [new] "),
    ],
)
def test_words_that_differ_are_marked(text: str, reference: str, expected: str):
    assert marked(text, reference) == expected


@given(text=texts, reference=texts)
def test_the_pieces_are_the_text(text: str, reference: str):
    pieces = words(text, reference)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    assert all(one.changed != other.changed for one, other in zip(pieces, pieces[1:], strict=False))


@given(text=texts)
def test_a_text_does_not_differ_from_itself(text: str):
    assert words(text, text) == ([Piece(text, False)] if text else [])


@given(text=texts, reference=texts)
def test_what_is_not_marked_is_in_the_reference_in_the_same_order(text: str, reference: str):
    kept = "".join(piece.text for piece in words(text, reference) if not piece.changed)
    at = 0
    for character in (character for character in kept if not character.isspace()):
        at = reference.index(character, at) + 1


def test_very_long_texts_take_no_time_that_grows_with_their_square():
    assert marked("the sea " * 3000 + "ahoy", "the sea " * 3000 + "hello").endswith("the sea [ahoy]")


@given(one=tokens, other=tokens)
def test_up_to_the_first_difference_both_say_the_same(one: list[int], other: list[int]):
    at = first_difference(one, other)
    if at is None:
        assert one == other
    else:
        assert one[:at] == other[:at]
        assert one[at : at + 1] != other[at : at + 1]
        assert first_difference(other, one) == at
