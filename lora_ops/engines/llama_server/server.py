"""A llama-server of our own: on this machine alone, with a key, and gone when we are.

It is the server of the package xllamacpp, in a process of its own, or a `llama-server` that is installed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from .part import Part

_PROGRAM = Path(__file__).with_name("server_child.py")
#: Seconds between two looks at whether somebody still waits for one that starts.
_GLANCE = 0.2
#: What the last lines of a log may take in a message.
_SHOWN = 600


class ServerError(RuntimeError):
    """A server that does not start, or is gone; the message says what it said last."""


class Server:
    """A server that runs; `start` makes one. It ends with `stop`, with this object, or with this process.

    Attributes:
        url: where it listens, "http://127.0.0.1:40123".
        key: what a request needs to be heard.
        alias: what it calls its model, by which it is told from any other that may listen there later.
        parts: the adapters' files that it has loaded.
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str, key: str, alias: str, parts: Sequence[Part]) -> None:
        self._process = process
        self.url, self.key, self.alias, self.parts = url, key, alias, tuple(parts)
        self._end = weakref.finalize(self, _stop, process)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def stop(self) -> None:
        """Ends it, and waits until it has ended."""
        self._end()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    model: Path | str,
    parts: Sequence[Part] = (),
    *,
    program: Path | str | None = None,
    context: int = 4096,
    slots: int = 4,
    threads: int | None = None,
    gpu_layers: int | None = None,
    patience: float = 300.0,
    waiting: Callable[[], None] | None = None,
) -> Server:
    """Starts a server, and waits until it is ready.

    Args:
        model: the base model's GGUF file.
        parts: the adapters' files that it loads, at scale 1.
        program: a llama-server to run; without one the package xllamacpp's, else one that is installed.
        context: how many tokens each slot holds.
        slots: how many replies grow side by side.
        threads: of the processor; as the server finds right if None.
        gpu_layers: how many layers go to the graphics card; as the server finds right if None.
        patience: seconds in which it must be ready.
        waiting: called again and again until it is; what it raises ends the server, and is raised on.

    Raises:
        ServerError: there is no server here, or it does not start; the message tells what it said.
    """
    program = str(program) if program else _found()
    paths = [str(part.path) for part in parts]
    if program and (odd := next((path for path in paths if "," in path), None)):
        raise ServerError(f"{odd}: a llama-server takes a comma in a path for the end of it; keep the parts elsewhere")
    wish = {
        "program": program,
        "model": str(Path(model).expanduser().resolve()),
        "adapters": paths,
        "context": context,
        "slots": slots,
        "threads": threads,
        "gpu_layers": gpu_layers,
        "key": secrets.token_urlsafe(24),
        "alias": f"lora-mixer-{secrets.token_hex(8)}",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=os.name != "nt",  # Ctrl-C is for us to answer
        )
        told: dict[str, Any] = {}
        try:
            told = _answer(process, wish, patience, waiting)
        finally:
            if "address" not in told:
                _stop(process)
        if "error" in told:
            raise ServerError(f"no llama-server could be started ({told['error']}). {_last(log)}".rstrip())
    return Server(process, told["address"], str(wish["key"]), str(wish["alias"]), parts)


def _found() -> str:
    """The program to run; empty for the package xllamacpp."""
    if importlib.util.find_spec("xllamacpp"):
        return ""
    if program := shutil.which("llama-server"):
        return program
    raise ServerError(
        "there is no llama-server here: run `pip install xllamacpp`, install llama.cpp, or name one that runs by its "
        "address"
    )


def _answer(
    process: subprocess.Popen[bytes], wish: dict[str, Any], patience: float, waiting: Callable[[], None] | None
) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(OSError):  # it has ended already: its exit code tells more
        process.stdin.write(json.dumps(wish).encode() + b"\n")
        process.stdin.flush()
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=lambda out=process.stdout: lines.put(out.readline()), daemon=True).start()
    end = time.monotonic() + patience
    while True:
        try:
            line = lines.get(timeout=min(_GLANCE, max(0.0, end - time.monotonic())))
            break
        except queue.Empty:
            if time.monotonic() >= end:
                return {"error": f"it was not ready after {patience:.0f} seconds"}
            if waiting is not None:
                waiting()
    return dict(json.loads(line)) if line.strip() else {"error": f"it ended with exit code {process.wait()}"}


def _last(log: IO[bytes]) -> str:
    """What it said of what went wrong."""
    log.seek(0)
    lines = log.read(2**22).decode("utf-8", errors="replace").splitlines()
    telling = [line for line in lines if any(word in line.lower() for word in ("error", "failed", "assert"))]
    text = " ".join(" ".join(telling[-4:] or lines[-4:]).split())
    return f"It said: …{text[-_SHOWN:]}" if text else ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
