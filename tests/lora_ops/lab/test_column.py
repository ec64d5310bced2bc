"""A column, and what came of it, is plain data."""

from __future__ import annotations

import pytest

from lora_mixer.lora_ops import Column, ColumnResult, Mix


@pytest.mark.parametrize(("tokens", "seconds", "pace"), [(10, 2.0, 5.0), (0, 2.0, 0.0), (10, 0.0, 0.0)])
def test_its_pace_is_a_number_whatever_the_clock_says(tokens: int, seconds: float, pace: float) -> None:
    made = ColumnResult("A", Mix(), "", tuple(range(tokens)), "end", seconds)
    assert made.tokens_per_second == pace


def test_columns_are_alike_by_what_they_play_and_cannot_be_changed() -> None:
    assert Column("A", Mix()) == Column("A", Mix()) != Column("B", Mix())
    with pytest.raises(AttributeError):
        Column("A", Mix()).label = "B"  # type: ignore[misc]
