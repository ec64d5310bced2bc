"""The process that holds a server: it says in one line what came of it, and ends with its input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lora_mixer.lora_ops.engines.llama_server import server_child

WISH = {
    "model": "model.gguf",
    "adapters": [],
    "context": 64,
    "slots": 1,
    "threads": 1,
    "gpu_layers": None,
    "alias": "a",
    "key": "secret",
}


def child(wish: dict[str, Any]) -> tuple[dict[str, Any], str, int]:
    """What it answers, what it and its server wrote besides, and how it ended."""
    command = [sys.executable, "-I", server_child.__file__]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(json.dumps(wish) + "\n")
        process.stdin.flush()  # and not closed: it would end
        (line,) = process.stdout.read().splitlines()
        return json.loads(line), process.stderr.read(), process.wait(60)


def test_it_runs_without_anything_of_ours_and_says_why_there_is_no_server(tmp_path: Path) -> None:
    told, _, status = child({**WISH, "program": str(tmp_path / "no-such-program")})
    assert "FileNotFoundError" in told["error"] and status == 1


def test_what_a_server_writes_is_not_taken_for_an_answer() -> None:
    # A program that talks and ends: this very Python, which takes "-m model.gguf" for a module that it does not have.
    told, written, status = child({**WISH, "program": sys.executable})
    assert "exit code" in told["error"] and "model" in written and status == 1
    assert "secret" not in written + str(told)
