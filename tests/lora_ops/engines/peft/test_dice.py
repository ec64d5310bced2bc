"""The dice: one stream per column, all alike, and the process's own random numbers untouched."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.engines.peft.dice import Dice, draw

CPU = torch.device("cpu")
seeds = st.integers(-(2**63), 2**63 - 1)


def roll() -> tuple[float, float, int]:
    return random.random(), torch.rand(()).item(), int(torch.randint(1000, ()).item())


def global_state() -> tuple[Any, list[int]]:
    return random.getstate(), torch.get_rng_state().tolist()


@given(seed=seeds, times=st.integers(1, 5))
def test_a_column_rolls_what_it_would_roll_alone_after_the_same_seed(seed: int, times: int):
    dice = Dice(seed, CPU)
    rolled = []
    for _ in range(times):
        with dice.rolled():
            rolled.append(roll())
        roll()  # somebody else's
    before = random.getstate(), torch.get_rng_state()
    random.seed(seed)
    torch.manual_seed(seed)
    expected = [roll() for _ in range(times)]
    random.setstate(before[0])
    torch.set_rng_state(before[1])
    assert rolled == expected


@given(seed=seeds)
def test_two_columns_roll_the_same_in_any_order(seed: int):
    first, second = Dice(seed, CPU), Dice(seed, CPU)
    rolled: dict[str, list[Any]] = {"first": [], "second": []}
    for name in ("first", "second", "second", "first", "first", "second"):
        with (first if name == "first" else second).rolled():
            rolled[name].append(roll())
    assert rolled["first"] == rolled["second"]


def test_seeds_matter():
    with Dice(1, CPU).rolled():
        one = roll()
    with Dice(2, CPU).rolled():
        assert roll() != one


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_random_numbers_of_the_process_are_untouched(error: Any):
    before = global_state()
    dice = Dice(3, CPU)
    assert global_state() == before
    try:
        with dice.rolled():
            roll()
            if error is not None:
                raise error
    except BaseException as raised:
        assert type(raised) is error
    assert global_state() == before


def test_a_draw_that_failed_has_been_rolled():
    dice, other = Dice(3, CPU), Dice(3, CPU)
    with pytest.raises(RuntimeError), dice.rolled():
        roll()
        raise RuntimeError
    with other.rolled():
        roll()
    with dice.rolled():
        one = roll()
    with other.rolled():
        assert roll() == one


@given(seed=seeds, rows=st.integers(1, 4))
def test_tokens_are_drawn_as_transformers_draws_them(seed: int, rows: int):
    scores = torch.linspace(-3, 3, 11).repeat(rows, 1)
    scores[:, 5] = -torch.inf
    with Dice(seed, CPU).rolled():
        drawn = draw(scores)
    with Dice(seed, CPU).rolled():
        expected = torch.multinomial(torch.nn.functional.softmax(scores, dim=-1), num_samples=1).squeeze(1)
    assert drawn.tolist() == expected.tolist()
    assert 5 not in drawn.tolist()
