"""A prompt as every engine takes it: a tuple of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class _Rows(Protocol):
    """A tensor, or an array."""

    shape: Any

    def tolist(self) -> Any: ...


Prompt = Sequence[int] | _Rows


def token_ids(prompt: Prompt) -> tuple[int, ...]:
    """The ids of a prompt that is given as a sequence of ints, or as a tensor of shape (1, tokens).

    Raises:
        ValueError: it is not one row with at least one token.
    """
    shape = tuple(prompt.shape) if hasattr(prompt, "shape") else (1, len(prompt))
    if len(shape) != 2 or shape[0] != 1 or shape[1] == 0:
        raise ValueError(f"the prompt must be one row of tokens, shape (1, tokens), not {shape}")
    row = prompt.tolist()[0] if hasattr(prompt, "tolist") else prompt
    return tuple(int(one) for one in row)
