"""Child processes: the surroundings they run in, what they print, and that none of them outlives its parent."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# The demo and the tests play what lies on this disk: nothing is looked up, and nothing is reported.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "TOKENIZERS_PARALLELISM": "false",
}


class SetupError(Exception):
    """Something is missing that a person can put right; the message says what and how."""


def say(text: str = "") -> None:
    print(text, flush=True)


def clean_env(extra: Mapping[str, str] = OFFLINE) -> dict[str, str]:
    """The surroundings for a child: UTF-8, no buffering, nobody else's packages, and ``extra``."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    return {**env, "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **extra}


@contextlib.contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """A child never outlives the block. Ctrl-C has reached it as well, so it gets time to end by itself."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.terminate()
            process.wait(10)
        process.kill()
        process.wait()
        raise


def run_shown(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command, passing on what it prints as it comes; its exit code and the end of its output."""
    sys.stdout.flush()
    process = subprocess.Popen(
        command, cwd=cwd, env=env or clean_env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    tail = b""
    with ended(process):
        while chunk := os.read(process.stdout.fileno(), 65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            tail = (tail + chunk)[-65536:]
        process.wait()
    return process.returncode, tail.decode("utf-8", "replace")
