"""Baking from folders by numpy alone says what baking by torch says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter
from safetensors.numpy import load_file

from lora_mixer.lora_ops import (
    AdapterWeights,
    Faders,
    Mix,
    Recipe,
    bake_weights,
    combine_weights,
    read_weights,
    resize_weights,
    spectrum_weights,
)
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf import adapter_weights

MIX = Mix({"pirate": Faders(master=0.7, kinds={"q_proj": 0.0, "up_proj": -2.0}, layers={1: 1.5})})


@pytest.fixture(params=["plain", "stabilised", "patterned", "float16"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    dtype = np.float16 if request.param == "float16" else np.float32
    weights = pairs(every_module(), dtype=dtype)
    config: dict[str, Any] = {}
    if request.param == "stabilised":
        config = {"use_rslora": True}
    if request.param == "patterned":
        weights |= pairs({"model.layers.1.mlp.up_proj": every_module()["model.layers.1.mlp.up_proj"]}, rank=2)
        config = {"rank_pattern": {"layers.1.mlp.up_proj": 2}, "alpha_pattern": {"k_proj": 3.0}}
    return write_adapter(tmp_path / "pirate", weights, **{"target_modules": ["q_proj"], **config})


def without_torch(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> list[AdapterWeights]:
    with monkeypatch.context() as patch:
        patch.setattr(adapter_weights, "has_torch", lambda: False)
        parts = [read_weights(folder) for folder in folders]
    assert all(isinstance(one, np.ndarray) for weights in parts for one in weights.tensors.values())
    return parts


def adds(folder: Path) -> dict[str, Any]:
    """scaling x B A of every target of an adapter."""
    tensors = load_file(folder / "adapter_model.safetensors")
    weights = read_weights(folder)
    found = {}
    for target in weights.targets:
        first, second = weights.pair(target)
        found[target.name] = target.scaling * tensors[second].astype(np.float64) @ tensors[first].astype(np.float64)
    return found


def assert_alike(one: Path, other: Path, tolerance: float = 1e-5) -> None:
    first, second = adds(one), adds(other)
    assert first.keys() == second.keys()
    for name, wanted in first.items():
        np.testing.assert_allclose(second[name], wanted, rtol=0, atol=tolerance * abs(wanted).max(), err_msg=name)
    configs = [(folder / "adapter_config.json").read_text("utf-8") for folder in (one, other)]
    assert configs[0] == configs[1]


def rounding(folder: Path) -> float:
    """What the type of its numbers cannot tell apart, and sums of a few of them."""
    kinds = {tensor.dtype for tensor in load_file(folder / "adapter_model.safetensors").values()}
    return 4e-3 if np.dtype(np.float16) in kinds else 1e-5


def test_a_mix_is_folded_alike(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bake_weights(read_weights(folder), MIX, tmp_path, "by-torch")
    bake_weights(without_torch(monkeypatch, folder)[0], MIX, tmp_path, "by-numpy")
    assert_alike(tmp_path / "by-torch", tmp_path / "by-numpy", rounding(folder))


def test_gains_go_into_alpha_alike(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bake_weights(read_weights(folder), MIX, tmp_path, "by-torch", "patterned")
    bake_weights(without_torch(monkeypatch, folder)[0], MIX, tmp_path, "by-numpy", "patterned")
    assert_alike(tmp_path / "by-torch", tmp_path / "by-numpy", 1e-7)


@pytest.mark.parametrize("recipe", [Recipe("cat"), Recipe("cat", uniform=False), Recipe("svd", rank=3)], ids=str)
def test_several_become_one_alike(
    recipe: Recipe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_adapter(tmp_path / "poet", pairs(every_module(), rank=3, seed=5))
    combine_weights([read_weights(folder), read_weights(other)], MIX, tmp_path, "by-torch", recipe)
    combine_weights(without_torch(monkeypatch, folder, other), MIX, tmp_path, "by-numpy", recipe)
    assert_alike(tmp_path / "by-torch", tmp_path / "by-numpy", rounding(folder))


@pytest.mark.parametrize("keep", [{"rank": 2}, {"energy": 0.8}, {"energy": 0.8, "uniform": True}], ids=str)
def test_an_adapter_is_resized_alike(
    keep: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_torch = resize_weights([read_weights(folder)], MIX, tmp_path, "by-torch", **keep)
    by_numpy = resize_weights(without_torch(monkeypatch, folder), MIX, tmp_path, "by-numpy", **keep)
    assert by_torch.ranks == by_numpy.ranks and by_torch.kept == pytest.approx(by_numpy.kept, abs=1e-9)
    assert_alike(tmp_path / "by-torch", tmp_path / "by-numpy", rounding(folder))


def test_the_spectrum_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_torch = spectrum_weights([read_weights(folder)]).targets["pirate"]
    by_numpy = spectrum_weights(without_torch(monkeypatch, folder)).targets["pirate"]
    for name, values in by_torch.items():
        np.testing.assert_allclose(by_numpy[name], values, rtol=1e-5, atol=1e-9)


def test_a_type_is_chosen_by_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [weights] = without_torch(monkeypatch, folder)
    bake_weights(weights, MIX, tmp_path, "half", writing=Writing(dtype="float16"))
    tensors = load_file(tmp_path / "half" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float16)}
    with pytest.raises(ValueError, match="bfloat16 is written by PyTorch alone"):
        bake_weights(weights, MIX, tmp_path, "bf", writing=Writing(dtype="bfloat16"))
    assert not (tmp_path / "bf").exists()
