"""Batch after batch in the same memory, on the CPU; on a GPU torch keeps by itself what it was given.

Memory that is fresh from the system costs more to get than what many small layers do with it: for the logits of a
batch, hundreds of megabytes, a fifth of the time that the head itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn

from .partial_pass import intercepted

#: Just under the largest piece that glibc may keep for later. It keeps pieces up to the largest that was given back.
_LARGEST_KEPT = 31 * 2**20


class SameMemory:
    """Has a model's head write its logits into memory that is kept, where the head is a plain layer on the CPU."""

    def __init__(self, model: Any) -> None:
        self._head: list[Any] = []
        head: Any = None
        with suppress(AttributeError, NotImplementedError):  # a model that has no head
            head = model.get_output_embeddings()
        if type(head) is nn.Linear and getattr(head, "bias", None) is None and head.weight.device.type == "cpu":
            self._head = [head]
        self._kept = torch.empty(0)
        if self._head:
            torch.empty(_LARGEST_KEPT, dtype=torch.uint8)  # and given back at once

    @contextmanager
    def logits(self) -> Iterator[None]:
        """Inside the block, logits are good until the next pass, and have no gradients."""
        with intercepted(self._head, self._forward):
            yield

    def _forward(self, forward: Any, hidden: torch.Tensor) -> torch.Tensor:
        weight = self._head[0].weight
        if hidden.dtype != weight.dtype or torch.is_grad_enabled():
            logits: torch.Tensor = forward(hidden)
            return logits
        rows = hidden.reshape(-1, hidden.shape[-1])
        size = len(rows) * len(weight)
        if self._kept.numel() < size or self._kept.dtype != weight.dtype:
            self._kept = torch.empty(0)  # given back before more is asked for
            self._kept = torch.empty(size, dtype=weight.dtype)
        out = torch.mm(rows, weight.T, out=self._kept[:size].view(-1, len(weight)))
        return out.view(*hidden.shape[:-1], len(weight))
