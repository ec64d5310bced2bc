"""Comparing beside whoever else generates, and beside faders that are moved: the lock, and what stands afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import Rest, Slow, heard, started, three
from transformers import LogitsProcessor, LogitsProcessorList

from lora_mixer.lora_ops import Desk, Faders, Mix, Update


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_caller_that_holds_the_lock_compares_without_waiting(batched: bool):
    rest = Rest()
    _, expected = heard(rest.desk, three(rest.desk))
    with rest.lock:
        _, result = heard(rest.desk, three(rest.desk), batched=batched, locked=True)
        assert rest.lock.locked()
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in expected.columns]
    rest.check()


def test_a_comparison_waits_for_whoever_generates_and_can_be_stopped_while_it_waits():
    rest = Rest()
    run = started(rest.desk, three(rest.desk))
    updates: list[Update] = []
    with rest.lock:
        listener = threading.Thread(target=lambda: updates.extend(run))
        listener.start()
        listener.join(0.3)
        assert listener.is_alive() and updates == []
        run.stop()
        listener.join(30)
        assert not listener.is_alive()
    assert [(column.text, column.finish) for column in run.result.columns] == [("", "stopped")] * 3
    rest.check()


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_the_model_is_left_alone_while_somebody_generates(batched: bool):
    rest = Rest()
    passes: list[bool] = []
    hook = rest.model.base_model.model.model.register_forward_pre_hook(lambda *_: passes.append(True))
    run = started(rest.desk, three(rest.desk), batched=batched)
    with rest.lock:
        listener = threading.Thread(target=list, args=(run,))
        listener.start()
        listener.join(0.3)
        assert passes == []
    listener.join(30)
    assert passes
    hook.remove()
    rest.check()


def test_a_stop_between_two_columns_keeps_the_first():
    rest = Rest()
    taken = threading.Event()

    def one_answer() -> Iterator[str]:
        assert rest.lock.locked()
        yield "aye"

    run = started(rest.desk, three(rest.desk), batched=False, alone=one_answer)
    # Somebody takes the lock as soon as the first column lets go of it.
    release = rest.lock.release

    class Taken:
        def acquire(self, *args: Any, **kwargs: Any) -> bool:
            return False if taken.is_set() else rest.lock.acquire(*args, **kwargs)

        def release(self) -> None:
            release()
            taken.set()

        def __enter__(self) -> None:
            self.acquire()

        def __exit__(self, *_: Any) -> None:
            self.release()

    rest.desk._lock = Taken()
    stopper = threading.Thread(target=lambda: (taken.wait(30), run.stop()))
    stopper.start()
    list(run)
    stopper.join(30)
    assert [(column.text, column.finish) for column in run.result.columns] == [
        ("aye", "end"),
        ("", "stopped"),
        ("", "stopped"),
    ]
    rest.check()


def test_nothing_else_generates_while_columns_run():
    rest = Rest()
    locked: list[bool] = []

    class Look(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            locked.append(rest.lock.locked())
            return scores

    heard(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Look()])})
    assert len(locked) == 16 * 3 and all(locked)


def test_a_fader_that_is_moved_meanwhile_changes_no_column_and_stands_afterwards():
    desk = Desk(tiny.two(), threading.Lock())
    _, expected = heard(desk, three(desk))
    run = started(desk, three(desk), {"logits_processor": LogitsProcessorList([Slow(0.005)])})
    for update in run:
        desk.apply(Mix({"poet": Faders(master=update.tokens[0] / 16)}))
    assert [column.token_ids for column in run.result.columns] == [column.token_ids for column in expected.columns]
    assert desk.mix == Mix({"poet": Faders(master=1.0)})
    desk.apply(Mix({"poet": Faders(master=0.25)}))
    assert {desk.scaling(target) for target in desk.adapters["poet"].targets} == {0.25 * 2 / 2**0.5}


def test_two_comparisons_at_once_run_one_after_the_other():
    rest = Rest()
    _, expected = heard(rest.desk, three(rest.desk))
    runs = [started(rest.desk, three(rest.desk)) for _ in range(3)]
    listeners = [threading.Thread(target=list, args=(run,)) for run in runs]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join(60)
    for run in runs:
        assert [column.token_ids for column in run.result.columns] == [column.token_ids for column in expected.columns]
    rest.check()
