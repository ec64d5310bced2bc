"""Options that several commands have, said once."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from lora_mixer.cli.arguments import Stored
from lora_mixer.cli.options import Mixing, Output, Playing, shared


def test_a_command_has_the_fields_as_options_and_gets_them_as_one() -> None:
    heard: list[tuple[str, Playing, Output, int]] = []

    @shared
    def command(word: str, playing: Playing, output: Output, number: int = 3) -> None:
        heard.append((word, playing, output, number))

    names = [parameter.name for parameter in inspect.signature(command).parameters.values()]
    assert names == ["word", *(one.name for one in fields(Playing)), *(one.name for one in fields(Output)), "number"]
    app = typer.Typer()
    app.command()(command)
    told = CliRunner().invoke(app, ["--out", "a/b", "--gain", "0.5", "hello"], catch_exceptions=False)
    if told.exit_code != 0:  # typer makes an option of a parameter by its keyword
        told = CliRunner().invoke(app, ["--word", "hello", "--out", "a/b", "--gain", "0.5"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    [(word, playing, output, number)] = heard
    assert (word, number, output.out) == ("hello", 3, Path("a/b"))
    assert playing.of(["pirate"]).adapters["pirate"].master == 0.5 and not output.overwrite


def test_a_place_is_a_folder_and_a_name_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Output(Path("loras/soft")).place() == (tmp_path / "loras", "soft")
    assert Output(Path("soft")).place() == (tmp_path, "soft")


@pytest.mark.parametrize("stored", [None, *Stored])
def test_numbers_are_written_as_the_type_that_is_asked_for(stored: Stored | None, tmp_path: Path) -> None:
    writing = Output(tmp_path, stored, True).writing(check=False)
    assert writing.dtype == (getattr(torch, stored.value) if stored else None)
    assert writing.overwrite and not writing.check


def test_no_gain_means_as_loaded() -> None:
    assert not Mixing().of(["pirate"]).adapters
