"""A mix as an adapter on disk: stock PEFT plays what the mix says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.false_vllm import TARGETS, write_adapter
from safetensors.numpy import load_file

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines.vllm.source import CannotServe, Source
from lora_mixer.lora_ops.engines.vllm.written_mix import is_silent, write_mix


def added(folder: Path, factor: float = 1.0) -> dict[str, np.ndarray]:
    """What an adapter adds to each module, times its scaling."""
    tensors = load_file(folder / "adapter_model.safetensors")
    names = {name.rpartition(".lora_")[0] for name in tensors}
    return {
        name.removeprefix("base_model.model."): factor
        * (tensors[f"{name}.lora_B.weight"].astype(np.float64) @ tensors[f"{name}.lora_A.weight"])
        for name in names
    }


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    return [
        Source.read(name, write_adapter(tmp_path / name, seed, rank))
        for seed, (name, rank) in enumerate({"pirate": 3, "butler": 2}.items())
    ]


def written(sources: list[Source], mix: Mix, folder: Path, most_rank: int | None = None) -> dict[str, np.ndarray]:
    folder.mkdir()
    write_mix(sources, mix, folder, most_rank)
    return added(folder)


def test_gains_are_folded_in_and_adapters_add_up(sources: list[Source], tmp_path: Path) -> None:
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}), "butler": Faders(master=-2.0, layers={1: 0.0})})
    found = written(sources, mix, tmp_path / "mix")
    one, two = (added(source.files.folder, 2.0) for source in sources)
    for name in TARGETS:
        wanted = (0 if "q_proj" in name else 0.5) * one[name] + (0 if ".1." in name else -2.0) * two[name]
        np.testing.assert_allclose(found.get(name, np.zeros((8, 8))), wanted, atol=1e-5)
    assert not is_silent(sources, mix)
    assert is_silent(sources, Mix({name: Faders(on=False) for name in ("pirate", "butler")}))


@pytest.mark.parametrize("faders", [Faders(rank=1), Faders(energy=0.6)])
def test_the_strongest_components_are_those_of_the_formed_product(
    sources: list[Source], tmp_path: Path, faders: Faders
) -> None:
    found = written(sources[:1], Mix({"pirate": faders}), tmp_path / "mix")
    for name, whole in added(sources[0].files.folder, 2.0).items():
        u, values, v = np.linalg.svd(whole)
        shares = np.cumsum(values**2) / np.sum(values**2)
        count = faders.rank or int(np.argmax(shares >= 0.6)) + 1
        np.testing.assert_allclose(found[name], (u[:, :count] * values[:count]) @ v[:count], atol=1e-5)


def test_a_limit_keeps_the_nearest_of_that_rank(sources: list[Source], tmp_path: Path) -> None:
    found = written(sources, Mix(), tmp_path / "mix", most_rank=2)
    one, two = (added(source.files.folder, 2.0) for source in sources)
    for name in TARGETS:
        u, values, v = np.linalg.svd(one[name] + two[name])
        np.testing.assert_allclose(found[name], (u[:, :2] * values[:2]) @ v[:2], atol=1e-5)


def test_one_rank_holds_for_all(sources: list[Source], tmp_path: Path) -> None:
    written(sources, Mix({"butler": Faders(kinds={"q_proj": 0.0})}), tmp_path / "mix")
    tensors = load_file(tmp_path / "mix" / "adapter_model.safetensors")
    assert {tensor.shape[0] for name, tensor in tensors.items() if "lora_A" in name} == {5}


def test_adapters_for_different_models_do_not_add_up(sources: list[Source], tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = sources[1].files.folder / "adapter_model.safetensors"
    wider = {
        name: np.ones((len(one), 9), np.float32) if "lora_A" in name else one for name, one in load_file(path).items()
    }
    save_file(wider, path)
    other = Source.read("butler", sources[1].files.folder)
    (tmp_path / "mix").mkdir()
    with pytest.raises(CannotServe, match="different models"):
        write_mix([sources[0], other], Mix(), tmp_path / "mix")
