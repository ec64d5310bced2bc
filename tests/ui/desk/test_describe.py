"""Mixes in a few words."""

from __future__ import annotations

import pytest

from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.ui.desk.describe import describe


@pytest.mark.parametrize(
    ("faders", "words"),
    [
        (Faders(), "as loaded"),
        (Faders(on=False, master=0.5), "off"),
        (Faders(master=0.5), "×0.5"),
        (Faders(kinds={"q_proj": 0.0}), "1 fader"),
        (Faders(master=0.5, rank=4), "×0.5 and rank 4"),
        (Faders(energy=0.9), "90 % energy"),
        (Faders(fades={"master": Fade(((0, 0.0), (9, 1.0)))}, master=2), "1 fade"),
        (Faders(master=2, kinds={"q_proj": 0.0}, fades={"layer:3": Fade(((0, 0.0),))}), "×2, 1 fader and 1 fade"),
        (Faders(master=2, kinds={"q_proj": 0.0}, layers={3: 2.0, 4: 1.0}), "×2 and 2 faders"),
    ],
)
def test_a_mix_is_described_by_what_it_moves(faders: Faders, words: str) -> None:
    assert describe(Mix({"pirate": faders}), ["pirate", "butler"]) == f"pirate {words}, butler as loaded"


def test_a_mix_of_nothing_is_no_adapter() -> None:
    assert describe(Mix(), []) == "no adapter"
