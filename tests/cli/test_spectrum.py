"""`spectrum` and `resize` in a terminal: what rank an adapter needed, and the same adapter at that rank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.baked import config, keys

from lora_mixer.cli import main
from lora_mixer.cli.exits import DONE, MISUSED
from lora_mixer.lora_ops import Desk, spectrum


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on disk, and three adapters for it, one of which is DoRA."""
    folder = tmp_path_factory.mktemp("shelf")
    tiny.llama().save_pretrained(folder / "model")
    tiny.tokenizer().save_pretrained(folder / "model")
    model = tiny.add(tiny.pirate(), tiny.lora(r=2, target_modules=["q_proj", "v_proj"]), "poet")
    tiny.add(model, tiny.lora(use_dora=True), "dora").save_pretrained(folder)
    return folder


def answer(capsys: pytest.CaptureFixture[str], *argv: Any, status: int = DONE) -> tuple[str, str]:
    """What it prints on stdout and stderr."""
    capsys.readouterr()
    assert main([str(word) for word in argv]) == status, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out, said.err


def test_the_folder_alone_tells_what_the_desk_does(shelf: Path, capsys: Any):
    data = json.loads(answer(capsys, "spectrum", shelf / "pirate", "--energy", 0.8, "--json")[0])
    wanted = spectrum(Desk(tiny.pirate()))
    assert data["energy"] == 0.8
    assert data["pirate"]["told"] == wanted.told("pirate", 0.8)
    needed = wanted.needed("pirate", 0.8)
    assert {name: one["needed"] for name, one in data["pirate"]["targets"].items()} == needed
    for name, values in wanted.targets["pirate"].items():
        assert data["pirate"]["targets"][name]["values"] == pytest.approx(list(values))


def test_it_is_told_in_a_line_and_in_tables(shelf: Path, capsys: Any):
    out, err = answer(capsys, "spectrum", shelf / "pirate", "--by", "target", "--by", "layer", "--top", 3)
    assert "trained at rank 4; 95 % of what it adds lies in" in out
    assert "effective rank" in out and "pirate: layer" in out and "pirate: target" in out and "99%" in out
    assert "11 more" in err and "importance" in err


def test_gains_count_and_what_is_silent_adds_nothing(shelf: Path, capsys: Any):
    out, _ = answer(capsys, "spectrum", shelf / "pirate", "--gain", "0")
    assert "it adds nothing" in out
    out, _ = answer(capsys, "spectrum", shelf / "pirate", "--gain", ":q_proj=0", "--json")
    needed = {name: one["needed"] for name, one in json.loads(out)["pirate"]["targets"].items()}
    assert all((count == 0) == ("q_proj" in name) for name, count in needed.items())
    assert "typo" in answer(capsys, "spectrum", shelf / "pirate", "--gain", ":typo=0", status=MISUSED)[1]


def test_dora_has_a_reason(shelf: Path, capsys: Any):
    out, err = answer(capsys, "spectrum", shelf / "dora")
    assert "dora: DoRA" in out and "q_proj: DoRA" in err


def test_a_smaller_adapter_is_written_and_told(shelf: Path, tmp_path: Path, capsys: Any):
    out, _ = answer(capsys, "resize", shelf / "pirate", "-o", tmp_path / "own", "--energy", 0.7)
    assert "left out" in out and "not compared" in out and "was " in out
    assert config(tmp_path / "own")["rank_pattern"]
    argv = ["resize", shelf / "pirate", "-o", tmp_path / "one", "--energy", 0.7, "--one-rank", "--json"]
    made = json.loads(answer(capsys, *argv)[0])
    assert config(tmp_path / "one")["rank_pattern"] == {} and made["rank"] == max(made["ranks"].values())
    assert {shape[0] for key, shape in keys(tmp_path / "one").items() if "lora_A" in key} == {made["rank"]}


def test_with_its_model_stock_peft_reads_it(shelf: Path, tmp_path: Path, capsys: Any):
    argv = ["resize", shelf / "pirate", shelf / "poet", "-o", tmp_path / "out", "--rank", 6, "--model", shelf / "model"]
    made = json.loads(answer(capsys, *argv, "--json")[0])
    assert made["greatest_difference"] < 1e-4 and made["error"] < 1e-6 and set(made["ranks"].values()) == {4, 6}
    out, _ = answer(capsys, *argv[:-4], "--rank", 1, "--model", shelf / "model", "--overwrite")
    assert "read by stock PEFT" in out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["resize", "pirate"], "say what to keep"),
        (["resize", "pirate", "--rank", "0"], "from 1 to"),
        (["resize", "pirate", "--rank", "9"], "no rank 9 to keep"),
        (["resize", "pirate", "--energy", "1.5"], "above 0 and up to 1"),
        (["resize", "dora", "--rank", "2"], "is dora"),
        (["spectrum", "pirate", "--energy", "0"], "above 0 and up to 1"),
        (["spectrum", "nowhere"], "nowhere"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told_with_status_2(argv: list[str], says: str, shelf: Path, tmp_path: Path, capsys: Any):
    command, adapter, *options = argv
    where = ["-o", tmp_path / "out"] if command == "resize" else []
    assert says in answer(capsys, command, shelf / adapter, *where, *options, status=MISUSED)[1].replace("\n", " ")
    assert list(tmp_path.iterdir()) == []
