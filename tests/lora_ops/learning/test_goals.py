"""What is asked of a mix: which examples are held out, the loss over all of them, and the pull."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lora_mixer.lora_ops.learning.goals import Goals, goals_of, parts_of


@pytest.mark.parametrize(
    "count, first, others", [(2, 1, [1]), (3, 1, [1, 1]), (8, 2, [2, 2, 2]), (1000, 64, [312] * 3)]
)
def test_a_quarter_is_held_out_and_all_are_in_turn(count: int, first: int, others: list[int]):
    parts = parts_of(count, seed=3)
    assert [len(part) for part in parts] == [first, *others]
    assert sorted(at for part in parts for at in part) == list(range(count))
    assert parts == parts_of(count, seed=3)


def test_what_is_held_out_hangs_on_the_seed_alone():
    assert len({parts_of(40, seed)[0] for seed in range(8)}) > 1


def aim(places: Sequence[int]) -> Any:
    """A loss on examples of which each has one token more than the one before."""
    return SimpleNamespace(places=tuple(places), count=sum(at + 1 for at in places))


def test_the_loss_on_all_examples_is_that_of_the_parts_by_their_tokens():
    parts = ((1, 3), (0,), (2,))
    goals = goals_of(aim, parts, None, 1.0, "loaded", 0.1)
    assert goals.seen.places == (0, 2) and goals.unseen.places == (1, 3)  # type: ignore[attr-defined]
    assert goals.turns is not None and goals.turns.whole.places == (0, 1, 2, 3)  # type: ignore[attr-defined]
    assert goals.turns.mean([1.0, 2.0, 3.0]) == pytest.approx((6 * 1 + 1 * 2 + 3 * 3) / 10)


@pytest.mark.parametrize("pull", ["loaded", "silent"])
def test_the_pull_s_slopes_are_what_a_small_move_says(pull: Any):
    goals = Goals(aim([0]), aim([1]), pull=pull, pull_weight=0.3)
    start, gains = [1.0, 2.0, -0.5, 0.0], [0.4, 3.0, -0.7, 0.0]
    _, slopes = goals.pulled(gains, start)
    for at in range(3):
        up, down = list(gains), list(gains)
        up[at], down[at] = up[at] + 1e-4, down[at] - 1e-4
        moved = (goals.pulled(up, start)[0] - goals.pulled(down, start)[0]) / 2e-4
        assert slopes[at] == pytest.approx(moved, abs=1e-6)
    assert slopes[3] == 0
    assert goals.pulled(start, start)[0] == pytest.approx(0 if pull == "loaded" else 0.3)
