"""What is advised after the adapter "pirate", and the first line of it about a setting."""

from __future__ import annotations

from math import log
from typing import Any

from lora_mixer.lora_ops import Advice, Curve, Desk, Faders, Mix, NextTraining, recipe, spectrum
from lora_mixer.lora_ops.lab.curves import Point


def made(model: Any, mix: Mix | None = None, **more: Any) -> NextTraining:
    """The recipe out of a live model; `more` as `recipe` takes it."""
    desk = Desk(model)
    return recipe(spectrum(desk), desk.adapters["pirate"], mix, **more)


def line(found: NextTraining, of: str) -> Advice:
    """The first line about a setting."""
    return next(one for one in found.lines if one.of == of)


def curve(label: str, perplexities: dict[float, float]) -> Curve:
    """One that was measured over these gains, or ranks."""
    points = [Point(gain, -log(one), one, divergence=0.0, agreement=1.0) for gain, one in perplexities.items()]
    return Curve(label, tuple(points), 50)


def heard(**faders: Any) -> Mix:
    """Where the faders stand."""
    return Mix({"pirate": Faders(**faders)})
