"""Adapters as PEFT saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers import tiny


def saved(folder: Path, config: Any = None, model: Any = None, name: str = "pirate") -> Path:
    """An adapter of random weights, in a folder of that name."""
    tiny.add(model or tiny.llama(), config or tiny.lora(), name).save_pretrained(folder)
    return folder / name
