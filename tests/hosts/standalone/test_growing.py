"""What is shown of a reply that grows: never a stop string, nor the beginning of one, nor half a character."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.hosts.protocol import Request
from lora_mixer.hosts.standalone.growing import After, cut, decoder
from lora_mixer.lora_ops.engines.sampling import Sampling


@pytest.mark.parametrize(
    ("text", "stops", "final", "expected"),
    [
        ("hello", ("lo",), False, ("hel", True)),
        ("hello", ("xx", "l"), True, ("he", True)),
        ("hel", ("lo",), False, ("he", False)),
        ("hel", ("lo",), True, ("hel", False)),
        ("wor\ufffd", (), False, ("wor", False)),
        ("", ("lo",), False, ("", False)),
    ],
)
def test_stop_strings_are_cut_and_never_half_shown(
    text: str, stops: tuple[str, ...], final: bool, expected: tuple[str, bool]
) -> None:
    assert cut(text, stops, final) == expected


@given(st.lists(st.text("ab\n", max_size=3), max_size=6), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_what_is_shown_of_words_that_come_is_never_taken_back(words: list[str], stops: list[str]) -> None:
    text, shown = "", [""]
    for word in words:
        text += word
        one, stopped = cut(text, stops, final=False)
        shown.append(one)
        if stopped:
            break
    else:
        shown.append(cut(text, stops, final=True)[0])
    assert all(later.startswith(one) for one, later in zip(shown, shown[1:], strict=False))
    assert not any(stop in one for stop in stops for one in shown)


class OfPieces:
    """Writes a blank before each word, but for the first, as tokenizers of pieces do."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        words = ["aye" if skip_special_tokens else f"<{id}>" for id in ids]
        return " ".join(words)


def test_what_follows_a_text_is_written_as_it_stands_there() -> None:
    after = After(OfPieces(), [1, 2])
    assert after.decode([3], skip_special_tokens=True) == " aye"
    assert after.decode([3, 4]) == " <3> <4>" and after.decode([]) == ""


def test_a_reply_that_begins_is_decoded_by_itself() -> None:
    tokenizer = OfPieces()
    request = Request("p", (1, 2, 3), Sampling(max_new_tokens=1), (), 0)
    assert decoder(tokenizer, request) is tokenizer
    assert decoder(tokenizer, replace(request, opening="p")).decode([4]) == " <4>"
