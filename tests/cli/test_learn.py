"""`learn` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command_line import answer

from lora_mixer.cli.exits import MISUSED
from lora_mixer.lora_ops import Mix


def test_learn_tells_what_the_mix_is_worth_and_saves_it(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, out = tmp_path / "wanted.jsonl", tmp_path / "mix.json"
    file.write_text("\n".join(json.dumps({"prompt": f"Ahoy {at}", "completion": "the sea " * 6}) for at in range(8)))
    argv = ["learn", shelf / "loras" / "pirate", "--model", shelf / "model", "--examples", file]
    told = json.loads(answer(capsys, *argv, "--over", "masters", "--over", "kinds", "--save", out, "--json"))
    assert len(told["held_out"]) == 2 and told["complete"] and told["after"] <= told["before"]
    assert out.exists() == told["learned"]
    if told["learned"]:
        assert Mix.from_dict(json.loads(out.read_text())) == Mix.from_dict(told["mix"])
    assert "nats per token" in answer(capsys, *argv, "--over", "masters")


def test_a_file_that_is_no_jsonl_is_refused_before_a_model_is_loaded(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "wanted.jsonl"
    file.write_text("Ahoy there")
    said = answer(capsys, "learn", shelf / "loras" / "pirate", "--model", tmp_path, "--examples", file, status=MISUSED)
    assert "wanted.jsonl, line 1: this is no JSON" in said
