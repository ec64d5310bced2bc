"""`inspect`: what an adapter's files tell, on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import answer

from lora_mixer.cli import main
from lora_mixer.cli.exits import MISUSED


def test_inspect_one_and_a_shelf(shelf: Path, capsys: pytest.CaptureFixture[str]):
    loras = shelf / "loras"
    text = answer(capsys, "inspect", loras / "pirate")
    assert "lora" in text and "14" in text and "in vLLM" in text
    [one] = json.loads(answer(capsys, "inspect", loras / "pirate", "--json", "--hash"))
    assert (one["name"], one["ranks"], one["alphas"], one["targets"]) == ("pirate", [4], [8], 14)
    assert len(one["sha256"]) == 64 and one["objections"]["vLLM"] == []
    two = json.loads(answer(capsys, "inspect", loras, "--json"))
    assert [entry["name"] for entry in two] == ["pirate", "poet"]
    assert "poet" in answer(capsys, "inspect", loras)


def test_inspect_says_what_is_special(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(shelf / "loras" / "pirate", tmp_path / "late")
    file = tmp_path / "late" / "adapter_config.json"
    changes = {"alora_invocation_tokens": [3, 4], "init_lora_weights": "olora", "use_super_lora": True}
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    for folder in (tmp_path / "late", tmp_path):
        text = answer(capsys, "inspect", folder)
        assert "aLoRA" in text and "OLoRA" in text
    [told] = json.loads(answer(capsys, "inspect", tmp_path / "late", "--json"))
    assert len(told["special"]) == 2 and "from its invocation tokens on" in str(told["special"])
    assert "for good" in told["changes_base"]
    assert "use_super_lora" in str(told["problems"])
    assert "special" not in answer(capsys, "inspect", shelf / "loras" / "pirate")


def test_a_damaged_adapter_on_a_shelf_is_shown_and_told_by_the_status(tmp_path: Path, capsys: Any):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "adapter_config.json").write_text("{")
    capsys.readouterr()
    assert main(["inspect", str(tmp_path)]) == MISUSED
    out = capsys.readouterr().out
    assert "damaged" in out and f"adapter_model.safetensors in {tmp_path / 'broken'}, so it is no adapter" in out
    assert "broken" in answer(capsys, "inspect", tmp_path / "broken", status=MISUSED)


def test_a_folder_on_a_shelf_that_is_no_adapter_is_no_damage(shelf: Path, tmp_path: Path, capsys: Any):
    shutil.copytree(shelf / "loras" / "poet", tmp_path / "poet")
    (tmp_path / "pictures").mkdir()
    text = answer(capsys, "inspect", tmp_path)
    assert "no adapter" in text and "damaged" not in text and "there is no adapter_config.json" in text
    [pictures, _] = json.loads(answer(capsys, "inspect", tmp_path, "--json"))
    assert not pictures["adapter"] and "no adapter" in pictures["error"]
