"""Waiting for the model: as long as somebody wants to, and no longer."""

from __future__ import annotations

import threading

import pytest

from lora_mixer.hosts.standalone.turn import turn


def test_whoever_has_the_turn_holds_the_lock_until_the_end_however_that_comes() -> None:
    lock = threading.Lock()
    with pytest.raises(KeyError), turn(lock, threading.Event()) as mine:
        assert mine and lock.locked()
        raise KeyError
    assert not lock.locked()


def test_who_does_not_want_to_wait_any_more_does_not_hold_it() -> None:
    lock, stop, turns = threading.Lock(), threading.Event(), []
    with lock:
        waiting = threading.Thread(target=lambda: turns.append(turn(lock, stop).__enter__()))
        waiting.start()
        stop.set()
        waiting.join(timeout=30)
        assert turns == [False] and lock.locked()
