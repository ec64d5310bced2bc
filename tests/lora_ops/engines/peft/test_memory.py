"""How much memory there is to be had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lora_mixer.lora_ops.engines.peft import memory


def test_the_processor_has_some_and_who_does_not_tell_has_none():
    free = memory.available(torch.device("cpu"))
    assert free is not None and 2**20 < free < 2**50
    assert memory.available(torch.device("meta")) is None


def test_a_container_has_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)
    whole = memory.available(torch.device("cpu"))
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert whole is not None and memory.available(torch.device("cpu")) == pytest.approx(whole, rel=0.2)
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.available(torch.device("cpu")) == 450
