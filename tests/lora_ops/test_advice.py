"""Advice: one plain line about rank and alpha."""

from __future__ import annotations

import peft
import pytest
from helpers import tiny

from lora_mixer.lora_ops import Adapter, Desk, Target, advise
from lora_mixer.lora_ops.advice import shared_faders


def adapter(scaling: float, rank: int = 64, rank_stabilised: bool = False, scalable: bool = True) -> Adapter:
    target = Target("pirate", "lm_head", None, "lm_head", rank, scaling * rank, scaling, scalable)
    return Adapter("pirate", "lora", (target,), 10, 0.1, rank_stabilised)


@pytest.mark.parametrize(
    ("scaling", "says"),
    [
        (0.0, "silent as loaded"),
        (0.25, "Alpha is 0.25 r, scaling 0.25: quiet"),
        (1.0, "Alpha equals r, scaling 1: neither louder nor quieter"),
        (1.5, "Alpha is 1.5 r, scaling 1.5: a little loud"),
        (2.0, "Alpha is 2 r, scaling 2: loud, and that needs much training data"),
        (16.0, "Alpha is 16 r, scaling 16: loud"),
    ],
)
def test_the_loudness_is_judged_by_the_scaling(scaling: float, says: str):
    line = advise(adapter(scaling))
    assert says in line
    assert "Alpha can be lowered after training at little cost." in line
    assert "\n" not in line


@pytest.mark.parametrize(("rank", "small"), [(0, False), (1, True), (31, True), (32, False), (256, False)])
def test_a_small_rank_carries_style(rank: int, small: bool):
    assert ("below rank 32 it mostly carries style and format" in advise(adapter(1.0, rank))) is small


def test_a_rank_stabilised_scaling_is_explained_by_its_own_rule():
    assert "Alpha equals r, scaling 8 (alpha / √r)" in advise(adapter(8.0, rank=64, rank_stabilised=True))
    assert "Alpha is 2 r, scaling 16 (alpha / √r): loud" in advise(adapter(16.0, rank=64, rank_stabilised=True))
    assert "quiet" in advise(adapter(1.0, rank=64, rank_stabilised=True))


def test_an_adapter_without_faders_gets_no_advice_on_them():
    assert advise(adapter(1.0, scalable=False)) == "Nothing in this adapter has a fader: see below why."
    ia3 = tiny.add(tiny.llama(), peft.IA3Config(target_modules=["q_proj"], feedforward_modules=[]))
    assert "see below why" in advise(Desk(ia3).adapters["pirate"])


def test_patterns_are_judged_by_what_most_targets_have():
    desk = Desk(tiny.pirate(rank_pattern={"q_proj": 2}, lora_alpha=4))
    assert "Alpha equals r" in advise(desk.adapters["pirate"])


def test_that_modules_share_faders_is_told_where_they_do():
    def of(*modules: int) -> Adapter:
        targets = (
            Target("a", f"{at}", None, "q_proj", 8, 8.0, 1.0, True, modules=one) for at, one in enumerate(modules)
        )
        return Adapter("a", "lora", tuple(targets), 10, 0.1)

    assert shared_faders(of(1, 1, 1)) == "" == shared_faders(of(210)), "one file that nobody has split is offered to be"
    assert shared_faders(of(4, 4, 2)).startswith("Its 10 modules have 3 faders")
