"""`impact` and `loudness` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command_line import answer

from lora_mixer.cli.exits import MISUSED
from lora_mixer.lora_ops import Mix


def test_impact_tells_and_saves_a_mix(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ten = tmp_path / "three.json"
    argv = ["impact", shelf / "loras" / "pirate", "--model", shelf / "model", "--text", "Ahoy there"]
    told = json.loads(answer(capsys, *argv, "--keep-top", "3", "--save", ten, "--json"))
    assert len(told["targets"]["pirate"]) == 14 and told["complete"]
    mix = Mix.from_dict(json.loads(ten.read_text()))
    assert sum(gain == 0 for gain in mix["pirate"].modules.values()) == 11
    assert "pirate: kind" in answer(capsys, *argv, "--by", "kind")
    baked = json.loads(answer(capsys, "bake", argv[1], "-o", tmp_path / "three", "-m", ten, "--drop-silent", "--json"))
    assert (baked["targets"], baked["silent"]) == (3, 11) and baked["dropped"]
    said = answer(capsys, "bake", argv[1], "-o", tmp_path / "again", "-m", ten, "--drop-silent")
    assert "3, without 11 silent ones" in said
    assert "3, without 11 silent ones" in (tmp_path / "again" / "README.md").read_text()
    assert "14, of which 11 were silent" in answer(capsys, "bake", argv[1], "-o", tmp_path / "whole", "-m", ten)


def test_an_estimate_is_marked_as_one_with_its_error(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["impact", shelf / "loras" / "pirate", "--model", shelf / "model", "--text", "Ahoy there", "--estimate"]
    told = json.loads(answer(capsys, *argv, "--probes", "4", "--json"))
    assert told["probes"] == 4 and set(told["targets"]["pirate"]) == set(told["target_errors"]["pirate"])
    assert len(told["targets"]["pirate"]) == 14
    said = answer(capsys, *argv, "--by", "kind")
    assert "nats, estimated" in said and "±" in said and "pirate: layer" not in said
    refused = answer(capsys, *argv, "--keep-top", "3", "--save", tmp_path / "three.json", status=MISUSED)
    assert "leave out --estimate" in refused and not (tmp_path / "three.json").exists()


def test_loudness_tells_each_part(shelf: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["loudness", shelf / "loras" / "pirate", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *argv, "--json"))
    assert len(told["targets"]["pirate"]) == 14 and len(told["kinds"]["pirate"]) == 7
    half = json.loads(answer(capsys, *argv, "--json", "--gain", "0.5"))
    for name, value in told["targets"]["pirate"].items():
        assert half["targets"]["pirate"][name] == pytest.approx(value / 2)
    assert "pirate: layer" in answer(capsys, *argv)
