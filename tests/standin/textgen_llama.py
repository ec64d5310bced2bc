"""The llama.cpp loader of the stand-in of TextGen: a real llama-server, asked as TextGen asks its own.

What an extension meets: flags that are read when the server starts, requests that `prepare_payload` makes, replies that
end with an error in the log alone, a model that is None when the server did not start, and pictures beside a prompt,
under a mark that is another one each time that the server starts.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

logger = logging.getLogger("text-generation-webui")
_PROGRAM = Path(__file__).with_name("llama_server.py")
#: Where the host puts a picture into a prompt.
PICTURE = "<__media__>"


class LlamaServer:
    """`modules.llama_cpp_server.LlamaServer`."""

    def __init__(self, host: Any, model_path: Path) -> None:
        self._host = host
        self.model_path = model_path
        self.bos_token = "<|im_start|>"
        self.last_prompt_token_count = 0
        self.last_completion_probabilities: list[Any] = []
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._start()
        props = self._asked("/props")
        self.n_ctx = props["default_generation_settings"]["n_ctx"]
        self.media_marker = props.get("media_marker", PICTURE)

    def _start(self) -> None:
        args = self._host.shared.args
        command = [sys.executable, str(_PROGRAM), "--model", str(self.model_path), "--port", str(self.port)]
        command += ["--parallel", str(args.parallel), "--no-webui"]
        if args.mmproj:
            command += ["--mmproj", str(args.mmproj)]
        command += _flags(args.extra_flags or "")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError(f"Server process terminated unexpectedly with exit code: {self.process.wait()}")
        while self._asked("/health").get("status") != "ok":
            time.sleep(0.05)

    def _asked(self, path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = httpx.get(url, timeout=60) if body is None else httpx.post(url, json=body, timeout=60)
        return answer.json()

    def encode(self, text: str, add_bos_token: bool = False, **_: Any) -> list[int]:
        if text.startswith(self.bos_token):
            add_bos_token = False
        return list(self._asked("/tokenize", {"content": text, "add_special": add_bos_token})["tokens"])

    def decode(self, token_ids: Any, **_: Any) -> str:
        return str(self._asked("/detokenize", {"tokens": list(token_ids)})["content"])

    def is_multimodal(self) -> bool:
        return self._host.shared.args.mmproj not in (None, "None")

    def prepare_payload(self, state: dict[str, Any]) -> dict[str, Any]:
        return {
            "temperature": state["temperature"],
            "top_k": state["top_k"],
            "top_p": state["top_p"],
            "min_p": state["min_p"],
            "top_n_sigma": -1,
            "adaptive_target": -1,
            "typical_p": state["typical_p"],
            "repeat_penalty": state["repetition_penalty"],
            "repeat_last_n": state["repetition_penalty_range"],
            "dry_multiplier": 0.0,
            "dry_sequence_breakers": ["\n", ":"],
            "mirostat": 0,
            "grammar": state.get("grammar_string", ""),
            "seed": state["seed"],
            "ignore_eos": state["ban_eos_token"],
            "samplers": ["top_k", "top_p", "min_p", "temperature"],
        }

    def generate_with_streaming(self, prompt: str, state: dict[str, Any]) -> Iterator[str]:
        payload = self.prepare_payload(state)
        pictures = state.get("raw_images", ()) if self._host.shared.is_multimodal else ()
        if pictures:
            prompt = prompt.replace(PICTURE, self.media_marker)
        token_ids = self.encode(prompt, add_bos_token=state["add_bos_token"])
        self.last_prompt_token_count = len(token_ids) + 600 * len(pictures)
        most = state["max_new_tokens"]
        if state["auto_max_new_tokens"]:
            most = state["truncation_length"] - self.last_prompt_token_count
        asked = with_pictures(prompt, pictures) if pictures else token_ids
        payload.update({"prompt": asked, "n_predict": most, "stream": True, "cache_prompt": True})
        text = ""
        self.last_completion_probabilities = []
        url = f"http://127.0.0.1:{self.port}/completion"
        with httpx.stream("POST", url, json=payload, timeout=60) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if self._host.shared.stop_everything:
                    break
                if not line.startswith("data: "):
                    continue
                data = json.loads(line.removeprefix("data: "))
                if data.get("content"):
                    text += data["content"]
                    yield text
                if data.get("stop"):
                    break

    def generate(self, prompt: str, state: dict[str, Any]) -> str:
        return (["", *self.generate_with_streaming(prompt, state)])[-1]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


def with_pictures(prompt: str, pictures: Sequence[bytes]) -> dict[str, Any]:
    """What llama-server takes in the place of tokens."""
    return {"prompt_string": prompt, "multimodal_data": [base64.b64encode(one).decode() for one in pictures]}


def _flags(text: str) -> list[str]:
    """As a shell splits them, where they begin with a dash; else the older way, `flag=value,flag`."""
    if not text or text.startswith("-"):
        return shlex.split(text)
    parts = [item.strip().partition("=") for item in text.split(",")]
    return [word for flag, equals, value in parts for word in (f"--{flag}", value)[: 2 if equals else 1]]


def generate_reply_custom(host: Any, question: str, state: dict[str, Any], is_chat: bool) -> Iterator[str]:
    """`modules.text_generation.generate_reply_custom`: an error of the server is in the log, and nowhere else."""
    state = copy.deepcopy(state)
    state["seed"] = host.text_generation.set_manual_seed(state["seed"])
    try:
        if not is_chat:
            yield ""
        if state["stream"]:
            yield from host.shared.model.generate_with_streaming(question, state)
        else:
            yield host.shared.model.generate(question, state)
    except Exception:
        logger.exception("Failed to generate reply (custom)")
