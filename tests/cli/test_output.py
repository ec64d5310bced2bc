"""What is printed: for a terminal, and for a pipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import answer


def test_a_pipe_gets_long_lines_and_a_terminal_short_ones(shelf: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert str(shelf / "loras" / "pirate") in answer(capsys, "inspect", shelf / "loras" / "pirate")
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, answer(capsys, "inspect", shelf / "loras" / "pirate").splitlines())) <= 40
