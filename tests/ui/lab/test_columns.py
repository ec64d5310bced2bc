"""The columns as they are set up: two to sixteen, and what they play."""

from __future__ import annotations

import pytest
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Mix
from lora_mixer.lora_ops.lab.column import MAX_COLUMNS
from lora_mixer.ui.lab.columns import AS_LOADED, BASE, FADERS, KEPT, LEAST, MOST, Columns, Filled, letter, tidy

QUIET = tiny.mix_of(master=0.5)


def keys(columns: Columns) -> list[int]:
    return [slot.key for slot in columns.slots]


def test_a_page_starts_with_the_faders_against_the_base_model() -> None:
    assert [slot.plays for slot in Columns.first().slots] == [FADERS, BASE]
    assert MOST == MAX_COLUMNS
    assert [letter(at) for at in (0, MOST - 1, MOST)] == ["A", "P", "17"]


steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "move", "rename", "keep"]), st.integers(0, 20), st.integers(-3, 3))
)


@given(steps)
def test_whatever_is_done_there_are_two_to_sixteen_columns_with_keys_of_their_own(done: list) -> None:
    columns = Columns.first()
    given_keys = set(keys(columns))
    for what, at, by in done:
        key = columns.slots[at % len(columns.slots)].key
        before = columns
        try:
            if what == "add":
                columns = columns.add()
                assert columns.slots[-1].key not in given_keys, "a key is never given twice"
            elif what == "remove":
                columns = columns.remove(key)
            elif what == "move":
                columns = columns.move(key, by)
                assert sorted(keys(columns)) == sorted(keys(before))
            elif what == "rename":
                columns = columns.rename(key, f"name {by}")
            else:
                columns = columns.keep(key, QUIET)
        except ValueError:
            assert len(before.slots) in (LEAST, MOST)
        given_keys |= set(keys(columns))
        assert LEAST <= len(columns.slots) <= MOST and len(set(keys(columns))) == len(columns.slots)
        assert [columns.letter(slot.key) for slot in columns.slots] == list("ABCDEFGHIJKLMNOP"[: len(columns.slots)])


def test_too_few_and_too_many_are_refused_with_a_reason() -> None:
    columns = Columns.first()
    with pytest.raises(ValueError, match="needs 2 columns"):
        columns.remove(1)
    while len(columns.slots) < MOST:
        columns = columns.add()
    with pytest.raises(ValueError, match="no more than 16"):
        columns.add()
    with pytest.raises(ValueError, match="gone"):
        columns.rename(99, "x")


def test_what_was_never_kept_cannot_be_played() -> None:
    columns = Columns.first()
    with pytest.raises(ValueError, match="nothing was kept"):
        columns.play(1, KEPT)
    columns = columns.keep(1, QUIET).play(1, AS_LOADED).play(1, KEPT)
    assert columns.slot(1).kept == QUIET


def test_a_sweep_is_one_as_long_as_nobody_changes_what_is_played() -> None:
    filled = Filled("master 0, 1", "", "master", ("master 0", "master 1"))
    columns = Columns.first().fill([("quiet", QUIET), ("loud", Mix())], filled)
    assert columns.filled == filled and keys(columns) == [3, 4]
    assert columns.rename(3, "other").filled == filled
    for changed in (columns.keep(3, Mix()), columns.add(), columns.move(3, 1), columns.play(3, BASE)):
        assert changed.filled is None
    assert columns.move(3, -1) is columns, "it stands first already"
    for wrong in ([("alone", QUIET)], [("many", QUIET)] * 17):
        with pytest.raises(ValueError, match="2 to 16"):
            columns.fill(wrong)


def test_names_stay_on_one_line() -> None:
    assert tidy("  a\n b\t<b>c</b> ") == "a b <b>c</b>" and len(tidy("x" * 500)) == 80
