"""A profile with a fader of every kind."""

from __future__ import annotations

from typing import Any

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.lora_ops.profiles import (
    Profile,
)

HASH = "0f" * 32


QUIET = Mix(
    {
        "pirate": Faders(
            master=0.5,
            kinds={"q_proj": 0.0},
            layers={1: 2.0},
            modules={"model.layers.0.mlp.up_proj": -1.0},
            fades={"kind:v_proj": Fade.parse("0 at 0, 1 at 40")},
        )
    }
)


def quiet(name: str = "quiet", **changes: Any) -> Profile:
    return Profile(name=name, mix=QUIET, **changes)
