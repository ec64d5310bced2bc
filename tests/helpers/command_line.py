"""The command line, called as a user calls it."""

from __future__ import annotations

from typing import Any

import pytest

from lora_mixer.cli import main
from lora_mixer.cli.exits import DONE


def answer(capsys: pytest.CaptureFixture[str], *argv: Any, status: int = DONE) -> str:
    """What it prints on stdout; for errors, on stderr."""
    capsys.readouterr()
    assert main([str(word) for word in argv]) == status, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out if status == DONE else said.err
