"""What listens where a vLLM server should, and behaves as vLLM 0.32 did when it was asked.

Its model is letters: what follows a text is a softmax over scores that a hash of the last letters gives; an adapter
adds scores of its own for each module, as much as its B A weighs. So gains, mixes and likelihoods hang together.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

LETTERS = "abcdefghijklmnopqrstuvwxyz .,!?"
END = len(LETTERS)
KEY = "sesame"
TARGETS = [f"model.layers.{layer}.self_attn.{kind}" for layer in range(2) for kind in ("q_proj", "v_proj")]
PROMPT = tuple(LETTERS.index(letter) for letter in "where is my book?")


def write_adapter(
    folder: Path, seed: int = 0, rank: int = 2, kinds: Sequence[str] = ("q_proj", "v_proj"), **config: Any
) -> Path:
    """A PEFT folder for the model of letters: alpha is twice the rank."""
    dice = np.random.default_rng(seed)
    tensors = {}
    for name in (name for name in TARGETS if name.endswith(tuple(kinds))):
        tensors[f"base_model.model.{name}.lora_A.weight"] = dice.normal(size=(rank, 8)).astype(np.float32)
        tensors[f"base_model.model.{name}.lora_B.weight"] = dice.normal(size=(8, rank)).astype(np.float32)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    plain = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": list(kinds), **config}
    (folder / "adapter_config.json").write_text(json.dumps(plain))
    return folder


@dataclass
class FalseVllm:
    """The state of a server.

    Attributes:
        url: where it listens.
        loaded: the adapters that it has, by name, each with its path.
        most_rank: its --max-lora-rank.
        pause: seconds before each token.
        asked: the paths and bodies that it was asked, in their order.
        amiss: what would have ended a real server: a folder that went while its name was loaded.
        most_at_once: how many replies ran at the same time at most.
        run_time: whether adapters may come and go while it runs.
        replying: what the replies that run are asked of.
        metrics: whether it tells them.
        templates: whether its model has a chat template.
        room: how many replies may run at the same time: what is asked beyond that is refused, as what stands before
            several servers does, and SGLang with --max-queued-requests. vLLM itself has them wait.
    """

    url: str = ""
    loaded: dict[str, Path] = field(default_factory=dict)
    most_rank: int = 16
    pause: float = 0.0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    amiss: list[str] = field(default_factory=list)
    most_at_once: int = 0
    run_time: bool = True
    model: str = "letters"
    replying: list[str] = field(default_factory=list)
    metrics: bool = True
    templates: bool = True
    room: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, body: Any) -> Any:
        """An answer, or a status with one."""
        with self.lock:
            self.asked.append((path, body))
            self.amiss += [name for name, folder in self.loaded.items() if not folder.is_dir()]
        if path == "/version":
            return {"version": "0.32.0"}
        if path == "/v1/models":
            models = [{"id": self.model, "root": "/models/letters", "parent": None, "max_model_len": 200}]
            return {
                "data": [
                    *models,
                    *({"id": name, "root": str(at), "parent": self.model} for name, at in self.loaded.items()),
                ]
            }
        if path == "/tokenize" and "messages" in body and not self.templates:
            return refused(400, "Default chat template is no longer allowed, so you must provide a chat template.")
        if path == "/tokenize" and "messages" in body:
            text = " ".join(one["content"] for one in body["messages"])
            return self.answer(path, {"prompt": f"{text} "[-100:]})
        if path == "/tokenize":
            return {"tokens": [LETTERS.index(letter) for letter in body["prompt"].lower() if letter in LETTERS]}
        if path == "/detokenize":
            return {"prompt": "".join("<|im_end|>" if id == END else LETTERS[id] for id in body["tokens"])}
        if path == "/v1/chat/completions":
            return self.chat(body)
        if path == "/metrics" and self.metrics:
            return self._metrics()
        if path.endswith("load_lora_adapter"):
            return self._lora(path, body) if self.run_time else refused(404, "Not Found")
        return refused(404, "Not Found")

    def chat(self, body: Any) -> Any:
        """One whole reply, greedily."""
        weights = self.weights(body["model"])
        if weights is None:
            return self.unknown(body["model"])
        if not self.templates:
            return refused(400, "As of transformers v4.44, a chat template must be provided.")
        said = [LETTERS.index(letter) for letter in body["messages"][0]["content"].lower() if letter in LETTERS]
        start = len(said)
        while len(said) < start + body["max_tokens"] and said[-1] != END:
            said.append(_drawn(logits(weights, said), 0.0, random.Random(0)))
        text = "".join(LETTERS[id] for id in said[start:] if id != END)
        return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "length"}]}

    def _metrics(self) -> bytes:
        """What runs, and before that what ran once."""
        names = ",".join(self.replying)
        label = f'max_lora="8",running_lora_adapters="{names}",waiting_lora_adapters=""'
        lines = [
            "# TYPE vllm:num_requests_running gauge",
            f'vllm:num_requests_running{{engine="0"}} {float(len(self.replying))}',
            'vllm:num_requests_waiting{engine="0"} 0.0',
            'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 0.0',
            'vllm:lora_requests_info{max_lora="8",running_lora_adapters="mixer-a",waiting_lora_adapters=""} 1.7e+09',
            f"vllm:lora_requests_info{{{label}}} {time.time()}",
        ]
        return "\n".join(lines).encode()

    def beside(self, model: str, weights: dict[str, float]) -> dict[str, float]:
        """What a model hears where others reply too: on a processor vLLM 0.32 has its base model hear one of them."""
        others = [name for name in self.replying if name in self.loaded]
        return (self.weights(others[-1]) or weights) if model == self.model and others else weights

    def unknown(self, model: str) -> tuple[int, Any]:
        """What it answers to a request for a model that it does not have."""
        return refused(404, f"The model `{model}` does not exist.")

    def dice(self, seed: int) -> random.Random:
        """What it rolls for a request with this seed."""
        return random.Random(seed)

    def _lora(self, path: str, body: Any) -> Any:
        name = body["lora_name"]
        if path.endswith("unload_lora_adapter"):
            if self.loaded.pop(name, None) is None:
                return refused(404, f"The lora adapter '{name}' cannot be found.")
            return f"Success: LoRA adapter '{name}' removed successfully.".encode()
        folder = Path(body["lora_path"])
        if not folder.is_dir():
            return refused(404, f"Loading lora {name} failed: No adapter found for {folder}")
        if name in self.loaded:
            return refused(400, f"The lora adapter '{name}' has already been loaded.")
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > self.most_rank:
            return refused(500, f"LoRA rank {rank} is greater than max_lora_rank {self.most_rank}.")
        self.loaded[name] = folder
        return f"Success: LoRA adapter '{name}' added successfully.".encode()

    def weights(self, model: str) -> dict[str, float] | None:
        """What each module's B A weighs; None for a model that is not there."""
        if model == self.model:
            return {}
        if model not in self.loaded:
            return None
        tensors = load_file(self.loaded[model] / "adapter_model.safetensors")
        ends = (".lora_A.weight", ".lora_B.weight")
        names = {name.removesuffix(ends[0]) for name in tensors if name.endswith(ends[0])}
        return {name: float((tensors[name + ends[1]] @ tensors[name + ends[0]]).sum()) for name in names}


def refused(status: int, said: str) -> tuple[int, Any]:
    return status, {"error": {"message": said, "type": "x", "param": None, "code": status}}


def logits(weights: dict[str, float], context: Sequence[int]) -> list[float]:
    """The logarithms of the chances of the next letter."""
    scores = _scores("base", context)
    for name, weight in sorted(weights.items()):
        for id, more in enumerate(_scores(name, context)):
            scores[id] += weight * more / 20
    whole = max(scores) + math.log(sum(math.exp(score - max(scores)) for score in scores))
    return [score - whole for score in scores]


def _scores(salt: str, context: Sequence[int]) -> list[float]:
    dice = random.Random(hashlib.sha256(f"{salt} {list(context[-4:])}".encode()).digest())
    return [dice.gauss(0, 1.5) for _ in range(END + 1)]


def _likelihoods(weights: dict[str, float], prompt: Sequence[int]) -> list[Any]:
    found: list[Any] = [None]
    for at in range(1, len(prompt)):
        chances = logits(weights, prompt[:at])
        own = chances[prompt[at]]
        found.append({str(prompt[at]): {"logprob": own, "rank": 1 + sum(one > own for one in chances)}})
    return found


def _drawn(chances: Sequence[float], temperature: float, dice: random.Random) -> int:
    if not temperature:
        return max(range(len(chances)), key=chances.__getitem__)
    return dice.choices(range(len(chances)), [math.exp(one / temperature) for one in chances])[0]


@contextmanager
def serving(state: Any = None, **settings: Any) -> Iterator[Any]:
    """A server that runs: a vLLM, or what else is handed over."""
    state = state or FalseVllm(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                return self.send(401, {"error": "Unauthorized"})
            if self.path == "/v1/completions":
                return self.complete(body)
            told = state.answer(self.path, body)
            return self.send(*told) if isinstance(told, tuple) else self.send(200, told)

        do_POST = do_GET

        def complete(self, body: Any) -> None:
            state.asked.append((self.path, body))
            weights = state.weights(body["model"])
            if weights is None:
                return self.send(*state.unknown(body["model"]))
            if not body.get("stream"):
                if "prompt_logprobs" not in body:
                    return self.send(200, {"choices": [{"text": "words"}]})
                told = {"prompt_logprobs": _likelihoods(weights, body["prompt"]), "text": ""}
                return self.send(200, {"choices": [told]})
            with state.lock:
                full = state.room is not None and len(state.replying) >= state.room
                if not full:
                    state.replying.append(body["model"])
                    state.most_at_once = max(state.most_at_once, len(state.replying))
            if full:
                return self.send(*refused(503, "The request queue is full."))
            try:
                self.stream(body, weights)
            finally:
                with state.lock:
                    state.replying.remove(body["model"])

        def stream(self, body: Any, weights: dict[str, float]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            dice, said = state.dice(body["seed"]), list(body["prompt"])
            for at in range(body["max_tokens"]):
                time.sleep(state.pause)
                chances = logits(state.beside(body["model"], weights), said)[: END if body.get("ignore_eos") else None]
                said.append(_drawn(chances, body.get("temperature", 1.0), dice))
                over = "stop" if said[-1] == END else "length" if at + 1 == body["max_tokens"] else None
                event = {"choices": [{"text": "x", "token_ids": said[-1:], "finish_reason": over}]}
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                if over:
                    break
            self.wfile.write(b"data: [DONE]\n\n")

        def send(self, status: int, told: Any) -> None:
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None: ...

        def handle(self) -> None:
            with suppress(OSError):  # whoever asked has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
