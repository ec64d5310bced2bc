"""An adapter as one GGUF file, with a mix in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_gguf import every_module, pairs, what_a_file_adds, write_adapter

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.lora_ops.engines.llama_server import whole


def test_a_mix_goes_into_the_file(model: Path, tmp_path: Path) -> None:
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 3.0})})
    plain = what_a_file_adds(whole(folder, model, tmp_path / "plain.gguf"))
    mixed = what_a_file_adds(whole(folder, model, tmp_path / "mixed.gguf", mix=mix))
    for name, one in plain.items():
        gain = 0.0 if "attn_q" in name else 1.5 if ".1." in name else 0.5
        np.testing.assert_allclose(mixed[name], gain * one, rtol=1e-5, atol=1e-5, err_msg=name)
    half = what_a_file_adds(whole(folder, model, tmp_path / "half.gguf", mix=mix, dtype="float16"))
    for name, one in mixed.items():
        np.testing.assert_allclose(half[name], one, rtol=0.02, atol=0.02)


def test_a_mix_that_cannot_go_into_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    wrong = {
        "fades": Mix({"pirate": Faders(fades={"master": Fade(((0, 1.0), (4, 0.0)))})}),
        "x_proj": Mix({"pirate": Faders(kinds={"x_proj": 0.5})}),
    }
    for match, mix in wrong.items():
        with pytest.raises(ValueError, match=match):
            whole(folder, model, tmp_path / "mixed.gguf", mix=mix)
    loud = Mix({"pirate": Faders(kinds={"q_proj": 1e6})})
    with pytest.raises(ValueError, match="too large for float16"):
        whole(folder, model, tmp_path / "mixed.gguf", mix=loud, dtype="float16")
    assert [path for path in tmp_path.iterdir() if "mixed" in path.name] == []
