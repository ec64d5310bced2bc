"""`bake`, `combine` and `merge` on the command line: what is written sounds as it was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.command_line import answer
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lora_mixer.cli.exits import MISUSED
from lora_mixer.lora_ops import Fade, Faders, Mix


def test_a_merged_model_is_compared_unless_told_not_to(shelf: Path, tmp_path: Path, capsys: Any):
    argv = ["merge", shelf / "loras" / "pirate", "-g", "0.5", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *argv, "-o", tmp_path / "one", "--json"))
    assert 0 <= told["greatest_difference"] < 5e-5 and told["why_unchecked"] == ""
    assert "read by stock transformers" in answer(capsys, *argv, "-o", tmp_path / "two")
    assert "not compared (not asked for)" in answer(capsys, *argv, "-o", tmp_path / "three", "--no-check")


def test_bake_with_gains_needs_no_model(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "soft"
    argv = ["bake", shelf / "loras" / "pirate", "--out", out, "-g", "0.5", "-g", "pirate:q_proj=0", "-g", "pirate:1=2"]
    told = json.loads(answer(capsys, *argv, "--json"))
    assert (told["folder"], told["silent"], told["greatest_difference"]) == (str(out), 2, None)
    model = PeftModel.from_pretrained(tiny.llama(), str(shelf / "loras" / "pirate"), adapter_name="pirate").eval()
    from lora_mixer.lora_ops import Desk

    Desk(model).apply(Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 2.0})}))
    stock = PeftModel.from_pretrained(tiny.llama(), str(out)).eval()
    assert (tiny.logits(stock) - tiny.logits(model)).abs().max() < 2e-5
    assert "--overwrite" in answer(capsys, *argv, status=MISUSED)
    answer(capsys, *argv, "--overwrite")


def test_bake_with_a_profile_and_a_model(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mix = Mix({"pirate": Faders(master=0.5), "somebody": Faders(master=3.0)})
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"version": 1, "name": "soft", "mix": mix.to_dict(), "note": ""}))
    plain = tmp_path / "mix.json"
    plain.write_text(json.dumps(mix.to_dict()))
    hashes = []
    for file in (profile, plain):
        argv = ["bake", shelf / "loras" / "pirate", "-o", tmp_path / file.stem, "-m", file, "--model", shelf / "model"]
        told = json.loads(answer(capsys, *argv, "--way", "patterned", "--json"))
        assert told["greatest_difference"] < 2e-5 and told["way"] == "patterned"
        hashes.append(json.loads((tmp_path / file.stem / "adapter_config.json").read_text())["lora_alpha"])
    assert hashes == [4, 4]
    assert "somebody" not in (tmp_path / "profile" / "README.md").read_text()


def test_combine_and_merge(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    loras = [shelf / "loras" / name for name in ("pirate", "poet")]
    both = ["combine", *loras, "-g", "pirate=0.5", "-g", "poet:v_proj=2"]
    told = json.loads(answer(capsys, *both, "-o", tmp_path / "both", "--model", shelf / "model", "--json"))
    assert told["rank"] == 6 and told["greatest_difference"] < 2e-5
    told = json.loads(answer(capsys, *both, "-o", tmp_path / "small", "--type", "svd", "--rank", "3", "--json"))
    assert told["rank"] == 3 and 0 < told["kept"] < 1
    assert "nothing in the way" in answer(capsys, *both, "-o", tmp_path / "plain")
    merged = ["merge", *loras, "-g", "pirate=0.5", "-g", "poet:v_proj=2", "--model", shelf / "model"]
    told = json.loads(answer(capsys, *merged, "-o", tmp_path / "whole", "--json"))
    assert told["names"] == ["pirate", "poet"] and told["targets"] == 14
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "whole").eval()
    stock = PeftModel.from_pretrained(tiny.llama(), str(tmp_path / "both")).eval()
    assert (tiny.logits(whole) - tiny.logits(stock)).abs().max() < 5e-5
    assert (tmp_path / "whole" / "tokenizer.json").is_file()


def test_a_fade_is_baked_at_a_token_alone(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, new = tmp_path / "mix.json", tmp_path / "new"
    file.write_text(json.dumps(Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 10")})}).to_dict()))
    argv = ["bake", shelf / "loras" / "pirate", "-m", file, "-o", new]
    why = answer(capsys, *argv, status=MISUSED)
    assert "fades over a reply" in why and "--at-token (from token 10 on they stand still)" in " ".join(why.split())
    assert not new.exists()
    assert json.loads(answer(capsys, *argv, "--at-token", 5, "--json"))["way"] == "folded"


def test_the_same_seed_writes_the_same_weights(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("one", "two"):
        argv = ["combine", *(shelf / "loras" / one for one in ("pirate", "poet")), "-o", tmp_path / name]
        answer(capsys, *argv, "--type", "dare_linear_svd", "--density", "0.5", "--seed", "3")
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert all(one[key].equal(two[key]) for key in one) and set(one) == set(two)
