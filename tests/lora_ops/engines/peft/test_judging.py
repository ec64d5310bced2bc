"""Many mixes judge a text at once: each as alone, in as large batches as memory holds."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.judged import CLOSE, REPLY
from helpers.tiny import mix_of, some
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.engines.peft import reading
from lora_mixer.lora_ops.lab.score import judge


@given(mixes=st.lists(tiny.mixes(Desk(tiny.pirate()).adapters.values()), min_size=1, max_size=3), at=st.integers(0, 9))
@some
def test_any_mixes_judge_in_a_batch_as_alone(mixes: list[Mix], at: int):
    desk = Desk(_MODEL)
    reference = mixes[at % len(mixes)]
    together = judge(desk, tiny.prompt(), REPLY, mixes, reference)
    for mix, one in zip(mixes, together, strict=True):
        [alone] = judge(desk, tiny.prompt(), REPLY, [mix], reference)
        assert one.logprobs == pytest.approx(alone.logprobs, rel=1e-2, abs=1e-2)
        assert one.divergence >= 0
        assert all(logprob <= 0 for logprob in one.logprobs)


_MODEL = tiny.pirate()


def test_memory_that_holds_fewer_mixes_means_smaller_batches(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    mixes = [mix_of(master=gain / 4) for gain in range(7)]
    expected = judge(desk, tiny.prompt(), REPLY, mixes, Mix())
    sizes: list[int] = []
    read = reading.Text.read

    def small(self: Any, piece: Any, rows: int, cache: Any) -> Any:
        sizes.append(rows)
        if rows > 3:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return read(self, piece, rows, cache)

    monkeypatch.setattr(reading.Text, "read", small)
    before = tiny.scalings(desk.engine.model)
    for one, other in zip(judge(desk, tiny.prompt(), REPLY, mixes, Mix()), expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, **CLOSE)
    assert sizes == [8, 5, 3, 3, 3, 2]
    assert tiny.same_objects(before, tiny.scalings(desk.engine.model))
    monkeypatch.setattr(reading.Text, "read", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(RuntimeError, match="not enough memory to score"):
        judge(desk, tiny.prompt(), REPLY, mixes, Mix())


def test_another_error_is_not_taken_for_missing_memory(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tiny.pirate())
    monkeypatch.setattr(reading.Text, "read", lambda *_: (_ for _ in ()).throw(RuntimeError("no such kernel")))
    with pytest.raises(RuntimeError, match="no such kernel"):
        judge(desk, tiny.prompt(), REPLY, [Mix()], Mix())
