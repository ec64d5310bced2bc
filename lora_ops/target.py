"""Adapters and their targets as plain facts: what there is to mix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

#: The names that transformers' models give to the list of their decoder blocks.
_BLOCKS = re.compile(r"(?:^|\.)(?:layers?|h|blocks?|decoder_layers)\.(\d+)(?=\.|$)")
#: Parts of a multimodal or encoder-decoder model whose numbered blocks are not decoder blocks.
_NOT_THE_DECODER = re.compile(
    r"(?:^|\.)(?:vision\w*|visual|audio\w*|encoder|image\w*|multi_modal\w*|connector|\w*resampler|\w*projector)\."
)


@dataclass(frozen=True, slots=True)
class Target:
    """One module that one adapter adapts.

    Attributes:
        adapter: the PEFT name of the adapter.
        name: the module's path in the base model, `model.layers.3.self_attn.q_proj`.
        layer: the index of the decoder block it sits in, or None (embeddings, `lm_head`, other towers).
        kind: the last part of its name, `q_proj`.
        rank: r of this target, 0 where the method has none.
        alpha: alpha of this target, 0 where the method has none.
        scaling: the factor on the adapter's output as loaded, 0 where there is none.
        scalable: whether the desk can move it.
        reason: why not, in one sentence; empty when it can.
        modules: how many modules it stands for: several where an engine has one fader for them.
    """

    adapter: str
    name: str
    layer: int | None
    kind: str
    rank: int
    alpha: float
    scaling: float
    scalable: bool
    reason: str = ""
    modules: int = 1


@dataclass(frozen=True)
class Adapter:
    """One PEFT adapter that is loaded in the model.

    Attributes:
        name: its PEFT name.
        method: "lora", "dora", "loha", "lokr", or the PEFT name of another tuner in lower case.
        targets: what it adapts, in the order of the model.
        parameters: how many numbers it holds.
        share: that, as a fraction of the base model's parameters.
        rank_stabilised: whether scaling is alpha / sqrt(r) (rsLoRA, arXiv:2312.03732) instead of alpha / r.
    """

    name: str
    method: str
    targets: tuple[Target, ...]
    parameters: int
    share: float
    rank_stabilised: bool = False

    @cached_property
    def scalable(self) -> tuple[Target, ...]:
        """The targets that have a fader."""
        return tuple(target for target in self.targets if target.scalable)

    @cached_property
    def largest_scaling(self) -> float:
        """The largest as-loaded scaling of a scalable target, whatever its sign; 0 if there is none."""
        return max((abs(target.scaling) for target in self.scalable), default=0.0)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the scalable targets, in the order of the model."""
        return tuple(dict.fromkeys(target.kind for target in self.scalable))

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """The layers of the scalable targets, ascending."""
        return tuple(sorted({target.layer for target in self.scalable if target.layer is not None}))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the scalable targets."""
        return frozenset(target.name for target in self.scalable)


def layer_of(name: str) -> int | None:
    """The index of the decoder block in a module path, or None when it sits in none.

    >>> layer_of("model.layers.3.self_attn.q_proj"), layer_of("transformer.h.11.attn.c_attn"), layer_of("lm_head")
    (3, 11, None)
    """
    if _NOT_THE_DECODER.search(name):
        return None
    found = _BLOCKS.search(name)
    return int(found.group(1)) if found else None


def kind_of(name: str) -> str:
    """The last part of a module path.

    >>> kind_of("model.layers.3.self_attn.q_proj")
    'q_proj'
    """
    return name.rpartition(".")[2]
