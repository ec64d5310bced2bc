"""A small adapter on disk, as it should be or with any wrong in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    WEIGHTS,
)

MODULE = "model.layers.0.self_attn.q_proj"


GOOD: dict[str, Any] = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "bias": "none"}


def tensors(module: str = MODULE, rank: int = 2) -> dict[str, np.ndarray]:
    prefix = f"base_model.model.{module}"
    return {
        f"{prefix}.lora_A.weight": np.ones((rank, 32), dtype=np.float32),
        f"{prefix}.lora_B.weight": np.ones((16, rank), dtype=np.float32),
    }


def written(folder: Path, config: Any = None, weights: Any = None, **changes: Any) -> Path:
    """An adapter on disk; text and bytes are written as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {**GOOD, **changes} if config is None else config
    (folder / CONFIG).write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    if isinstance(weights, bytes):
        (folder / WEIGHTS).write_bytes(weights)
    else:
        save_file(tensors() if weights is None else weights, folder / WEIGHTS, {"format": "pt", "note": "ahoy"})
    return folder


def names(entries: Any) -> list[str]:
    return [entry.name for entry in entries]
