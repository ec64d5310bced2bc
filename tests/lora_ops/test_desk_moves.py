"""Moves of the faders, in any order and of any size: the layers hold what the mix says, and a reset leaves no trace."""

from __future__ import annotations

import math
import random
from functools import cache
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of, same_tensors, scalable, some, state_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lora_mixer.lora_ops import Desk, Faders, Mix


@pytest.mark.parametrize("build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["lora", "dora"])
def test_thousands_of_random_moves_and_a_reset_leave_no_trace(build: Any):
    model = build()
    loaded, numbers, before, state = (
        tiny.logits(model),
        tiny.scalings(model),
        tiny.fingerprint(model),
        state_of(model),
    )
    desk = Desk(model)
    dice = random.Random(0)
    targets = scalable(desk)
    for _ in range(3000):
        target = dice.choice(targets)
        desk.apply(
            Mix(
                {
                    target.adapter: Faders(
                        on=dice.random() < 0.9,
                        master=dice.uniform(-3, 3),
                        kinds={target.kind: dice.uniform(-3, 3)},
                        modules={target.name: dice.choice([0.0, 1.0, dice.gauss(0, 2)])},
                    )
                }
            )
        )
    desk.reset()
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert same_tensors(state_of(model), state)
    assert tiny.fingerprint(model) == before
    assert torch.equal(tiny.logits(model), loaded)


class Moves(RuleBasedStateMachine):
    """Any sequence of moves: the layers hold what the mix says, and a reset brings the very objects back."""

    @initialize()
    def build(self) -> None:
        self.model = tiny.two()
        self.loaded = tiny.scalings(self.model)
        self.desk = Desk(self.model)

    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        self.desk.apply(data.draw(tiny.mixes(self.desk.adapters.values())))

    @rule()
    def reset(self) -> None:
        self.desk.reset()
        assert tiny.same_objects(tiny.scalings(self.model), self.loaded)

    @rule()
    def refresh(self) -> None:
        mix = self.desk.mix
        self.desk.refresh()
        assert self.desk.mix == mix

    @rule(names=st.sampled_from([["pirate"], ["poet"], ["poet", "pirate"]]))
    def play(self, names: list[str]) -> None:
        self.desk.engine.playing.only(names)

    @rule()
    def a_new_desk(self) -> None:
        self.desk = Desk(self.model)
        assert tiny.same_objects(tiny.scalings(self.model), self.loaded)

    @rule(data=st.data())
    def rows(self, data: st.DataObject) -> None:
        mixes = st.lists(tiny.mixes(self.desk.adapters.values()), min_size=1, max_size=3)
        with self.desk.rows(data.draw(mixes)):
            self.desk.apply(data.draw(tiny.mixes(self.desk.adapters.values())))

    @invariant()
    def the_layers_hold_what_the_mix_says(self) -> None:
        if hasattr(self, "desk"):
            for target in scalable(self.desk):
                assert self.desk.scaling(target) == target.scaling * self.desk.mix.gain(target)


def test_any_sequence_of_moves_is_held_by_the_layers():
    run_state_machine_as_test(Moves, settings=settings(deadline=None, max_examples=10, stateful_step_count=20))


@given(data=st.data())
@some
def test_a_desk_adds_nothing_to_the_model_wherever_its_faders_stand(data: st.DataObject):
    model, desk, before = _resting()
    desk.apply(data.draw(tiny.mixes(desk.adapters.values())))
    assert tiny.fingerprint(model) == before


@cache
def _resting() -> Any:
    model = tiny.two()
    return model, Desk(model), tiny.fingerprint(model)


@given(gain=st.floats(-4, 4))
@some
def test_any_gain_is_what_a_model_with_that_alpha_says(gain: float):
    model, desk, reloaded = _pair()
    desk.apply(mix_of(master=gain))
    for layer in tiny.adapter_layers(reloaded):
        layer.scaling["pirate"] = gain * 8 / 4
    assert torch.equal(tiny.logits(model), tiny.logits(reloaded))
    assert not math.isnan(tiny.logits(model).sum().item())


@cache
def _pair() -> Any:
    model = tiny.pirate()
    return model, Desk(model), tiny.pirate()
