"""Mixes to bake, and what is in the folder afterwards."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from helpers import tiny
from peft import PeftModel
from safetensors import safe_open

from lora_mixer.lora_ops import Desk, Faders, Mix

#: Logits of the tiny models are as large as 30, float32 has seven digits.
CLOSE = 2e-5


def moved(desk: Desk, adapter: str = "pirate") -> Mix:
    """A mix in which every sort of fader does something, a gain is negative, and a target is silent."""
    found = desk.adapters[adapter]
    faders = Faders(
        master=0.7,
        kinds={found.kinds[0]: -1.3},
        layers={layer: 0.5 * (layer + 1) for layer in found.layers},
        modules={found.scalable[-1].name: 0.0},
    )
    return Mix({adapter: faders})


def stock(folder: Path, base: Any) -> Any:
    """The adapter as PEFT itself loads it onto a fresh base model; it must know every tensor, and miss none."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, str(folder)).eval()
    assert not [str(one.message) for one in told if "adapter keys" in str(one.message)]
    return model


def keys(folder: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(str(folder / "adapter_model.safetensors"), "pt") as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118


def config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "adapter_config.json").read_text())


BOTH = ["pirate", "poet"]


def mixed(desk: Desk) -> Mix:
    """Both adapters moved, one target by target; the other's sign turned on one layer."""
    pirate = Faders(master=0.8, kinds={"q_proj": 1.5}, modules={desk.adapters["pirate"].scalable[-1].name: 0.0})
    return Mix({"pirate": pirate, "poet": Faders(master=0.4, layers={1: -1.5})})


def same_rank() -> Any:
    """Two adapters of one rank on the same targets, with patterns nowhere: what every combination takes."""
    model = tiny.pirate(target_modules=["q_proj", "v_proj", "up_proj"])
    return tiny.add(model, tiny.lora(lora_alpha=3, target_modules=["q_proj", "v_proj", "up_proj"]), "poet")
