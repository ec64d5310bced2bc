"""A reply: grows token by token, ends where it should, and shows only what is sure."""

from __future__ import annotations

from itertools import pairwise

import pytest
from helpers import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops.lab.reply import Reply, beginning_of_a_stop, first_stop

few_letters = st.text("ab\n", max_size=12)
stops = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3)


def reply(*stop_strings: str, skip: bool = True) -> Reply:
    return Reply(tiny.tokenizer(), [tiny.EOS], stop_strings, skip)


def grown(one: Reply, text: str) -> list[str]:
    """What is shown after each token of the text."""
    shown = []
    for token in tiny.ids_of(text):
        one.add(token)
        shown.append(one.shown)
    return shown


@given(text=few_letters, stop_strings=stops)
def test_the_first_stop_string_is_the_one_that_begins_first(text: str, stop_strings: list[str]):
    begins = [at for at in range(len(text)) for stop in stop_strings if text.startswith(stop, at)]
    assert first_stop(text, stop_strings) == (min(begins) if begins else None)


@given(text=few_letters, stop_strings=stops)
def test_the_beginning_of_a_stop_is_the_longest_end_of_the_text_that_begins_one(text: str, stop_strings: list[str]):
    sizes = [
        size
        for size in range(1, len(text) + 1)
        for stop in stop_strings
        if size < len(stop) and stop.startswith(text[len(text) - size :])
    ]
    assert beginning_of_a_stop(text, stop_strings) == max(sizes, default=0)


@given(text=few_letters, stop_strings=stops)
def test_what_is_shown_only_grows_and_never_shows_a_stop_string_or_its_beginning(text: str, stop_strings: list[str]):
    one = reply(*stop_strings)
    shown = grown(one, text)
    # It ends as soon as any stop string is complete, though a longer one may have begun earlier.
    at = next((at for end in range(len(text) + 1) if (at := first_stop(text[:end], stop_strings)) is not None), None)
    said = text if at is None else text[:at]
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
    assert all(said.startswith(each) for each in shown)
    assert one.finish == ("" if at is None else "stop string")
    one.close("length")
    assert one.shown == said
    assert one.finish == ("length" if at is None else "stop string")


@given(st.text(max_size=12))
def test_half_a_character_is_never_shown(text: str):
    text = text.replace("\ufffd", "")
    one = reply()
    shown = grown(one, text)
    assert all(text.startswith(each) for each in shown)
    assert one.shown == text.rstrip("\ufffd")
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


@given(st.text(st.sampled_from("ab th\nø🦜"), min_size=60, max_size=200))
@settings(deadline=None)
def test_a_long_reply_reads_as_if_it_were_decoded_whole_each_time(text: str):
    one = reply()
    ids = tiny.ids_of(text)
    for count, token in enumerate(ids, 1):
        one.add(token)
        assert one.text == tiny.tokenizer().decode(ids[:count])


class Counting:
    """A tokenizer that counts the tokens that it decodes, and writes a blank where a text does not begin."""

    def __init__(self, blank: str = "") -> None:
        self.blank = blank
        self.decoded = 0

    def decode(self, token_ids: list[int], skip_special_tokens: bool) -> str:
        self.decoded += len(token_ids)
        return self.blank.join(chr(97 + token % 26) for token in token_ids)


@pytest.mark.parametrize("blank", ["", " "], ids=["any cut", "no cut is right"])
def test_what_is_settled_is_not_decoded_again_and_what_cannot_be_is_never_wrong(blank: str):
    tokenizer = Counting(blank)
    one = Reply(tokenizer, [], ["zab"])
    for token in range(1, 1_001):
        one.add(token * 3)
    assert one.text == blank.join(chr(97 + token * 3 % 26) for token in range(1, 1_001))
    assert (tokenizer.decoded < 150_000) == (not blank)


def test_a_stop_string_is_found_across_what_is_settled():
    one = reply("a" * 40)
    shown = grown(one, "b" * 70 + "a" * 60)
    assert (shown[-1], one.finish) == ("b" * 70, "stop string")


def test_a_reply_that_ends_in_half_a_character_does_without_it():
    for end in ("length", "end"):
        one = reply()
        for token in tiny.ids_of("aye 🦜")[:-1]:
            one.add(token)
        assert one.shown == "aye "
        if end == "end":
            one.add(tiny.EOS)
        else:
            one.close("length")
        assert one.shown == "aye "
        assert one.finish == end
        assert len(one.token_ids) == len(tiny.ids_of("aye 🦜")) - 1


def test_characters_of_several_tokens_appear_when_they_are_whole():
    assert grown(reply(), "né🦜!") == ["n", "n", "né", "né", "né", "né", "né🦜", "né🦜!"]


def test_a_stop_string_is_held_back_until_it_is_sure():
    one = reply("\nYou:")
    assert grown(one, "Aye.\nYo, ho\nYou: hm") == [
        *["A", "Ay", "Aye", "Aye."],
        *["Aye.", "Aye.", "Aye.", "Aye.\nYo,", "Aye.\nYo, ", "Aye.\nYo, h", "Aye.\nYo, ho"],
        *["Aye.\nYo, ho"] * 8,
    ]
    assert one.finish == "stop string"


def test_the_beginning_of_a_stop_string_is_shown_when_the_reply_ends_there():
    for end in ("end", "length", "stopped"):
        one = reply("\nYou:")
        grown(one, "Aye.\nYo")
        assert one.shown == "Aye."
        if end == "end":
            one.add(tiny.EOS)
        else:
            one.close("length" if end == "length" else "stopped")
        assert (one.shown, one.finish) == ("Aye.\nYo", end)


def test_an_end_token_is_no_part_of_the_reply():
    one = reply()
    grown(one, "Aye")
    one.add(tiny.EOS)
    assert (one.finish, one.shown, one.token_ids) == ("end", "Aye", tiny.ids_of("Aye"))


@pytest.mark.parametrize("end", ["end", "stop string", "length", "stopped"])
def test_nothing_is_added_to_a_reply_that_has_ended(end: str):
    one = reply("!")
    grown(one, "Aye")
    if end == "end":
        one.add(tiny.EOS)
    elif end == "stop string":
        grown(one, "!")
    else:
        one.close("length" if end == "length" else "stopped")
    said = (one.shown, list(one.token_ids))
    grown(one, " and more")
    one.add(tiny.EOS)
    one.close("length")
    assert (one.shown, one.token_ids, one.finish) == (*said, end)


def test_a_token_may_bring_a_stop_string_and_more():
    one = reply("h")
    grown(one, "a")
    assert len(tiny.ids_of("the")) == 1
    grown(one, "the")
    assert (one.shown, one.finish) == ("at", "stop string")


def test_special_tokens_are_left_out_or_kept():
    for skip, said in ((True, "Aye"), (False, "Aye<pad>")):
        one = reply(skip=skip)
        grown(one, "Aye")
        one.add(tiny.PAD)
        assert one.shown == said


def test_an_empty_stop_string_stops_nothing():
    one = reply("", "x")
    assert grown(one, "Aye")[-1] == "Aye"
    assert one.finish == ""
