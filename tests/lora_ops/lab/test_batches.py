"""Asking: as many columns in a batch as memory holds, and what is known of those that have run."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import Failing, Rest, ends_in_one_row, heard, started, three
from helpers.tiny import mix_of
from transformers import LogitsProcessorList

from lora_mixer.lora_ops import Desk, Mix


def test_too_little_memory_for_one_column_says_what_can_be_done():
    rest = Rest()
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")
    run = started(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Failing(error)])})
    with pytest.raises(RuntimeError, match="not enough memory for one column alone: shorten the prompt") as raised:
        list(run)
    assert raised.value.__cause__ is error
    rest.check()


class Memory:
    """Holds so many rows and no more: the error that says so is made afresh each time."""

    def __init__(self, model: Any, rows: int, error: Callable[[], BaseException], after: int = 0) -> None:
        self.rows, self.error, self.after = rows, error, after
        self.passes = 0
        self.tried: list[int] = []
        module = model.base_model.model.model
        self.hook = module.register_forward_pre_hook(self._check, with_kwargs=True)

    def _check(self, module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        rows = kwargs["input_ids"].shape[0]
        if self.tried[-1:] != [rows]:
            self.tried.append(rows)
            self.passes = 0
        self.passes += 1
        if rows > self.rows and self.passes > self.after:
            raise self.error()


FULL = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …"),
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
    MemoryError,
]


@pytest.mark.parametrize(
    ("rows", "batches", "note", "error"),
    [
        (6, (6,), "", FULL[0]),
        (3, (3, 3), "ran as 2 batches of 3: memory did not hold 6", FULL[1]),
        (2, (2, 2, 2), "ran as 3 batches of 2: memory did not hold 3", FULL[2]),
        (1, (1,) * 6, "ran one after the other: memory did not hold 2", FULL[3]),
    ],
    ids=["enough", "Linux", "Windows", "Python"],
)
def test_a_batch_that_memory_does_not_hold_is_halved_until_it_does(
    rows: int, batches: tuple[int, ...], note: str, error: Any
):
    rest = Rest()
    mixes = [*three(rest.desk), *(mix_of(master=at / 4) for at in range(3))]
    generation = {"do_sample": True, "temperature": 1.2}
    _, whole = heard(rest.desk, mixes, generation)
    memory = Memory(rest.model, rows, error, after=3)
    updates, result = heard(rest.desk, mixes, generation)
    memory.hook.remove()
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in whole.columns]
    assert (result.batches, result.note) == (batches, note)
    assert (result.batched, result.why_not_batched) == ((True, "") if rows > 1 else (False, note))
    assert updates[-1].texts == tuple(column.text for column in result.columns)
    rest.check()


def test_batches_of_differing_sizes_are_told_as_they_ran():
    rest = Rest()
    mixes = [mix_of(master=at / 4) for at in range(5)]
    memory = Memory(rest.model, 3, FULL[0])
    _, result = heard(rest.desk, mixes)
    memory.hook.remove()
    assert (result.batches, result.note) == ((3, 2), "ran as batches of 3 and 2: memory did not hold 5")
    rest.check()


def test_texts_of_earlier_batches_stay_while_later_ones_run():
    rest = Rest()
    memory = Memory(rest.model, 2, FULL[0])
    updates, result = heard(rest.desk, [mix_of(master=at / 4) for at in range(4)], in_step=True)
    memory.hook.remove()
    later = [update for update in updates if any(update.tokens[2:])]
    assert later
    for update in later:
        assert update.texts[:2] == tuple(column.text for column in result.columns[:2])
        assert update.finished[:2] == (True, True)
        assert update.took[:2] == tuple(column.seconds for column in result.columns[:2])
    rest.check()


def test_what_a_batch_held_is_given_back_before_the_next_try():
    rest = Rest()
    held: list[Any] = []
    alive: list[int] = []

    class Big:
        """Stands for the tensors of a pass."""

    def fill(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        big = Big()
        held.append(weakref.ref(big))
        alive.append(sum(one() is not None for one in held))
        if kwargs["input_ids"].shape[0] > 1:
            raise torch.OutOfMemoryError(big)

    rest.desk.why_not_rows([Mix(), rest.desk.base()])
    held.clear()
    alive.clear()
    hook = rest.model.base_model.model.model.register_forward_pre_hook(fill, with_kwargs=True)
    heard(rest.desk, [mix_of(master=at / 4) for at in range(4)])
    hook.remove()
    assert set(alive) == {1}


def test_a_column_that_ended_early_took_only_as_long_as_it_went_on():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    updates, result = heard(desk, mixes, {"eos_token_id": token}, in_step=True)
    first, second = result.columns
    assert 0 < first.seconds < second.seconds == result.seconds
    assert [update.took[0] for update in updates[at:]] == [first.seconds] * len(updates[at:])
    assert all(later.took[1] >= earlier.took[1] for earlier, later in pairwise(updates))
