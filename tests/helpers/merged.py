"""Whole models that adapters were merged into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM

from lora_mixer.lora_ops import Desk, Faders, Mix

#: In 4 and 8 bits the live model rounds what goes through its layers, and the merged one does not.
ROUNDED = {"LoRA on 8-bit", "LoRA on 4-bit"}


def moved(desk: Desk) -> Mix:
    """A mix in which a gain is negative and a target is silent."""
    found = desk.adapters["pirate"]
    faders = Faders(master=0.7, kinds={found.kinds[0]: -1.3}, modules={found.scalable[-1].name: 0.0})
    return Mix({"pirate": faders})


def load(folder: Path) -> Any:
    """The model as transformers itself loads it."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True).eval()
