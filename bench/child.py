"""Parts of the bench that run in a process of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tools.processes import clean_env, ended
from .workshop import ROOT


def command(module: str, *argv: str) -> list[str]:
    """What runs `bench/<module>.py` in this environment."""
    return [sys.executable, str(ROOT / "run.py"), "--inside", f"bench.{module}", *argv]


def answer(module: str, *argv: str) -> str:
    """What such a process says; RuntimeError with the end of its complaints when it fails."""
    done = subprocess.run(command(module, *argv), env=clean_env(), capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"bench.{module} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def running(module: str, *argv: str, log: Any) -> Iterator[subprocess.Popen[Any]]:
    """Such a process while the block lasts; what it says goes to the open file `log`."""
    process = subprocess.Popen(command(module, *argv), env=clean_env(), stdout=log, stderr=subprocess.STDOUT)
    try:
        with ended(process):
            yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
