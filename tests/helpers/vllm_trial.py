"""Starts a vLLM server on the demo's model, tries the engine and the page on it, and ends it: `run.py test --vllm`."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/lora_ops/engines/vllm/real_server.py", "tests/browser/real_vllm_page.py")
#: Seconds until it has loaded its model and compiled what it needs.
_PATIENCE = 900.0


def main(argv: Sequence[str]) -> int:
    """Tries the server that `LORA_MIXER_VLLM` names, or one of our own, started with the Python that is named first.

    What follows goes to pytest.
    """
    python, more = argv[0], list(argv[1:])
    if os.environ.get("LORA_MIXER_VLLM"):
        return _tested(dict(os.environ), more)
    with running(Path(python)) as (url, key):
        return _tested({**os.environ, "LORA_MIXER_VLLM": url, "LORA_MIXER_VLLM_KEY": key}, more)


def _tested(env: dict[str, str], more: Sequence[str]) -> int:
    # Its first likelihoods take a minute and more.
    return subprocess.run(
        [sys.executable, "-m", "pytest", *TESTS, "-p", "no:cacheprovider", "--durations=5", *more], cwd=ROOT, env=env
    ).returncode


@contextmanager
def running(python: Path) -> Iterator[tuple[str, str]]:
    """A server that runs while the block lasts: its address, on this machine alone, and its key."""
    from lora_mixer.demo.base_model import convert

    model, key, port = convert(ROOT / ".cache"), secrets.token_hex(8), _free_port()
    log = ROOT / ".cache" / "vllm-server.log"
    command = [
        *(str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", "smollm2", "--dtype", "float32", "--block-size", "32", "--max-model-len", "1024"),
        *("--enable-lora", "--max-loras", "8", "--max-lora-rank", "32"),
        *("--host", "127.0.0.1", "--port", str(port), "--api-key", key),
    ]
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    began = time.monotonic()
    print(f"Starting vLLM on {model.name} (its log is {log}) …", flush=True)
    with log.open("w") as file:
        # a group of its own: it has children, and all of them end with it
        process = subprocess.Popen(command, env=env, stdout=file, stderr=file, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url, key):
            if process.poll() is not None:
                raise SystemExit(f"vLLM ended with {process.returncode} before it was ready; see {log}")
            if time.monotonic() - began > _PATIENCE:
                raise SystemExit(f"vLLM was not ready after {_PATIENCE:.0f} seconds; see {log}")
            time.sleep(2)
        print(f"  ready after {time.monotonic() - began:.0f} s", flush=True)
        yield url, key
    finally:
        _end(process)


def _answers(url: str, key: str) -> bool:
    try:
        with urlopen(Request(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"}), timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
