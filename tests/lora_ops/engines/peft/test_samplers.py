"""Samplers in rows: each row has its own, with a state and dice of its own, or is told why there can be but one."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.decoding import alone, decoded
from torch import nn
from transformers import LogitsProcessor, LogitsProcessorList, RepetitionPenaltyLogitsProcessor

from lora_mixer.lora_ops.engines.engine import NotInRows


class Alternating(LogitsProcessor):
    """Keeps a state: forbids the token that it let through last."""

    def __init__(self) -> None:
        self.last: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        assert input_ids.shape[0] == scores.shape[0] == 1
        if self.last is not None:
            scores[:, self.last] = -torch.inf
        self.last = scores.argmax(-1)
        return scores


class Rolling(LogitsProcessor):
    """Draws by itself, from Python's generator and torch's."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if random.random() < 0.5:
            scores[:, int(torch.randint(scores.shape[1], ()))] += 20
        return scores


@pytest.mark.parametrize("sampler", [Alternating, Rolling])
@pytest.mark.parametrize("rows", [1, 3])
def test_samplers_with_a_state_or_dice_of_their_own_stay_with_their_row(sampler: type, rows: int):
    model = tiny.llama()

    def with_sampler() -> dict[str, Any]:
        return {"do_sample": True, "logits_processor": LogitsProcessorList([sampler()])}

    assert decoded(model, rows, with_sampler()) == [alone(model, with_sampler())] * rows


def test_what_a_sampler_has_seen_does_not_reach_the_next_call():
    model = tiny.llama()
    generation = {"do_sample": False, "logits_processor": LogitsProcessorList([Alternating()])}
    first = decoded(model, 1, generation)
    assert decoded(model, 1, generation) == first
    assert decoded(model, 2, generation) == first * 2


class WithModel(LogitsProcessor):
    """Runs the model itself."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        assert input_ids.shape[0] == 1
        return scores - self.model(input_ids).logits[:, -1] * 0.5


class Uncopied(LogitsProcessor):
    """Cannot be copied."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("there is only one of me")


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        (lambda model: WithModel(model), "the sampler WithModel runs the model itself"),
        (lambda model: Uncopied(), "a sampler among Uncopied.* cannot be copied for each row .there is only one of me"),
    ],
    ids=["a model inside", "no copy"],
)
def test_a_sampler_that_is_for_one_row_says_so_and_works_for_one(sampler: Any, reason: str):
    model = tiny.llama()
    generation = {"do_sample": True, "logits_processor": LogitsProcessorList([sampler(model)])}
    with pytest.raises(NotInRows, match=reason):
        decoded(model, 2, generation)
    assert decoded(model, 1, generation) == [alone(model, generation)]


def test_guidance_is_for_one_row():
    model = tiny.llama()
    generation = {"do_sample": False, "guidance_scale": 1.5}
    with pytest.raises(NotInRows, match="runs the model itself"):
        decoded(model, 2, generation)
    assert decoded(model, 1, generation) == [alone(model, generation)]


@pytest.mark.parametrize(
    "make", [lambda: torch.tensor([3]), lambda: 3, lambda: None], ids=["a tensor for one row", "a number", "nothing"]
)
def test_a_sampler_of_transformers_that_was_made_for_one_row_is_right_for_several(make: Any):
    model = tiny.llama()
    made = make()
    try:
        sampler = RepetitionPenaltyLogitsProcessor(1.5, made)
    except ValueError:
        # transformers 4 takes no tensor there, so nobody has a sampler with one: it gets the number in it.
        sampler = RepetitionPenaltyLogitsProcessor(1.5, int(made))
    generation = {"do_sample": True, "logits_processor": LogitsProcessorList([sampler])}
    expected = alone(model, generation)
    assert decoded(model, 3, generation, stop={1: 4}) == [expected, expected[:4], expected]


def test_rows_may_have_seeds_of_their_own():
    model = tiny.llama()
    for generation in (
        {"do_sample": True, "temperature": 1.5, "top_p": 0.9},
        {"do_sample": True, "logits_processor": LogitsProcessorList([Rolling()])},
    ):
        seeds = [5, 3, 5, 8]
        expected = [alone(model, generation, seed) for seed in seeds]
        assert decoded(model, 4, generation, seed=seeds) == expected
        assert expected[0] != expected[1]


def test_scores_that_are_no_numbers_are_refused():
    class NoNumber(torch.nn.Module):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return torch.full((*hidden.shape[:-1], tiny.VOCABULARY), torch.nan)

    model = tiny.llama()
    model.lm_head = NoNumber()
    with pytest.raises(RuntimeError, match="no numbers"):
        decoded(model, 2, {"do_sample": True})
