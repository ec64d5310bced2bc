"""A and B of one target as llama.cpp adds them, whichever kind of file they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
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
        more: other weights that it is for, by llama.cpp's names: A is that of each, and B's rows are shared out among
            all of them in equal blocks (gate and up of experts, which are one parameter in transformers).
    """

    target: str
    tensor: str
    layer: int | None
    rank: int
    scaling: float
    read: Callable[[], tuple[NDArray[Any], NDArray[Any]]]
    parameters: int
    more: tuple[str, ...] = ()

    @property
    def tensors(self) -> tuple[str, ...]:
        """All weights that it is for, in the order of B's rows."""
        return (self.tensor, *self.more)

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


def joined(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs of the same target as one, which is for the weights of all of them: their A is the same."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.target, []).append(pair)
    return [own[0] if len(own) == 1 else _joined(own) for own in groups.values()]


def _joined(pairs: Sequence[Pair]) -> Pair:
    def read() -> tuple[NDArray[Any], NDArray[Any]]:
        import numpy as np

        numbers = [pair.read() for pair in pairs]
        return numbers[0][0], np.concatenate([b for _, b in numbers], axis=-2)

    more = tuple(tensor for pair in pairs for tensor in pair.tensors)[1:]
    return replace(pairs[0], read=read, more=more)


#: Weights of multi-head latent attention (DeepSeek and others), which llama.cpp multiplies by with no look at adapters:
#: a server took files for them, and played as if there were none.
_DEAF = frozenset(["attn_q_a", "attn_q_b", "attn_kv_a_mqa", "attn_kv_b", "attn_k_b", "attn_v_b"])


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
    weight = tensor.removesuffix(".weight").rpartition(".")[2]
    deaf = weight in _DEAF or (weight == "attn_q" and base.architecture == "deepseek2")
    if deaf and base.shapes.keys() & {tensor, tensor.replace("attn_kv_b", "attn_k_b")}:
        raise CannotSplit(
            f"{target} belongs to the latent attention of {model}, where llama.cpp hears no adapter; train it without "
            "such modules, or merge it into the model, and convert that"
        )
    if shape is None and (fused := _fused(tensor)) in base.shapes:
        raise CannotSplit(
            f"{target} is a part of {fused} in {model}, a file that was made with weights put together; make one "
            "without (llama.cpp's converter does where it is given no --fuse-…)"
        )
    if shape is None and tensor == "output.weight":
        raise CannotSplit(
            f"{target}: {model} has its embeddings there once more, and llama.cpp no weight of its own that an adapter "
            "could be for; merge it into the model, and convert that, or train it without that module"
        )
    if shape is None:
        raise CannotSplit(f"{target} is not in {model}: it has no {tensor}, so the adapter is for another model")
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
        if added[::-1] == shape and base.architecture == "gpt2":
            raise CannotSplit(
                f"{target} is turned round, as llama.cpp's converter leaves adapters of GPT-2: split the PEFT "
                "adapter's folder instead"
            )
        raise CannotSplit(
            f"{target} adds {_sizes(added)} numbers, and {tensor} of {model} has {_sizes(shape)}: the adapter is for "
            "another model"
        )


def _fused(tensor: str) -> str:
    """The weight that a GGUF file may have in place of this one and others."""
    return re.sub(r"\.attn_[qkv]\.", ".attn_qkv.", re.sub(r"ffn_(gate|up)_exps", "ffn_gate_up_exps", tensor))


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
