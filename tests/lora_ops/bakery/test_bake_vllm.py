"""Baking what is heard on a vLLM server, out of the folders that its mixes are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import false_vllm
from helpers.false_vllm import TARGETS
from safetensors.numpy import load_file

from lora_mixer.lora_ops import Desk, Faders, Mix, Recipe, bake, combine
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.engines import vllm

MIX = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 2.0}), "butler": Faders(master=-1.5)})


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("lora_mixer.lora_ops.engines.vllm.stock._GRACE", 0.0)
    folders = {name: false_vllm.write_adapter(tmp_path / name, seed) for seed, name in enumerate(("pirate", "butler"))}
    with false_vllm.serving() as state:
        engine = vllm.connect(state.url, folders, tmp_path / "shared", key=false_vllm.KEY)
        yield Desk(engine)
        engine.close()


def added(folder: Path, target: str, scaling: float) -> np.ndarray:
    tensors = load_file(folder / "adapter_model.safetensors")
    a, b = (tensors[f"base_model.model.{target}.lora_{part}.weight"] for part in "AB")
    return scaling * b @ a


def gain(name: str, target: str, desk: Desk) -> float:
    return MIX.gain(next(one for one in desk.adapters[name].targets if one.name == target))


def test_what_is_baked_adds_what_the_mix_says(desk: Desk, tmp_path: Path) -> None:
    made = bake(desk, MIX, "pirate", tmp_path, "softer", writing=Writing())
    assert made.numbers_off is not None and made.numbers_off < 1e-6
    for target in TARGETS:
        wanted = gain("pirate", target, desk) * added(tmp_path / "pirate", target, 2.0)
        if wanted.any():
            np.testing.assert_allclose(added(made.folder, target, 1.0), wanted, rtol=1e-5, atol=1e-6)


def test_several_become_one_that_adds_what_they_add_together(desk: Desk, tmp_path: Path) -> None:
    made = combine(desk, MIX, ["pirate", "butler"], tmp_path, "both", Recipe(), writing=Writing())
    for target in TARGETS:
        wanted = sum(gain(name, target, desk) * added(tmp_path / name, target, 2.0) for name in ("pirate", "butler"))
        np.testing.assert_allclose(added(made.folder, target, 1.0), wanted, rtol=1e-5, atol=1e-5)


def test_a_folder_that_has_changed_since_is_refused(desk: Desk, tmp_path: Path) -> None:
    other = false_vllm.write_adapter(tmp_path / "other", seed=9) / "adapter_model.safetensors"
    (tmp_path / "pirate" / "adapter_model.safetensors").write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match="is not what 'pirate' was loaded from any more"):
        bake(desk, MIX, "pirate", tmp_path, "softer", writing=Writing())
    assert not (tmp_path / "softer").exists()
