"""Decoding tiny models: what each row says, and what `generate` says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from helpers import tiny

from lora_mixer.lora_ops.engines.engine import Token
from lora_mixer.lora_ops.engines.peft.decoding import decode


def decoded(
    model: Any, rows: int, generation: dict[str, Any], seed: int | Sequence[int] = 7, stop: dict[int, int] | None = None
) -> list[list[int]]:
    """What each row says; a row in `stop` is called finished when it has so many tokens."""
    said: list[list[int]] = [[] for _ in range(rows)]
    over = [False] * rows

    def hear(tokens: Mapping[int, Token]) -> list[bool]:
        assert list(tokens) == list(range(rows))
        for row, token in tokens.items():
            if not over[row]:
                said[row].append(token.id)
            over[row] = over[row] or token.last or (stop or {}).get(row) == len(said[row])
        return over

    seeds = [seed] * rows if isinstance(seed, int) else seed
    decode(model, tiny.prompt(), seeds, twelve_tokens(generation), hear)
    return said


def twelve_tokens(generation: dict[str, Any]) -> dict[str, Any]:
    return generation if "generation_config" in generation else {"max_new_tokens": 12, **generation}


def alone(model: Any, generation: dict[str, Any], seed: int = 7) -> list[int]:
    """What `generate` says to the same prompt."""
    ids = tiny.prompt()
    torch.manual_seed(seed)
    random.seed(seed)
    settings = {"attention_mask": torch.ones_like(ids), "pad_token_id": tiny.PAD, **twelve_tokens(generation)}
    return list(model.generate(input_ids=ids, **settings)[0, ids.shape[1] :].tolist())
