"""The standalone host's command line: a wrong call ends at once and says why."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.hosts.standalone import app as standalone


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "{tmp}/none"], "does not exist"),
        (["--model", "{tmp}"], "no config.json"),
        (["--lora", "{tmp}/none"], "does not exist"),
        (["--lora", "{tmp}/file"], "is a file"),
        (["--port", "99999"], "no port 99999"),
        (["--api-key-file", "{tmp}/none"], "cannot be read"),
        (["--api-key-file", "{tmp}/file"], "holds no key"),
        (["--port", "{busy}"], "Cannot listen"),
    ],
)
def test_a_wrong_call_ends_at_once_and_says_why(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        filled = [text.format(tmp=tmp_path, busy=busy.getsockname()[1]) for text in arguments]
        assert standalone.main(filled) == standalone.MISUSED
    assert says in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        standalone.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for option in (
        "--model",
        "--lora",
        "--dtype",
        "--device",
        "--port",
        "--host",
        "--also",
        "--share",
        "--no-browser",
        "--api-key-file",
    ):
        assert option in shown


@pytest.mark.parametrize(
    ("file", "variable", "key"),
    [("from a file\n", "from outside", "from a file"), (None, " from outside ", "from outside"), (None, "", "")],
    ids=["file", "environment", "none"],
)
def test_the_key_of_the_api_is_the_one_that_was_given_or_a_new_one(
    file: str | None, variable: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(standalone.API_KEY, variable)
    arguments = []
    if file is not None:
        (tmp_path / "key").write_text(file)
        arguments = ["--api-key-file", str(tmp_path / "key")]
    given: list[str] = []

    def serve(options: Any, start: Any) -> int:
        given.append(options.api_key)
        return 0

    monkeypatch.setattr(standalone, "_serve", serve)
    assert standalone.main(arguments) == 0
    assert given == [key]
