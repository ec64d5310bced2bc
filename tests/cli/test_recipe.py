"""`recipe` in a terminal: what to try at the next training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.planted import planted

from lora_mixer.cli import main
from lora_mixer.cli.exits import DONE, MISUSED
from lora_mixer.lora_ops import RECIPE_FORMATS, Desk, recipe, spectrum


@pytest.fixture(scope="module")
def pirate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loras")
    planted(3).save_pretrained(folder)
    return folder / "pirate"


def answer(capsys: pytest.CaptureFixture[str], *argv: Any, status: int = DONE) -> tuple[str, str]:
    capsys.readouterr()
    assert main([str(word) for word in argv]) == status, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out, said.err


def test_the_folder_alone_tells_rank_and_alpha_and_how_sure_they_are(pirate: Path, capsys: Any) -> None:
    out, _ = answer(capsys, "recipe", pirate)
    assert "r = 3 [measured here]" in out and "alpha = 3 [rule of thumb: LoRA" in out and "[not known]" in out


def test_every_format_can_be_asked_for_and_json_holds_all(pirate: Path, capsys: Any) -> None:
    data = json.loads(answer(capsys, "recipe", pirate, "--json")[0])
    desk = Desk(planted(3))
    wanted = recipe(spectrum(desk), desk.adapters["pirate"])
    assert data["r"] == wanted.r and data["alpha"] == wanted.alpha and set(data["formats"]) == set(RECIPE_FORMATS)
    for form in RECIPE_FORMATS:
        assert answer(capsys, "recipe", pirate, "--format", form)[0] == data["formats"][form]


def test_gains_and_energy_count(pirate: Path, capsys: Any) -> None:
    out, _ = answer(capsys, "recipe", pirate, "--gain", "0.5", "--gain", ":k_proj=0", "--format", "axolotl")
    read = yaml.safe_load(out)
    assert read["lora_r"] == 3 and "k_proj" not in read["lora_target_modules"]
    assert json.loads(answer(capsys, "recipe", pirate, "--energy", 1, "--json")[0])["r"] == 16


def test_what_was_measured_counts(pirate: Path, capsys: Any, tmp_path: Path) -> None:
    file = tmp_path / "impact.json"
    kinds = {"q_proj": 0.001, "v_proj": 0.5, "o_proj": 0.4}
    file.write_text(json.dumps({"targets": {"pirate": {}}, "kinds": {"pirate": kinds}, "layers": {}, "tokens": 9}))
    out, _ = answer(capsys, "recipe", pirate, "--impact", file)
    assert "q_proj make up 0.1% of all impact on 9 tokens" in out


@pytest.mark.parametrize("text", ["no JSON", "{}", "[]", '{"kinds": 3, "targets": 4}'])
def test_a_file_that_was_not_measured_is_refused(pirate: Path, capsys: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    for option in ("--impact", "--loudness"):
        _, err = answer(capsys, "recipe", pirate, option, file, status=MISUSED)
        assert "other.json" in err or f"this is no {option[2:]}" in err
    answer(capsys, "recipe", pirate, "--impact", tmp_path / "missing.json", status=MISUSED)


def test_a_share_that_is_none_is_refused(pirate: Path, capsys: Any) -> None:
    assert "share of the energy" in answer(capsys, "recipe", pirate, "--energy", 95, status=MISUSED)[1]
