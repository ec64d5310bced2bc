"""Gains as tensors that ask for a gradient: how a text's likelihood changes with each fader, out of one backward pass.

The factor on an adapter's output may be a tensor as well as a number (`row_probe.py`), and torch follows it back. The
model's weights are frozen meanwhile, so that a pass keeps what the gains need and nothing else.

>>> mix = Mix({"pirate": Faders(master=0.5)})
>>> with desk.rows([mix]), gains_with_gradients(peft_engine(desk), targets) as play:
...     gains = torch.tensor(mix["pirate"].gains(targets), requires_grad=True)
...     play(gains)
...     (slope,) = torch.autograd.grad(loss(model(ids).logits), gains)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from .four_bit import unpacked
from .knob import put_back, turn_tensor

if TYPE_CHECKING:
    from torch import nn

    from ...target import Target
    from .engine import PeftEngine

#: Has the next pass run these gains: shape (targets,), the same in all rows, or (rows, targets).
Play = Callable[[torch.Tensor], None]


def why_no_gradient(engine: PeftEngine, target: Target) -> str:
    """Why no gradient reaches the gain of this target, for people; empty if one does."""
    if not target.scalable:
        return target.reason
    return engine.knob(target).why_no_rows


@contextmanager
def gains_with_gradients(engine: PeftEngine, targets: Sequence[Target]) -> Iterator[Play]:
    """Inside the block a pass can be told the gains of these targets as tensors, and gives gradients for them.

    To be used where rows are in use (`Desk.rows`), so that nobody else generates; targets that are not named stand
    where that put them. What stood in the layers is back when the block ends, however it ends, and so is what asked
    for gradients in the model before.

    Raises:
        ValueError: no gradient reaches one of the targets; the message says which, and why.
    """
    for target in targets:
        if reason := why_no_gradient(engine, target):
            raise ValueError(f"no gradient reaches {target.name} of {target.adapter!r}: {reason}")
    knobs = [engine.knob(target) for target in targets]
    before: list[Any] = [knob.now() for knob in knobs]
    with _frozen(engine.model), unpacked(engine.model), torch.inference_mode(False), torch.enable_grad():
        try:
            yield lambda gains: turn_tensor(knobs, gains)
        finally:
            put_back(knobs, before)


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Inside the block no weight asks for a gradient."""
    asking = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in asking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in asking:
            parameter.requires_grad_(True)
