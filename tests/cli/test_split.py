"""`split`: parts on disk, and what a llama-server is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.cli import main
from lora_mixer.lora_ops.engines.llama_server import read_parts


def test_an_adapter_is_split_and_the_argument_for_a_server_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "model.gguf")
    adapter = write_adapter(tmp_path / "pirate", pairs(every_module()))
    command = ["split", str(adapter), "--model", str(model), "-o", str(tmp_path / "parts")]
    assert main(command) == 0
    said = capsys.readouterr()
    parts = read_parts(tmp_path / "parts")
    assert said.out.strip() == "--lora " + ",".join(str(part.path) for part in parts)
    assert f"{len(parts)} parts of 'pirate'" in said.err
    assert main(command) == 2 and "exists already" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["target"] for one in told] == [part.target for part in parts]
    assert [one["path"] for one in told] == [str(part.path) for part in parts]


def test_what_cannot_be_split_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path / "model.gguf")
    adapter = write_adapter(tmp_path / "pirate", pairs(every_module()), use_dora=True)
    assert main(["split", str(adapter), "--model", str(model), "-o", str(tmp_path / "parts")]) == 2
    assert "DoRA" in capsys.readouterr().err and not (tmp_path / "parts").exists()
