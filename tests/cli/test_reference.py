"""The docs' page of the command line says what the command line says."""

from __future__ import annotations

import re

import typer

from lora_mixer.cli import reference
from lora_mixer.cli.app import app


def test_the_page_is_what_the_commands_say_of_themselves():
    fresh = reference.reference()
    assert reference.PAGE.read_text(encoding="utf-8") == fresh, "stale: run `python3 run.py docs --renew`"


def test_every_option_of_every_command_is_on_the_page():
    page = reference.PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert list(sections) == list(commands)
    for name, command in commands.items():
        options = [option for one in command.params for option in one.opts if option.startswith("-")]
        assert name == "demo" or len(options) > 1
        assert [one for one in options if one != "--help" and not re.search(rf"`{one}[ `]", sections[name])] == []


def test_the_page_is_written_anew_by_one_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference, "PAGE", tmp_path / "command-line.md")
    assert reference.main([]) == 0
    assert (tmp_path / "command-line.md").read_text(encoding="utf-8") == reference.reference()
