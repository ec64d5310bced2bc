"""What a page says and is told, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.ui.page.messages import MOST_MESSAGE, NotUnderstood, counted, message_of, number_of


def test_no_two_messages_are_the_same_text():
    assert counted({"a": 1}) != counted({"a": 1}) and message_of(counted({"a": 1}))["a"] == 1


@pytest.mark.parametrize("said", [None, "", "[]", "1", '{"a": NaN}', '{"a"', '"{}"', "\ud800"])
def test_what_is_no_message_is_refused_in_few_words(said: str | None) -> None:
    with pytest.raises(NotUnderstood, match="nobody understands"):
        message_of(said)


def test_what_is_too_long_is_not_read() -> None:
    with pytest.raises(ValueError, match="64 MiB"):
        message_of("x" * (MOST_MESSAGE + 1))


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3))
def test_a_message_comes_back_as_it_was_told(message: dict) -> None:
    told = message_of(counted(message))
    assert {**told, **message} == told and message_of(message) is message


@pytest.mark.parametrize(("seq", "number"), [(7, 7), (None, None), (True, None), ("7", None), (1.0, None)])
def test_only_a_whole_number_is_a_number_of_a_message(seq: object, number: int | None) -> None:
    assert number_of({"seq": seq}) == number
