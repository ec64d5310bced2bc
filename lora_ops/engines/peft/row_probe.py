"""Whether the rows of one batch can each run a mix of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from .memory import out_of_memory

if TYPE_CHECKING:
    from torch import nn

    from ...target import Target
    from .knob import Knob

_ROWS, _TOKENS = 3, 2


class RowProbe:
    """Asks the model once which of its layers keep the rows of a batch apart.

    A tensor of shape (rows, 1, 1) in the place of `scaling` needs layers whose output is (rows, tokens, features): some
    models flatten the batch before their MLP (OPT), or gather tokens for experts (Mixtral). One forward pass over three
    rows of two tokens shows it; its hooks are gone before it returns.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._reasons: dict[int, str] = {}

    def why_not(self, knobs: Iterable[tuple[Target, Knob]]) -> str:
        """Why these knobs cannot give each row its own gain, naming the first target in the way; or nothing.

        Runs the model if it has not been asked about one of them: nobody else may be generating.
        """
        knobs = list(knobs)
        for target, knob in knobs:
            if knob.why_no_rows:
                return f"{target.name} ({target.adapter}): {knob.why_no_rows}"
        if missing := [knob for _, knob in knobs if id(knob) not in self._reasons]:
            self._ask(missing)
        for target, knob in knobs:
            if reason := self._reasons[id(knob)]:
                return f"{target.name} ({target.adapter}): {reason}"
        return ""

    @torch.no_grad()
    def _ask(self, knobs: list[Knob]) -> None:
        shapes: dict[int, set[tuple[int, ...]]] = {}

        def note(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            shapes.setdefault(id(layer), set()).add(tuple(output.shape))

        hooks = [knob.layer.register_forward_hook(note) for knob in knobs]
        try:
            ids = torch.zeros((_ROWS, _TOKENS), dtype=torch.long, device=next(self._model.parameters()).device)
            self._model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            failure = ""
        except Exception as error:
            if out_of_memory(error):
                raise
            failure = f"the model did not take a batch of three rows ({error})"
        finally:
            for hook in hooks:
                hook.remove()
        for knob in knobs:
            self._reasons[id(knob)] = failure or _reason(shapes.get(id(knob.layer), set()))


def _reason(shapes: set[tuple[int, ...]]) -> str:
    if not shapes:
        return "not every token passes through it (an expert), so rows cannot be told apart"
    if any(len(shape) != 3 or shape[:2] != (_ROWS, _TOKENS) for shape in shapes):
        return "the model flattens the batch before it, so rows cannot be told apart"
    return ""
