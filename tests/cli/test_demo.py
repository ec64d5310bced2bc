"""`lora-mixer demo` is the page's own command line, under the name that it was called by."""

from __future__ import annotations

from typing import Any

import pytest

from lora_mixer.cli import main
from lora_mixer.hosts.standalone import app


@pytest.mark.parametrize("status", [0, 2])
def test_it_hands_on_what_is_said_and_how_it_ended(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: Any = []
    monkeypatch.setattr(app, "main", lambda argv, name: heard.append((argv, name)) or status)
    assert main(["demo", "--model", "some where", "--lora", "x", "--help"]) == status
    assert heard == [(["--model", "some where", "--lora", "x", "--help"], "lora-mixer demo")]


def test_its_help_tells_the_pages_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--model" in said and "--lora" in said and "lora-mixer demo" in said
