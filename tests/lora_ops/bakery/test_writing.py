"""Who follows a bake is told how far it is, and may call it off between any two steps."""

from __future__ import annotations

import pytest

from lora_mixer.lora_ops.bakery.writing import AS_USUAL, Writing
from lora_mixer.lora_ops.engines.engine import Cancelled


def test_it_tells_each_step_and_none_after_it_was_called_off() -> None:
    told: list[tuple[int, int]] = []
    writing = Writing(progress=lambda *step: told.append(step), cancelled=lambda: len(told) == 2)
    writing.done(1, 3)
    writing.done(2, 3)
    with pytest.raises(Cancelled):
        writing.done(3, 3)
    assert told == [(1, 3), (2, 3)]


def test_nothing_has_to_be_said_and_nothing_is_overwritten_unless_it_is() -> None:
    AS_USUAL.done(1, 1)
    assert AS_USUAL.check and not AS_USUAL.overwrite and Writing() == AS_USUAL
