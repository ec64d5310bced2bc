"""A llama-server of our own: who may ask it, and when it ends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from helpers.llama import Llama, asked

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Sampling
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError, ServerError

ROOT = Path(__file__).resolve().parents[4]
#: Starts a server, tells where it is, and waits to be killed.
_HOLDER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("lora_mixer", sys.argv[1], submodule_search_locations=[sys.argv[2]])
module = importlib.util.module_from_spec(spec)
sys.modules["lora_mixer"] = module
spec.loader.exec_module(module)
from lora_mixer.lora_ops import Sampling
from lora_mixer.lora_ops.engines import llama_server
server = llama_server.start(sys.argv[3], context=128, slots=1, threads=1)
print(server.url, server.pid, flush=True)
time.sleep(600)
"""


posix = pytest.mark.skipif(
    os.name == "nt", reason="scripts are no programs there, and processes are looked at otherwise"
)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").is_dir() else True


def test_it_listens_on_this_machine_alone_and_wants_its_key(llama: Llama) -> None:
    assert llama.server.url.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        asked(llama.server, "/completion", {"prompt": "x", "n_predict": 1}, key="none")


@posix
def test_its_key_stands_in_no_list_of_processes(llama: Llama) -> None:
    listed = subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
    assert "server_child.py" in listed and llama.server.key not in listed


def test_pages_from_elsewhere_may_not_read_what_it_says(llama: Llama) -> None:
    for origin, allowed in (("http://evil.example", False), ("http://localhost:7860", True)):
        question = urllib.request.Request(f"{llama.server.url}/health", headers={"Origin": origin})
        with urllib.request.urlopen(question, timeout=30) as answer:
            said = answer.headers.get("Access-Control-Allow-Origin")
            assert (said in (origin, "*")) == allowed, said
            assert answer.headers.get("Access-Control-Allow-Credentials") != "true"


def test_it_is_told_apart_from_any_other(llama: Llama) -> None:
    models = asked(llama.server, "/v1/models")["data"]
    assert models[0]["id"] == llama.server.alias and llama.server.alias.startswith("lora-mixer-")


def test_it_ends_when_it_is_stopped() -> None:
    with llama_server.start(gguf_file(), context=128, slots=1, threads=1) as server:
        assert server.alive
    assert not server.alive
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{server.url}/health", timeout=5)
    server.stop()


@posix
def test_it_ends_with_whoever_started_it_though_that_one_is_killed() -> None:
    command = [sys.executable, "-c", _HOLDER, str(ROOT / "__init__.py"), str(ROOT), str(gguf_file())]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        pid = int(holder.stdout.readline().split()[1])
        assert alive(pid)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    for _ in range(200):
        if not alive(pid):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the server outlived whoever started it")


def as_program(path: Path, source: str) -> None:
    """A program in Python, whatever the folder of this Python is called: the first line of a script takes no spaces."""
    code = path.with_suffix(".py")
    code.write_text(source)
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(code))} "$@"\n')
    path.chmod(0o755)


@posix
def test_what_cannot_be_started_says_why(tmp_path: Path, llama: Llama) -> None:
    with pytest.raises(ServerError, match="failed to load model|no llama-server could be started"):
        llama_server.start(llama.parts[0].path, threads=1)
    with pytest.raises(ServerError, match="no llama-server could be started"):
        llama_server.start(gguf_file(), program=tmp_path / "llama-server", threads=1)
    broken = tmp_path / "llama-server"
    as_program(broken, "import sys\nsys.exit('error: bad luck')\n")
    with pytest.raises(ServerError, match=r"exit code 1.*bad luck"):
        llama_server.start(gguf_file(), program=broken, threads=1)


@posix
def test_a_llama_server_that_is_installed_is_run_with_what_it_needs(tmp_path: Path, llama: Llama) -> None:
    """A program that takes llama-server's arguments, and tells what it got."""
    told = tmp_path / "told.txt"
    program = tmp_path / "llama-server"
    as_program(
        program,
        "import http.server, os, sys\n"
        f"open({str(told)!r}, 'w').write('\\n'.join([*sys.argv[1:], os.environ['LLAMA_API_KEY']]))\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[sys.argv.index('--port') + 1])), Handler).serve_forever()\n",
    )
    with llama_server.start(gguf_file(), llama.parts[:3], program=program, context=64, slots=2, threads=1) as server:
        words = told.read_text().splitlines()
        assert words[words.index("--lora") + 1] == ",".join(str(part.path) for part in llama.parts[:3])
        assert words[words.index("--host") + 1] == "127.0.0.1" and words[words.index("-c") + 1] == "128"
        assert words[words.index("--alias") + 1] == server.alias and words[-1] == server.key
        assert server.key not in words[:-1] and words[1] == str(gguf_file().resolve())
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{server.url}/health", timeout=5)


@posix
def test_a_server_that_dies_in_the_middle_of_a_reply_is_told() -> None:
    with llama_server.start(gguf_file(), context=256, slots=2, threads=1) as server:
        engine = llama_server.connect(server.url, [], server.key)
        tokens = engine.reply([9531, 198], Sampling(max_new_tokens=200, do_sample=False))
        next(tokens)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(LlamaServerError, match="is gone or broke off|broke off in the middle"):
            list(tokens)
        with pytest.raises(LlamaServerError, match="nothing listens there|is gone"):
            next(engine.reply([9531, 198], Sampling(max_new_tokens=4)))
        for _ in range(100):  # the system takes a moment to say so
            if not server.alive:
                return
            time.sleep(0.1)
        pytest.fail("it is said to live still")
