"""A model without weights, by which weights are saved as a model of their own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from .generation_settings import GenerationSettings


def skeleton_of(base: Any, state: Mapping[str, torch.Tensor]) -> Any:
    """A model of the same class without weights, PEFT or quantisation, which knows how its state is saved.

    Raises:
        ValueError: the state is not that of such a model: the base is packed in a way that is not known here.
    """
    config = copy.deepcopy(base.config)
    for field in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(config, field):
            delattr(config, field)
    inputs, outputs = base.get_input_embeddings(), base.get_output_embeddings()
    tied = getattr(config.get_text_config(), "tie_word_embeddings", False)
    if tied and inputs is not None and outputs is not None and not _still_tied(state):
        config.get_text_config().tie_word_embeddings = config.tie_word_embeddings = False
    with torch.device("meta"):
        skeleton = type(base)(config)
    first = next(one for one in state.values() if one.is_floating_point())
    skeleton = skeleton.to(first.dtype)
    skeleton.generation_config = GenerationSettings(getattr(base, "generation_config", None))
    if hasattr(base, "_weight_conversions"):
        skeleton._weight_conversions = base._weight_conversions
    wanted = set(skeleton.state_dict())
    if odd := (wanted ^ set(state)):
        raise ValueError(
            f"the base model's weights are packed or wrapped in a way that cannot be merged: {sorted(odd)[0]} "
            "is missing or not known; load the model unquantised, or in 4 or 8 bits by bitsandbytes"
        )
    return skeleton


def _still_tied(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether input and output embeddings are the same numbers still; what is tied stands in both places."""
    heads = [one for name, one in state.items() if name.endswith(("lm_head.weight", "embed_out.weight"))]
    embeddings = [
        one for name, one in state.items() if name.endswith(("embed_tokens.weight", "wte.weight", "embed_in.weight"))
    ]
    return not heads or not embeddings or torch.equal(heads[0], embeddings[0])
