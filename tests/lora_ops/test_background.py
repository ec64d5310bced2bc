"""Work in a thread of its own ends with its process, in order."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_mixer.lora_ops.background import Background

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import importlib.util, sys, threading, time
spec = importlib.util.spec_from_file_location("background", {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
stopped = threading.Event()

def work(tell):
    tell("begun")
    stopped.wait(30)
    time.sleep(0.2)  # the token that is being worked out
    print("put back", flush=True)

running = iter(module.Background(work, stopped, "wait"))
assert next(running) == "begun"
keep = running
"""


def test_a_process_that_ends_stops_the_work_and_waits_for_it() -> None:
    program = PROGRAM.format(path=str(ROOT / "lora_ops" / "background.py"))
    # The listener is alive when the process ends, as a page is on Ctrl-C.
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            program + "\nthreading.Thread(target=lambda: (keep, time.sleep(60)), daemon=True).start()",
        ],
        capture_output=True,
        text=True,
        timeout=25,
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "put back", "")


def test_news_a_result_and_what_went_wrong() -> None:
    def count(tell: Callable[[str], None]) -> int:
        tell("half")
        return 7

    stopped = threading.Event()
    run: Background[str, int] = Background(count, stopped, "count")
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
    assert list(run)[-1] == "half" and run.result == 7

    def fail(tell: object) -> int:
        raise ValueError("no such mix")

    with pytest.raises(ValueError, match="no such mix"):
        list(Background(fail, threading.Event(), "fail"))
