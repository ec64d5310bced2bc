"""Rows and whoever else is there: the lock, faders that are moved meanwhile, and how everything comes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix


class Boom(BaseException):
    pass


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, GeneratorExit, torch.OutOfMemoryError, Boom])
def test_however_rows_end_the_faders_stand_where_they_stood(error: Any):
    model = tiny.two()
    lock = threading.Lock()
    desk = Desk(model, lock)
    faders = Mix({"pirate": Faders(master=0.5), "poet": Faders(kinds={"v_proj": 0.0})})
    desk.apply(faders)
    said, before, hooks = tiny.logits(model), tiny.fingerprint(model), tiny.scalings(model)
    try:
        with desk.rows([Mix(), desk.base()]):
            assert lock.locked()
            tiny.logits(model, tiny.prompt(rows=2))
            if error is not None:
                raise error
    except BaseException as raised:
        assert type(raised) is error
    assert not lock.locked()
    assert desk.mix == faders
    assert tiny.scalings(model) == hooks
    assert tiny.fingerprint(model) == before
    assert torch.equal(tiny.logits(model), said)


def test_a_forward_pass_that_fails_in_rows_leaves_no_trace():
    model = tiny.pirate()
    desk = Desk(model)
    said = tiny.logits(model)
    with pytest.raises(RuntimeError), desk.rows([Mix(), desk.base()]):
        tiny.logits(model, tiny.prompt(rows=3))  # two mixes, three rows
    assert torch.equal(tiny.logits(model), said)


def test_a_fader_that_is_moved_meanwhile_is_applied_afterwards():
    model = tiny.two()
    desk = Desk(model)
    with desk.rows([Mix(), desk.base()]):
        together = tiny.logits(model, tiny.prompt(rows=2))
        moved = threading.Thread(target=lambda: desk.apply(mix_of(master=0.25)))
        moved.start()
        moved.join(30)
        assert desk.mix == mix_of(master=0.25)
        assert torch.equal(tiny.logits(model, tiny.prompt(rows=2)), together)
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {0.5}


def test_a_mix_that_is_refused_meanwhile_is_not_applied_afterwards():
    desk = Desk(tiny.two())
    desk.apply(mix_of(master=0.5))
    with desk.rows([Mix(), desk.base()]):
        for bad in (mix_of(kinds={"q_porj": 1.0}), mix_of(master=1e30, kinds={"q_proj": 1e30})):
            with pytest.raises(ValueError, match="q_p"):
                desk.apply(bad)
    assert desk.mix == mix_of(master=0.5)


def test_a_reset_meanwhile_comes_afterwards_with_the_adapters_that_played():
    model = tiny.two()
    model.base_model.set_adapter(["pirate"])
    desk = Desk(model)
    desk.apply(mix_of("poet", master=0.5))
    assert desk.engine.playing.names() == ("pirate", "poet")
    with desk.rows([mix_of("poet", master=0.5), desk.base()]):
        together = tiny.logits(model, tiny.prompt(rows=2))
        desk.reset()
        assert desk.mix == Mix()
        assert desk.engine.playing.names() == ("pirate", "poet")
        assert torch.equal(tiny.logits(model, tiny.prompt(rows=2)), together)
    assert desk.engine.playing.names() == ("pirate",)
    assert set(tiny.scalings(model)) == {2.0, 2 / 2**0.5}


def test_a_refresh_meanwhile_does_not_take_rows_for_what_was_loaded():
    model = tiny.two()
    loaded = tiny.scalings(model)
    desk = Desk(model)
    with desk.rows([Mix(), desk.base()]):
        together = tiny.logits(model, tiny.prompt(rows=2))
        desk.refresh()
        assert [target.scaling for target in desk.adapters["pirate"].targets] == [2.0] * 14
        assert torch.equal(tiny.logits(model, tiny.prompt(rows=2)), together)
    assert tiny.same_objects(tiny.scalings(model), loaded)


def test_a_new_desk_meanwhile_waits_for_the_end_of_the_rows():
    model = tiny.two()
    first = Desk(model)
    first.apply(mix_of(master=0.5))
    with first.rows([Mix(), first.base()]):
        together = tiny.logits(model, tiny.prompt(rows=2))
        second = Desk(model)
        second.apply(mix_of("poet", master=0.25))
        assert torch.equal(tiny.logits(model, tiny.prompt(rows=2)), together)
    assert {second.scaling(target) for target in second.adapters["pirate"].targets} == {2.0}
    assert {second.scaling(target) for target in second.adapters["poet"].targets} == {0.25 * 2 / 2**0.5}


# The lock


def test_rows_wait_for_whoever_generates():
    lock = threading.Lock()
    desk = Desk(tiny.pirate(), lock)
    entered = threading.Event()

    def compare() -> None:
        with desk.rows([Mix(), desk.base()]):
            entered.set()

    with lock:
        thread = threading.Thread(target=compare)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(30)
    thread.join(30)
    assert not lock.locked()


def test_the_model_is_not_asked_while_somebody_generates():
    model = tiny.pirate()
    lock = threading.Lock()
    desk = Desk(model, lock)
    calls: list[int] = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))

    def compare() -> None:
        with desk.rows([Mix(), desk.base()]):
            pass

    with lock:
        thread = threading.Thread(target=compare)
        thread.start()
        thread.join(0.2)
        assert calls == []
    thread.join(30)
    assert calls == [1]


def test_the_wait_can_be_called_off():
    lock = threading.Lock()
    desk = Desk(tiny.pirate(), lock)
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) >= 2

    with lock:
        with pytest.raises(Cancelled), desk.rows([Mix(), desk.base()], cancelled):
            pass
        assert lock.locked()
    assert len(asked) == 2
    with desk.rows([Mix(), desk.base()], lambda: True):
        assert lock.locked()  # there was nothing to wait for
    assert not lock.locked()


@pytest.mark.parametrize("lock", [None, threading.Lock(), threading.RLock()], ids=["no lock", "Lock", "RLock"])
def test_rows_within_rows_are_an_error_and_not_a_deadlock(lock: Any):
    desk = Desk(tiny.pirate(), lock)
    with desk.rows([Mix(), desk.base()]):
        for use in (lambda: desk.rows([Mix()]).__enter__(), lambda: desk.why_not_rows([Mix(), desk.base()])):
            with pytest.raises(RuntimeError, match="rows of this model are in use"):
                use()
        assert isinstance(desk.scaling(desk.adapters["pirate"].targets[0]), torch.Tensor)
    with desk.rows([Mix(), desk.base()]):
        pass


def test_without_a_lock_the_rows_of_two_threads_do_not_mix():
    desk = Desk(tiny.pirate())
    failures: list[BaseException] = []

    def compare() -> None:
        try:
            with desk.rows([Mix(), desk.base()]):
                pass
        except RuntimeError as error:
            failures.append(error)

    with desk.rows([Mix(), desk.base()]):
        thread = threading.Thread(target=compare)
        thread.start()
        thread.join(30)
        assert len(failures) == 1 and "in use" in str(failures[0])
        assert isinstance(desk.scaling(desk.adapters["pirate"].targets[0]), torch.Tensor)
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0}
