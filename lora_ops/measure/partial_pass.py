"""Starting a forward pass in the middle of a model: what the blocks below gave is known already.

Whatever ran before the first layer that changes gives the same again: true of every model, in the order in which it
really ran. So one pass is recorded, and later passes return the recording for the blocks before that layer. Embeddings,
masks and what else stands between the blocks run each time, in the model's own code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

_ABSENT = object()


@dataclass
class Recording:
    """One pass of one row through a model.

    Attributes:
        blocks: the modules that a pass can skip.
        outputs: what each call of a block gave, in the order of the calls.
        starts: by the `id` of a layer, how many calls of blocks had ended when it first ran; absent if it did not run.
        why_not: why the recording cannot be used; empty if it can.
    """

    blocks: list[nn.Module]
    outputs: list[Any] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    why_not: str = ""

    def start(self, layers: Iterable[nn.Module]) -> int | None:
        """How many calls of blocks can be skipped when these layers change; None when none of them ran at all."""
        starts = [self.starts[id(layer)] for layer in layers if id(layer) in self.starts]
        return None if not starts else 0 if self.why_not else min(starts)

    def distrust(self, reason: str) -> None:
        """From here on every pass is a whole one."""
        self.why_not, self.outputs = reason, []

    @contextmanager
    def resumed(self, start: int, rows: int) -> Iterator[None]:
        """Inside the block, a pass over `rows` copies of the recorded row takes the first `start` calls as recorded."""
        calls = 0
        inside = False

        def meet(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal calls, inside
            if inside:
                return forward(*args, **kwargs)
            calls += 1
            if calls <= start:
                return _copied(self.outputs[calls - 1], rows)
            inside = True
            try:
                return forward(*args, **kwargs)
            finally:
                inside = False

        with intercepted(self.blocks if start else (), meet):
            yield


@contextmanager
def recorded(model: nn.Module, layers: Iterable[nn.Module]) -> Iterator[Recording]:
    """Records the one pass of one row that is made inside the block: what its blocks give, and when `layers` first run.

    Nothing of it is left in the model afterwards.
    """
    recording = Recording(_blocks(model))
    inside = False

    def meet(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        if inside:
            return forward(*args, **kwargs)
        inside = True
        try:
            output = forward(*args, **kwargs)
        finally:
            inside = False
        recording.outputs.append(None)
        if not recording.why_not:
            try:
                recording.outputs[-1] = _copied(output, 1)
            except _Unknown as reason:
                recording.why_not = str(reason)
        return output

    def note(layer: nn.Module, *_: Any) -> None:
        recording.starts.setdefault(id(layer), len(recording.outputs))

    hooks = [layer.register_forward_pre_hook(note) for layer in {id(layer): layer for layer in layers}.values()]
    try:
        with intercepted(recording.blocks, meet):
            yield recording
    finally:
        for hook in hooks:
            hook.remove()


class _Unknown(Exception):
    """A block gave something that cannot be given again."""


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The members of the outermost lists of modules: decoder blocks, and encoder blocks where there are any."""
    found: dict[int, nn.Module] = {}
    stack: list[nn.Module] = [model]
    while stack:
        module = stack.pop()
        children = [child for child in module._modules.values() if child is not None]
        if isinstance(module, nn.ModuleList):
            found.update((id(child), child) for child in children)
        else:
            stack.extend(reversed(children))
    return list(found.values())


@contextmanager
def intercepted(blocks: Iterable[nn.Module], meet: Callable[..., Any]) -> Iterator[None]:
    """Each block's `forward` goes through `meet`, which is given the real one; put back however the block ends.

    Hooks stay as they are, those of accelerate too, which replaces `forward` on the instance as this does.
    """
    before = [(block, block.__dict__.get("forward", _ABSENT)) for block in blocks]
    try:
        for block, _ in before:
            block.__dict__["forward"] = partial(meet, block.forward)
        yield
    finally:
        for block, forward in before:
            if forward is _ABSENT:
                block.__dict__.pop("forward", None)
            else:
                block.__dict__["forward"] = forward


def _copied(output: Any, rows: int) -> Any:
    """A copy for so many rows: the model may write into what it is given."""
    if isinstance(output, torch.Tensor):
        if output.ndim == 0 or output.shape[0] != 1:
            return output.clone()
        return output.repeat(rows, *[1] * (output.ndim - 1))
    if type(output) in (tuple, list):
        return type(output)(_copied(part, rows) for part in output)
    if output is None or isinstance(output, bool | int | float):
        return output
    raise _Unknown(f"a block of this model gives a {type(output).__name__}")
