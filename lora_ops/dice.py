"""One random stream per column, all seeded alike, so that a difference between two columns comes from their mixes."""

from __future__ import annotations

import random
from collections.abc import Iterator
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
        self._cuda = device if device.type == "cuda" else None
        with _restored(self._cuda):
            random.seed(seed)
            torch.manual_seed(seed)
            self._state = _state(self._cuda)

    @contextmanager
    def rolled(self) -> Iterator[None]:
        """Inside the block every draw comes from this column's stream; outside nothing has changed."""
        with _restored(self._cuda):
            _set(self._state, self._cuda)
            try:
                yield
            finally:
                self._state = _state(self._cuda)


def draw(scores: torch.Tensor) -> torch.Tensor:
    """One token id per row from processed scores, shape (rows, vocabulary), as transformers' sampling draws it."""
    return torch.multinomial(torch.softmax(scores, dim=-1), num_samples=1).squeeze(1)


@contextmanager
def _restored(cuda: torch.device | None) -> Iterator[None]:
    before = _state(cuda)
    try:
        yield
    finally:
        _set(before, cuda)


def _state(cuda: torch.device | None) -> tuple[Any, ...]:
    return random.getstate(), torch.get_rng_state(), torch.cuda.get_rng_state(cuda) if cuda else None


def _set(state: tuple[Any, ...], cuda: torch.device | None) -> None:
    python, cpu, device = state
    random.setstate(python)
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state(device, cuda)
