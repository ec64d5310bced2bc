"""The model that a server has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.false_vllm import KEY, TARGETS, FalseVllm, write_adapter
from safetensors.numpy import save_file

from lora_mixer.lora_ops.engines.vllm.client import VLLM, Client, VllmError, listed
from lora_mixer.lora_ops.engines.vllm.served_model import ServedModel, check_all
from lora_mixer.lora_ops.engines.vllm.source import CannotServe, Source

NOWHERE = Client("http://127.0.0.1:8000")


def test_it_is_the_one_without_a_parent(server: FalseVllm, tmp_path: Path) -> None:
    server.loaded["mixer-1"] = write_adapter(tmp_path / "pirate")
    client = Client(server.url, KEY)
    found = ServedModel.of(listed(client), client, VLLM)
    assert found == ServedModel("letters", "/models/letters") and found.context == 200
    assert str(found) == "letters of /models/letters"


@pytest.mark.parametrize(
    ("told", "context", "words"),
    [
        ({"id": "a"}, None, "a"),
        ({"id": "a", "root": "a", "max_model_len": "many"}, None, "a"),
        ({"id": "a", "root": None, "parent": None, "max_model_len": 8}, 8, "a"),
    ],
)
def test_what_it_does_not_say_is_not_known(told: dict[str, Any], context: int | None, words: str) -> None:
    found = ServedModel.of([told], NOWHERE, VLLM)
    assert (found.context, str(found)) == (context, words)


def test_adapters_alone_are_no_model() -> None:
    with pytest.raises(VllmError, match="no model of its own"):
        ServedModel.of([{"id": "mixer-1", "parent": "letters"}], NOWHERE, VLLM)


def test_an_adapter_is_held_against_a_model_whose_folder_is_seen(tmp_path: Path) -> None:
    source = Source.read("pirate", write_adapter(tmp_path / "pirate"))
    assert check_all([source], tmp_path / "on another machine") == {} == check_all([source], "")
    base = tmp_path / "base"
    base.mkdir()
    write_base(base, 8)
    assert check_all([source], base)
    write_base(base, 6)
    with pytest.raises(CannotServe):
        check_all([source], base)


def write_base(folder: Path, wide: int) -> None:
    """A model whose modules have so many inputs and outputs."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    weights: dict[str, Any] = {f"{name}.weight": np.zeros((wide, wide), np.float32) for name in TARGETS}
    save_file(weights, folder / "model.safetensors")
