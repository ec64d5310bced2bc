"""A real llama-server for the tests that need one, started once; and a small model for those that only write files."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama import llama, split_adapters, whole_llama
from helpers.tiny_gguf import write_model

__all__ = ["llama", "split_adapters", "whole_llama"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")
