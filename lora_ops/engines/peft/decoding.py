"""Generates several rows from one prompt, each with its own dice and its own samplers, in transformers' own loop."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import (
    EosTokenCriteria,
    LogitsProcessor,
    LogitsProcessorList,
    MaxLengthCriteria,
    StoppingCriteria,
    StoppingCriteriaList,
    StopStringCriteria,
)

from ..engine import Hear, NotInRows, Token, Turn
from .dice import Dice, SharedDice, draw
from .growing_cache import growing
from .samplers import holds_a_row, works_together


def decode(
    model: Any,
    input_ids: torch.Tensor,
    seeds: Sequence[int],
    generation: dict[str, Any],
    hear: Hear,
    turn: Turn = lambda token: None,
) -> None:
    """Generates as many continuations of one prompt as there are seeds, in one batch.

    Every row is sampled as it would be alone: `generate` prepares inputs and samplers for one row, then the inputs are
    repeated, and each row gets a copy of the samplers, since many keep state of their own. One row alone may also use
    what keeps rows of its own (beam search, say); then it is watched when it is complete.

    Args:
        model: anything with transformers' `generate`.
        input_ids: the prompt, shape (1, tokens).
        seeds: of each row's dice.
        generation: keyword arguments of `generate`.
        hear: called after each step; rows that it calls finished are padded from then on.
        turn: called before each forward pass, for what changes over a reply.

    Raises:
        NotInRows: a setting makes this impossible.
    """
    prompt, rows = input_ids.shape[-1], len(seeds)
    finished = [False] * rows
    turn(0)
    settings = {"attention_mask": torch.ones_like(input_ids), **_padding(model, generation), **generation}
    if why_not := _why_not(model, generation, rows):
        if rows > 1:
            raise NotInRows(why_not)
        _plain(model, input_ids, seeds[0], settings, hear, turn)
        return

    def loop(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: LogitsProcessorList,
        stopping_criteria: StoppingCriteriaList,
        generation_config: Any,
        **kwargs: Any,
    ) -> Any:
        made = _TogetherSamplers if works_together(logits_processor) else _RowSamplers
        samplers = made(logits_processor, seeds, generation_config.do_sample, input_ids.device, finished)
        # The samplers decide on the token; what is left for the loop is to take the highest score.
        generation_config.do_sample = False
        watcher = _Watcher(prompt, finished, hear, turn, stopping_criteria)
        if rows > 1:
            input_ids, kwargs = model._expand_inputs_for_generation(rows, False, input_ids, **kwargs)
        if "past_key_values" in kwargs:
            kwargs["past_key_values"] = growing(kwargs["past_key_values"])
        return model._sample(
            input_ids,
            logits_processor=LogitsProcessorList([samplers] if samplers.needed else []),
            stopping_criteria=StoppingCriteriaList([*watcher.known_to_the_loop, watcher]),
            generation_config=generation_config,
            streamer=generation.get("streamer"),
            **kwargs,
        )

    model.generate(input_ids, custom_generate=loop, **_for_a_loop_of_our_own(settings))


def _for_a_loop_of_our_own(settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings without a tokenizer: `generate` takes none beside `custom_generate`, not for stop strings."""
    settings = dict(settings)
    tokenizer, texts = settings.pop("tokenizer", None), settings.pop("stop_strings", None)
    if tokenizer is not None and texts:
        criterion = StopStringCriteria(tokenizer, texts)
        settings["stopping_criteria"] = StoppingCriteriaList([*(settings.get("stopping_criteria") or ()), criterion])
    return settings


def _plain(model: Any, input_ids: torch.Tensor, seed: int, settings: dict[str, Any], hear: Hear, turn: Turn) -> None:
    criteria = [*(settings.get("stopping_criteria") or ()), _Turner(input_ids.shape[-1], turn)]
    settings = {**settings, "stopping_criteria": StoppingCriteriaList(criteria)}
    with Dice(seed, input_ids.device).rolled():
        new = model.generate(input_ids, **{**settings, "return_dict_in_generate": False})[:1, input_ids.shape[-1] :]
    ids = new[0].tolist()
    for at, id in enumerate(ids, 1):
        hear({0: Token(id, at == len(ids))})


def _padding(model: Any, generation: dict[str, Any]) -> dict[str, Any]:
    """What rows that have ended are filled with. `generate` would choose the same, with a warning each time."""
    ends = end_ids(model, generation)
    return {"pad_token_id": ends[0]} if ends and setting(model, generation, "pad_token_id") is None else {}


def end_ids(model: Any, generation: dict[str, Any]) -> list[int]:
    """The ids that end a reply: those that the settings name, else those of the model."""
    ends = setting(model, generation, "eos_token_id")
    if ends is None:
        return []
    return [int(end) for end in ends] if isinstance(ends, list | tuple) else [int(ends)]


def setting(model: Any, generation: dict[str, Any], name: str) -> Any:
    """What `generate` goes by: the keyword argument, else the given `generation_config`, else that of the model."""
    if generation.get(name) is not None:
        return generation[name]
    for config in (generation.get("generation_config"), getattr(model, "generation_config", None)):
        if getattr(config, name, None) is not None:
            return getattr(config, name)
    return None


def _why_not(model: Any, generation: dict[str, Any], rows: int) -> str:
    """Why these settings need another loop than one row for each column, or nothing."""

    def asked(name: str) -> Any:
        return setting(model, generation, name)

    if (asked("num_beams") or 1) > 1:
        return "beam search keeps several rows of its own"
    if (asked("num_return_sequences") or 1) > 1:
        return "several replies to one prompt keep several rows of their own"
    if asked("prompt_lookup_num_tokens") or generation.get("assistant_model") or asked("assistant_early_exit"):
        return "speculative decoding (prompt lookup, an assistant model) handles one row at a time"
    if asked("penalty_alpha") and (asked("top_k") or 0) > 1 and not asked("do_sample"):
        return "contrastive search keeps several rows of its own"
    if asked("dola_layers"):
        return "decoding by contrasting layers (DoLa) has a loop of its own"
    if rows > 1 and (cache := asked("cache_implementation")):
        return f"the {cache} cache is made for one row"
    if rows > 1 and generation.get("streamer"):
        return "a streamer listens to one row"
    return ""


class _TogetherSamplers(LogitsProcessor):
    """Runs all rows through the samplers at once, rolls the dice, and leaves each row one token with a score."""

    def __init__(
        self,
        samplers: LogitsProcessorList,
        seeds: Sequence[int],
        do_sample: bool,
        device: torch.device,
        finished: list[bool],
    ) -> None:
        self._samplers = samplers
        self._dice = SharedDice(seeds, device) if do_sample else None
        self._finished = finished
        self.needed = do_sample or len(samplers) > 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        live = [row for row, over in enumerate(self._finished) if not over]
        out = torch.full_like(scores, -torch.inf)
        out[:, 0] = 0.0  # of the rows that have ended
        if len(live) < len(self._finished):
            input_ids, scores = input_ids[live], scores[live]
        processed = scores
        for sampler in self._samplers:
            if holds_a_row(sampler):
                rows = zip(input_ids.split(1), processed.split(1), strict=True)
                processed = torch.cat([sampler(ids, row_scores) for ids, row_scores in rows])
            else:
                processed = sampler(input_ids, processed)
        tokens = self._dice.draw(processed, live) if self._dice else processed.argmax(dim=-1)
        out[live, 0] = -torch.inf
        out[live, tokens] = 0.0
        return out


class _RowSamplers(LogitsProcessor):
    """Runs each row through its own samplers, rolls its dice, and leaves one token with a score."""

    def __init__(
        self,
        samplers: LogitsProcessorList,
        seeds: Sequence[int],
        do_sample: bool,
        device: torch.device,
        finished: list[bool],
    ) -> None:
        # Copies even for one row where they can be made: what a sampler has seen must not reach the next column.
        self._chains = [_copied(samplers) for _ in seeds] if len(seeds) > 1 else [_copied_if_possible(samplers)]
        self._dice = [Dice(seed, device) for seed in seeds]
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


def _copied_if_possible(samplers: LogitsProcessorList) -> LogitsProcessorList:
    try:
        return _copied(samplers)
    except NotInRows:
        return samplers


class _Watcher(StoppingCriteria):
    """Shows the caller each step's tokens, and stops the rows that it calls finished."""

    def __init__(
        self, prompt: int, finished: list[bool], hear: Hear, turn: Turn, criteria: StoppingCriteriaList
    ) -> None:
        self._prompt = prompt
        self._finished = finished
        self._hear = hear
        self._turn = turn
        self._criteria = criteria
        #: The loop looks for these two by type; the others are asked here alone, so that each is asked once.
        self.known_to_the_loop = [one for one in criteria if isinstance(one, MaxLengthCriteria | EosTokenCriteria)]

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        ended = self._criteria(input_ids, scores, **kwargs).tolist()
        new = zip(input_ids[:, -1].tolist(), ended, strict=True)
        self._finished[:] = self._hear({row: Token(id, last) for row, (id, last) in enumerate(new)})
        self._turn(input_ids.shape[1] - self._prompt)
        return torch.tensor(self._finished, device=input_ids.device, dtype=torch.bool)


class _Turner(StoppingCriteria):
    """Stops nothing: what `generate` asks between two passes, in whatever loop."""

    def __init__(self, prompt: int, turn: Turn) -> None:
        self._prompt = prompt
        self._turn = turn

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self._turn(input_ids.shape[1] - self._prompt)
        return torch.zeros(input_ids.shape[0], device=input_ids.device, dtype=torch.bool)
