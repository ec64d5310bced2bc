"""Which samplers may be run on all rows at once."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import transformers

#: Samplers of transformers that look at each row by itself, remember nothing and roll no dice.
_TOGETHER = frozenset(
    {
        "EpsilonLogitsWarper",
        "EtaLogitsWarper",
        "InfNanRemoveLogitsProcessor",
        "LogitNormalization",
        "MinLengthLogitsProcessor",
        "MinNewTokensLengthLogitsProcessor",
        "MinPLogitsWarper",
        "NoBadWordsLogitsProcessor",
        "NoRepeatNGramLogitsProcessor",
        "RepetitionPenaltyLogitsProcessor",
        "SequenceBiasLogitsProcessor",
        "SuppressTokensAtBeginLogitsProcessor",
        "SuppressTokensLogitsProcessor",
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
        "TypicalLogitsWarper",
    }
)


def works_together(samplers: Iterable[transformers.LogitsProcessor]) -> bool:
    """Whether all of these say of several rows at once what they say of each row alone.

    Anybody else's samplers do not count: each row gets a copy of them, and dice of its own.
    """
    return all(_is_one(type(sampler)) for sampler in samplers)


def holds_a_row(sampler: transformers.LogitsProcessor) -> bool:
    """Whether it may have been made for a batch of one: it holds a tensor that is one long."""
    return any(
        isinstance(value, torch.Tensor) and value.dim() > 0 and value.shape[0] == 1 for value in vars(sampler).values()
    )


def _is_one(kind: type) -> bool:
    return kind.__name__ in _TOGETHER and kind.__module__ == "transformers.generation.logits_process"
