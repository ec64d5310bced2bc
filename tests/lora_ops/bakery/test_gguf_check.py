"""A llama-server hears whether a file is what it was baked of: near where it is, and far where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama import ADAPTERS

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.bakery.gguf_check import said_alike
from lora_mixer.lora_ops.engines.llama_server import whole


@pytest.mark.parametrize(("gain", "near"), [(0.8, True), (-1.5, False)])
def test_a_file_at_other_gains_is_heard_to_be_another(gain: float, near: bool, tmp_path: Path) -> None:
    pirate, base = ADAPTERS / "pirate", gguf_file()
    file = whole(pirate, base, tmp_path / "soft.gguf", mix=Mix({"pirate": Faders(master=gain)}))
    told = said_alike(file, {"pirate": pirate}, Mix({"pirate": Faders(master=0.8)}), base)
    off, alone = (float(told.partition(word)[2].split()[0]) for word in ("but for ", "adapter it is "))
    assert (off < 0.4 * alone) is near, told
    assert "16 tokens" in told
