"""Generates several rows from one prompt, each with its own dice and its own samplers, in transformers' own loop."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from .dice import Dice, draw

#: Told the new tokens of every row after each step, shape (rows, new tokens); answers which rows are finished.
Watch = Callable[[torch.Tensor], Sequence[bool]]


class NotInRows(Exception):
    """These generation settings cannot run several rows at once; the message says which, and why."""


def decode(model: Any, input_ids: torch.Tensor, rows: int, seed: int, generation: dict[str, Any], watch: Watch) -> None:
    """Generates `rows` continuations of one prompt in one batch.

    Every row is sampled as it would be alone: `generate` prepares inputs and samplers for one row, then the inputs are
    repeated, and each row gets a copy of the samplers, since many keep state of their own.

    Args:
        model: anything with transformers' `generate`.
        input_ids: the prompt, shape (1, tokens).
        rows: how many continuations.
        seed: of every row's dice.
        generation: keyword arguments of `generate`.
        watch: called after each step; rows that it calls finished are padded from then on.

    Raises:
        NotInRows: a setting makes this impossible.
    """
    if why_not := _why_not(generation):
        raise NotInRows(why_not)
    prompt = input_ids.shape[-1]
    finished = [False] * rows

    def loop(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: LogitsProcessorList,
        stopping_criteria: StoppingCriteriaList,
        generation_config: Any,
        **kwargs: Any,
    ) -> Any:
        samplers = _RowSamplers(logits_processor, rows, generation_config.do_sample, seed, input_ids.device, finished)
        # The samplers decide on the token; what is left for the loop is to take the highest score.
        generation_config.do_sample = False
        watcher = _Watcher(prompt, finished, watch)
        if rows > 1:
            input_ids, kwargs = model._expand_inputs_for_generation(rows, False, input_ids, **kwargs)
        return model._sample(
            input_ids,
            logits_processor=LogitsProcessorList([samplers] if samplers.needed else []),
            stopping_criteria=StoppingCriteriaList([*stopping_criteria, watcher]),
            generation_config=generation_config,
            **kwargs,
        )

    settings = {"attention_mask": torch.ones_like(input_ids), **_padding(model, generation), **generation}
    model.generate(input_ids, custom_generate=loop, **settings)


def _padding(model: Any, generation: dict[str, Any]) -> dict[str, Any]:
    """What rows that have ended are filled with. `generate` would choose the same, with a warning each time."""
    config = getattr(model, "generation_config", None)
    ends = generation.get("eos_token_id", getattr(config, "eos_token_id", None))
    if getattr(config, "pad_token_id", None) is not None or ends is None or ends == []:
        return {}
    return {"pad_token_id": ends[0] if isinstance(ends, list | tuple) else ends}


def _why_not(generation: dict[str, Any]) -> str:
    if (generation.get("num_beams") or 1) > 1:
        return "beam search keeps several rows of its own"
    if generation.get("prompt_lookup_num_tokens") or generation.get("assistant_model"):
        return "speculative decoding (prompt lookup, an assistant model) handles one row at a time"
    if generation.get("penalty_alpha") and (generation.get("top_k") or 0) > 1 and not generation.get("do_sample"):
        return "contrastive search keeps several rows of its own"
    if generation.get("cache_implementation"):
        return f"the {generation['cache_implementation']} cache is made for one row"
    return ""


class _RowSamplers(LogitsProcessor):
    """Runs each row through its own samplers, rolls its dice, and leaves one token with a score."""

    def __init__(
        self,
        samplers: LogitsProcessorList,
        rows: int,
        do_sample: bool,
        seed: int,
        device: torch.device,
        finished: list[bool],
    ) -> None:
        self._chains = [samplers, *(_copied(samplers) for _ in range(rows - 1))]
        self._dice = [Dice(seed, device) for _ in range(rows)]
        self._sample = do_sample
        self._finished = finished
        self.needed = do_sample or len(samplers) > 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        out = torch.full_like(scores, -torch.inf)
        for row, (chain, dice) in enumerate(zip(self._chains, self._dice, strict=True)):
            if self._finished[row]:
                out[row, 0] = 0.0
                continue
            with dice.rolled():
                processed = chain(input_ids[row : row + 1], scores[row : row + 1].clone())
                token = draw(processed) if self._sample else processed.argmax(dim=-1)
            out[row, token] = 0.0
        return out


def _copied(samplers: LogitsProcessorList) -> LogitsProcessorList:
    for sampler in samplers:
        name = type(sampler).__name__
        if any(isinstance(value, nn.Module) for value in vars(sampler).values()):
            raise NotInRows(f"the sampler {name} runs the model itself, for one row")
    try:
        return copy.deepcopy(samplers)
    except Exception as error:
        names = ", ".join(type(sampler).__name__ for sampler in samplers)
        raise NotInRows(f"a sampler among {names} cannot be copied for each row ({error})") from error


class _Watcher(StoppingCriteria):
    """Shows the caller each step's tokens, and stops the rows that it calls finished."""

    def __init__(self, prompt: int, finished: list[bool], watch: Watch) -> None:
        self._prompt = prompt
        self._finished = finished
        self._watch = watch

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self._finished[:] = self._watch(input_ids[:, self._prompt :])
        return torch.tensor(self._finished, device=input_ids.device, dtype=torch.bool)
