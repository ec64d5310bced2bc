"""A and B of one target as llama.cpp adds them, whichever kind of file they came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...target import kind_of
from .base import Base

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CannotSplit(ValueError):
    """An adapter that llama.cpp has no form for, or that does not fit the model; the message says what to do."""


@dataclass(frozen=True)
class Pair:
    """What one target adds to one weight: scaling x B A.

    Attributes:
        target: the module's name in transformers, "model.layers.3.self_attn.q_proj".
        tensor: the weight's name in llama.cpp, "blk.3.attn_q.weight".
        layer: the block that it is in, or None.
        rank: r.
        scaling: the factor on B A as loaded.
        read: A and B in llama.cpp's layout, float16 or float32: (r, in) and (out, r); of experts with these in front,
            of embeddings A as (tokens, r). They are read from disk each time.
        parameters: how many numbers both hold.
    """

    target: str
    tensor: str
    layer: int | None
    rank: int
    scaling: float
    read: Callable[[], tuple[NDArray[Any], NDArray[Any]]]
    parameters: int

    @property
    def kind(self) -> str:
        """The last part of the target's name."""
        return kind_of(self.target)


@dataclass(frozen=True)
class Whole:
    """A whole adapter, ready to be written in llama.cpp's form.

    Attributes:
        source: where it came from.
        architecture: of the base model.
        pairs: what it adds, in the order of its file.
        rank_stabilised: whether its maker scaled it by the square root of the rank.
    """

    source: Path
    architecture: str
    pairs: Sequence[Pair]
    rank_stabilised: bool = False


def check_fits(target: str, tensor: str, a: tuple[int, ...], b: tuple[int, ...], base: Base) -> None:
    """Refuses what does not fit the base model.

    Args:
        target: the target's name, for the message.
        tensor: llama.cpp's name of the weight.
        a, b: the shapes of A and B in llama.cpp's layout.
        base: the model.

    Raises:
        CannotSplit: the model has no such weight, or one of another shape.
    """
    shape = base.shapes.get(tensor)
    model = base.file.path.name
    if shape is None:
        tied = " (it has its embeddings there once more)" if tensor == "output.weight" else ""
        raise CannotSplit(f"{target} is not in {model}: it has no {tensor}{tied}, so the adapter is for another model")
    if tensor == "token_embd.weight":
        if base.ties_embeddings:
            raise CannotSplit(
                f"{target}: {model} uses its embeddings as its last layer too, and llama.cpp ends when an adapter of "
                "embeddings meets that; merge it into the model, and convert that, or train it without embeddings"
            )
        added: tuple[int, ...] = (a[0], b[0])
    else:
        added = (*b[:-1], a[-1])
    if added != shape or len(a) != len(b):
        raise CannotSplit(
            f"{target} adds {_sizes(added)} numbers, and {tensor} of {model} has {_sizes(shape)}: the adapter is for "
            "another model"
        )


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
