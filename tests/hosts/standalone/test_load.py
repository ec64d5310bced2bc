"""Loading for the standalone host: any local model with its adapters, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import standalone_tiny
from standin.textgen_model import save_adapter, tiny_model

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone import load as standalone_load
from lora_mixer.hosts.standalone.load import Start


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return standalone_tiny.tokenizer()


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Path:
    save_adapter(tmp_path / "pirate")
    return tmp_path / "pirate"


def test_any_local_model_with_its_adapters(model_folder: Path, adapter_folder: Path, tmp_path: Path) -> None:
    save_adapter(tmp_path / "butler", rank=2, seed=2)
    adapters = standalone_load.name_adapters([adapter_folder, tmp_path / "butler"])
    said: list[str] = []
    loaded = standalone_load.load(Start(tmp_path, model_folder, adapters), lambda text, part=None: said.append(text))
    assert loaded.model.active_adapters == ["pirate", "butler"]
    assert loaded.model.dtype == torch.float32 and not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert said == ["Loading tiny …", "Loading the adapter pirate …", "Loading the adapter butler …"]


def test_adapter_names_are_unique_and_fit_for_peft(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "v1.5 best", tmp_path / "b" / "v1.5 best", tmp_path / "..."]
    assert list(standalone_load.name_adapters(folders)) == ["v1_5_best", "v1_5_best-2", "adapter"]


def test_the_demo_adapters_come_with_the_one_to_hear_first(tmp_path: Path) -> None:
    for name in ("butler", "pirate", "admiral"):
        (tmp_path / "demo" / "adapters" / name).mkdir(parents=True)
        (tmp_path / "demo" / "adapters" / name / "adapter_config.json").write_text("{}")
    assert list(standalone_load.demo_adapters(tmp_path)) == ["pirate", "admiral", "butler"]


def test_an_adapter_of_another_shape_is_refused_with_tensor_and_shape(adapter_folder: Path) -> None:
    narrow = tiny_model()
    narrow.resize_token_embeddings(50)
    config = narrow.config.to_dict() | {"intermediate_size": 48}
    other = type(narrow)(type(narrow.config).from_dict(config))
    with pytest.raises(HostError, match=r"pirate.*(up|gate|down)_proj.*64.*48"):
        standalone_load.add_adapter(other, "pirate", adapter_folder)


def test_an_adapter_for_more_layers_is_refused(adapter_folder: Path) -> None:
    model = tiny_model()
    model.model.layers = model.model.layers[:1]
    with pytest.raises(HostError, match=r"pirate.*this model has 1"):
        standalone_load.add_adapter(model, "pirate", adapter_folder)


def test_an_adapter_for_other_modules_is_refused(adapter_folder: Path) -> None:
    config = json.loads((adapter_folder / "adapter_config.json").read_text())
    (adapter_folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["c_attn"]}))
    with pytest.raises(
        HostError, match=r"pirate.*does not fit.*which target_modules in its adapter_config.json does not name"
    ):
        standalone_load.add_adapter(tiny_model(), "pirate", adapter_folder)


def test_pickles_are_refused(model_folder: Path, adapter_folder: Path, tmp_path: Path) -> None:
    (adapter_folder / "adapter_model.safetensors").rename(adapter_folder / "adapter_model.bin")
    with pytest.raises(HostError, match="pickle"):
        standalone_load.check_adapter(adapter_folder)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(HostError, match="pickle"):
        standalone_load.check_model(tmp_path / "model")


def test_an_unknown_device_is_named(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="abacus"):
        standalone_load.load(Start(tmp_path, model_folder, device="abacus"), lambda text, part=None: None)
