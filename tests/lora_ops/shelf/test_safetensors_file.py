"""Files of weights, read without the package that wrote them, are what that package reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from lora_mixer.lora_ops.shelf import header as header_of
from lora_mixer.lora_ops.shelf.adapter_config import AdapterFileError
from lora_mixer.lora_ops.shelf.safetensors_file import SafeTensors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    numbers = torch.randn(5, 3) * torch.tensor([1e-30, 1.0, 1e30])
    tensors = {str(dtype): numbers.to(dtype) for dtype in (torch.float32, torch.bfloat16, torch.float64)}
    tensors |= {"half": torch.randn(4).half(), "empty": torch.zeros(0, 7), "whole": torch.arange(3)}
    save_file(tensors, tmp_path / "weights.safetensors", {"made": "for a test"})
    return tmp_path / "weights.safetensors"


def test_numbers_and_header_are_those_of_the_package(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file

    file, wanted = SafeTensors.open(path), load_file(path)
    for name in ("torch.float32", "torch.bfloat16", "half", "empty"):
        assert torch.equal(torch.from_numpy(file.read(name)).float(), wanted[name].float()), name
    assert torch.equal(torch.from_numpy(file.read("torch.float64")), wanted["torch.float64"].float())
    theirs = header_of.read_header(path, path.stat().st_size)
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    ours = header_of.read_header(path, path.stat().st_size)
    assert ours == theirs and ours[1] == {"made": "for a test"}
    with pytest.raises(ValueError, match="stored as I64"):
        file.read("whole")
    with pytest.raises(ValueError, match="holds no other"):
        file.read("other")


def test_a_file_that_is_cut_off_or_longer_than_it_says_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for cut in [*range(0, len(data), 7), len(data) - 1]:
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError):
            SafeTensors.open(path)
    path.write_bytes(data + b"x")
    with pytest.raises(ValueError, match="its tensors end at"):
        SafeTensors.open(path)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"x": 3},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        {"x": {"dtype": "F32", "shape": [1]}},
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "xy"},
    ],
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: Any) -> None:
    text = json.dumps(header).encode()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(ValueError):
        SafeTensors.open(path)
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(AdapterFileError, match="damaged or cut off"):
        header_of.read_header(path, path.stat().st_size)
