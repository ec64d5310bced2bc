"""One random stream per column, all seeded alike, so that a difference between two columns comes from their mixes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


class Dice:
    """The random numbers of one column.

    While they are rolled, the process's own generators (Python's, and torch's on the CPU and on the model's device)
    stand where this column left them: a sampler that draws by itself (XTC, Mirostat) stays with its column, and a
    column rolls what it would roll alone after `torch.manual_seed(seed)`.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        with _restored(device):
            random.seed(seed)
            torch.default_generator.manual_seed(seed)
            _seed_device(seed, device)
            self._state = _state(device)

    @contextmanager
    def rolled(self) -> Iterator[None]:
        """Inside the block every draw comes from this column's stream; outside nothing has changed."""
        with _restored(self._device):
            _set(self._state, self._device)
            try:
                yield
            finally:
                self._state = _state(self._device)


class SharedDice:
    """The dice of several columns where nothing but the choice of the token is random.

    Columns of one seed roll the same numbers at each step, so that they are rolled once for all of them. A column
    chooses what `torch.multinomial` would choose for it alone: the token with the largest probability / noise, where
    the noise is exponential (the "fast path" of torch's Distributions.cpp).

    Args:
        seeds: of each column.
        device: where the scores are.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self._seeds = list(seeds)
        self._generators = {seed: torch.Generator(device).manual_seed(seed) for seed in self._seeds}

    def draw(self, scores: torch.Tensor, columns: Sequence[int]) -> torch.Tensor:
        """One token id for each of these columns, whose scores have the shape (columns, vocabulary).

        Raises:
            RuntimeError: scores that are no numbers, or none that is possible.
        """
        chances = torch.softmax(scores, dim=-1)
        if not bool(torch.isfinite(chances.sum())):
            raise RuntimeError("the model's scores are no numbers: a gain may be too far out")
        noise = {
            seed: torch.empty_like(chances[:1]).exponential_(1, generator=self._generators[seed])
            for seed in dict.fromkeys(self._seeds[column] for column in columns)
        }
        if len(noise) == 1:
            return (chances / next(iter(noise.values()))).argmax(dim=-1)
        return (chances / torch.cat([noise[self._seeds[column]] for column in columns])).argmax(dim=-1)


def draw(scores: torch.Tensor) -> torch.Tensor:
    """One token id per row from processed scores, shape (rows, vocabulary), as transformers' sampling draws it."""
    return torch.multinomial(torch.softmax(scores, dim=-1), num_samples=1).squeeze(1)


@contextmanager
def _restored(device: torch.device) -> Iterator[None]:
    before = _state(device)
    try:
        yield
    finally:
        _set(before, device)


def _state(device: torch.device) -> tuple[Any, ...]:
    return random.getstate(), torch.get_rng_state(), _device_state(device)


def _set(state: tuple[Any, ...], device: torch.device) -> None:
    python, cpu, on_device = state
    random.setstate(python)
    torch.set_rng_state(cpu)
    if on_device is not None:
        module = torch.get_device_module(device)
        module.set_rng_state(on_device, *_which(device))


def _device_state(device: torch.device) -> torch.Tensor | None:
    """The state of the device's own generator; on the CPU there is no other."""
    if device.type == "cpu":
        return None
    state: torch.Tensor = torch.get_device_module(device).get_rng_state(*_which(device))
    return state


def _seed_device(seed: int, device: torch.device) -> None:
    """Seeds this device's generator and no other: `torch.manual_seed` would seed those of every device."""
    if device.type == "mps":
        torch.mps.manual_seed(seed)
    elif device.type != "cpu":
        module = torch.get_device_module(device)
        with module.device(device):
            module.manual_seed(seed)


def _which(device: torch.device) -> tuple[torch.device, ...]:
    """Apple's GPU is one and takes no device; the others may be several."""
    return () if device.type == "mps" else (device,)
