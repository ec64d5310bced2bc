"""Runs a llama-server for as long as whoever started this lives: a program of its own, in the standard library alone.

It reads one line of JSON from its standard input, says on its standard output in one line of JSON where the server
listens or why there is none, and ends when its input ends: the system closes that when the one who holds it is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any


def in_this_process(wish: dict[str, Any]) -> str:
    """Starts the server of the package xllamacpp in this process; answers its address."""
    import xllamacpp  # type: ignore[import-not-found, unused-ignore]

    params = xllamacpp.CommonParams()
    params.model.path = wish["model"]
    params.model_alias = {wish["alias"]}
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in wish["adapters"]]
    params.n_ctx, params.n_parallel = wish["context"] * wish["slots"], wish["slots"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [wish["key"]]
    params.cors_origins, params.cors_origins_explicit, params.cors_credentials = "localhost", True, False
    params.ui = False
    params.cache_ram_mib = 0
    params.verbosity = 1
    if wish["threads"]:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wish["threads"]
    if wish["gpu_layers"] is not None:
        params.n_gpu_layers = wish["gpu_layers"]
    server = xllamacpp.Server(params)
    _KEPT.append(server)  # it ends with the object
    return str(server.listening_address)


def as_program(wish: dict[str, Any]) -> str:
    """Starts a llama-server that is a program; answers its address when it is ready."""
    port = _free_port()
    command = [wish["program"], "-m", wish["model"], "--host", "127.0.0.1", "--port", str(port)]
    command += ["-c", str(wish["context"] * wish["slots"]), "-np", str(wish["slots"]), "--alias", wish["alias"]]
    command += ["-t", str(wish["threads"])] if wish["threads"] else []
    command += ["-ngl", str(wish["gpu_layers"])] if wish["gpu_layers"] is not None else []
    command += ["--lora", ",".join(wish["adapters"])] if wish["adapters"] else []
    # Settings that older ones do not know go through the environment, where nobody minds them; and the key, which other
    # users would see among the arguments.
    own = {"LLAMA_API_KEY": wish["key"], "LLAMA_ARG_CORS_ORIGINS": "localhost", "LLAMA_ARG_CORS_CREDENTIALS": "0"}
    own |= {"LLAMA_ARG_UI": "0", "LLAMA_ARG_CACHE_RAM": "0"}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env={**os.environ, **own})
    _KEPT.append(process)
    address = f"http://127.0.0.1:{port}"
    while True:
        if (code := process.poll()) is not None:
            raise RuntimeError(f"it ended with exit code {code}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            if answer.status == 200:
                return address
        time.sleep(0.1)


#: The server, so that it lives as long as this process.
_KEPT: list[Any] = []


def _free_port() -> int:
    import socket

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _end_with_input() -> None:
    """Ends this process, and the server, when nobody holds the other end of the input any more."""
    while sys.stdin.buffer.read(1):
        pass
    for kept in _KEPT:
        if isinstance(kept, subprocess.Popen):
            kept.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                kept.wait(2)
            kept.kill()
    os._exit(0)


def main() -> None:
    wish = json.loads(sys.stdin.buffer.readline())
    # What the server writes is no answer of this program.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        told = {"address": as_program(wish) if wish["program"] else in_this_process(wish)}
    except Exception as error:  # whatever it is, it is told
        told = {"error": f"{type(error).__name__}: {error}"}
    answer.write(json.dumps(told) + "\n")
    answer.flush()
    if "error" in told:
        os._exit(1)
    while True:
        time.sleep(0.5)
        if any(isinstance(kept, subprocess.Popen) and kept.poll() is not None for kept in _KEPT):
            os._exit(1)


if __name__ == "__main__":
    main()
