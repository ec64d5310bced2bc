"""Comparisons of tiny models: run to their ends, and what must be as it was afterwards."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from helpers import tiny
from helpers.tiny import mix_of, prompt, tokenizer
from transformers import LogitsProcessor, LogitsProcessorList

from lora_mixer.lora_ops import Column, Desk, Mix, Result, Run, Update, compare


class InStep(LogitsProcessor):
    """Waits before each token until the listener has heard the one before, so that no update is missed."""

    def __init__(self) -> None:
        self.heard = threading.Semaphore(1)
        self._at = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] != self._at:
            self._at = input_ids.shape[1]
            assert self.heard.acquire(timeout=30)
        return scores

    def __deepcopy__(self, memo: Any) -> InStep:
        return self


def heard(
    desk: Desk,
    mixes: Iterable[Mix],
    generation: dict[str, Any] | None = None,
    *,
    seed: int = 7,
    text: str = "Ahoy there",
    in_step: bool = False,
    **options: Any,
) -> tuple[list[Update], Result]:
    """Compares mixes to the end: all updates that came (one for every token if `in_step`), and the result."""
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    generation = {"max_new_tokens": 16, "do_sample": False, **(generation or {})}
    step = InStep()
    if in_step:
        generation["logits_processor"] = LogitsProcessorList([*generation.get("logits_processor", ()), step])
    run = compare(desk, tokenizer(), prompt(text), columns, seed=seed, generation=generation, **options)
    updates = []
    for update in run:
        updates.append(update)
        step.heard.release()
    return updates, run.result


def generated(model: Any, generation: dict[str, Any], *, seed: int = 7, text: str = "Ahoy there") -> tuple[int, ...]:
    """What plain `generate` of transformers says, the prompt and the end token cut off."""
    input_ids = prompt(text)
    torch.manual_seed(seed)
    settings = {"max_new_tokens": 16, "do_sample": False, "attention_mask": torch.ones_like(input_ids), **generation}
    new = model.generate(input_ids=input_ids, **settings)[0, input_ids.shape[1] :].tolist()
    ends = settings.get("eos_token_id", [])
    ends = ends if isinstance(ends, list) else [ends]
    return tuple(new[: next((at for at, token in enumerate(new) if token in ends), len(new))])


def three(desk: Desk) -> list[Mix]:
    return [Mix(), desk.base(), mix_of(master=0.5, kinds={"q_proj": 2.0}, layers={1: -1.0})]


def ends_in_one_row(desk: Desk, mixes: list[Mix], generation: dict[str, Any]) -> tuple[int, int]:
    """A token that the first column says before its last and the second never, and where."""
    _, result = heard(desk, mixes, generation)
    first, second = (column.token_ids for column in result.columns[:2])
    return next(
        (token, at) for at, token in enumerate(first[1:-1], 1) if token not in second and token not in first[:at]
    )


def started(desk: Desk, mixes: list[Mix], generation: dict[str, Any] | None = None, **options: Any) -> Run:
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    settings = {"max_new_tokens": 16, "do_sample": False, **(generation or {})}
    return compare(desk, tiny.tokenizer(), tiny.prompt(), columns, seed=7, generation=settings, **options)


class Slow(LogitsProcessor):
    """Takes its time at every token, and tells how many there were."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return scores


def slowly(tokens: int = 200) -> dict[str, Any]:
    return {"logits_processor": LogitsProcessorList([Slow()]), "max_new_tokens": tokens}


class Rest:
    """What must be as it was when a comparison has ended: faders, layers, lock, random numbers, threads."""

    def __init__(self, build: Callable[[], Any] = tiny.two) -> None:
        self.lock = threading.Lock()
        self.model = build()
        self.desk = Desk(self.model, self.lock)
        self.faders = mix_of(master=0.5)
        self.desk.apply(self.faders)
        self._before = self._now()

    def _now(self) -> Any:
        unmoved = tiny.fingerprint(self.model)
        unmoved["tensors"] = [tensor for tensor in unmoved["tensors"] if "magnitude" not in tensor[0]]
        return (
            tiny.scalings(self.model),
            unmoved,
            tiny.logits(self.model).tolist(),
            random.getstate(),
            torch.get_rng_state().tolist(),
            self.lock.locked(),
            [thread.name for thread in threading.enumerate() if thread.name == "compare"],
        )

    def check(self) -> None:
        assert self.desk.mix == self.faders
        assert self._now() == self._before


class Failing(LogitsProcessor):
    """Fails at the third token."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] >= tiny.prompt().shape[1] + 3:
            raise self.error
        return scores

    def __deepcopy__(self, memo: Any) -> Failing:
        return Failing(self.error)
