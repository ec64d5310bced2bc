"""What goes wrong on the command line: a sentence, an exit status, and nothing half-written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import answer

from lora_mixer.cli import main
from lora_mixer.cli.exits import DONE, FAILED, MISUSED


def test_a_place_that_cannot_be_written_is_named(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("x")
    said = answer(capsys, "bake", shelf / "loras" / "pirate", "-o", tmp_path / "file" / "new", status=FAILED)
    assert said.startswith(f"error: {tmp_path / 'file'}") and "Errno" not in said and "--overwrite" not in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "Usage"),
        (["fry"], "No such command"),
        (["bake"], "Missing argument"),
        (["bake", "{loras}/nobody", "-o", "{out}/x"], "nobody"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "loud"], "is no number"),
        (
            ["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "nan"],
            "master: Input should be a finite number (got nan)",
        ),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "parrot=1"], "no adapter 'parrot'"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "pirate:z_proj=2"], "no kind 'z_proj'"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-g", "pirate:77=2"], "no layer 77"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "-m", "{out}/none.json"], "cannot be read"),
        (["bake", "{loras}/pirate", "-o", "{out}/.x"], "cannot be a name"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "--way", "fried"], "fried"),
        (["bake", "{loras}/pirate", "-o", "{out}/x", "--model", "{out}/nothing"], "does not exist"),
        (["combine", "{loras}/pirate", "{loras}/poet", "-o", "{out}/x", "-g", "0.5"], "say which adapter"),
        (["combine", "{loras}/pirate", "{loras}/poet", "-o", "{out}/x", "--type", "ties"], "density"),
        (["combine", "a={loras}/pirate", "a={loras}/poet", "-o", "{out}/x"], "two adapters have the name"),
        (["merge", "{loras}/pirate", "-o", "{out}/x"], "--model"),
        (["impact", "{loras}/pirate", "--model", "{out}", "--keep-top", "3"], "--save"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_told_with_status_2(
    argv: list[str], says: str, shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = [word.format(loras=shelf / "loras", out=tmp_path) for word in argv]
    assert main(words) == (DONE if not argv else MISUSED) or not argv
    said = capsys.readouterr()
    assert says in " ".join((said.err + said.out).split())
    assert list(tmp_path.iterdir()) == []


def test_what_fails_on_the_way_has_status_1(shelf: Path, tmp_path: Path, capsys: Any, monkeypatch: Any):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    argv = ["bake", shelf / "loras" / "pirate", "-o", tmp_path / "x"]
    assert "disk is full" in answer(capsys, *argv, status=FAILED)
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" in answer(capsys, *argv, "--debug", status=FAILED)


def test_an_environment_without_what_it_is_built_on_is_told(
    shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)  # as if it was not installed
    told = answer(capsys, "loudness", shelf / "loras" / "pirate", "--model", "demo", status=FAILED)
    assert "transformers is not installed here" in told and "run.py mixer" in told
