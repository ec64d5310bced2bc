"""What listens where an SGLang server should, and answers as the sources of SGLang 0.5.23 say.

No real one was there to be recorded: it needs a GPU. What is kept of it here is in `srt/entrypoints/http_server.py`
(paths, statuses), `openai/serving_base.py` (`base:adapter`), `openai/serving_completions.py`, `managers/
tokenizer_control_mixin.py` (loading, unloading, what is evicted), `lora/lora.py` (what is stacked) and `managers/
scheduler_components/logprob_result_processor.py` (what a text's likelihoods begin with). Its model is that of
`false_vllm`.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from .false_vllm import END, LETTERS, FalseVllm, logits

_OLDER = {"/get_model_info": "/model_info", "/get_server_info": "/server_info"}


@dataclass
class FalseSglang(FalseVllm):
    """The state of a server, besides what it shares with vLLM.

    Attributes:
        deterministic: whether it heeds seeds (--enable-deterministic-inference).
        older: whether it knows the older names of two paths alone.
        most_loaded: its --max-loaded-loras; what was loaded first goes.
        folder: where its model lies.
    """

    deterministic: bool = True
    older: bool = False
    most_loaded: int | None = None
    folder: str = "/models/letters"

    def answer(self, path: str, body: Any) -> Any:
        with self.lock:
            self.asked.append((path, body))
        if path in (_OLDER if self.older else _OLDER.values()):
            if _OLDER.get(path, path) == "/server_info":
                return {"enable_deterministic_inference": self.deterministic, "version": "0.5.23"}
            return {"model_path": self.folder, "served_model_name": self.model}
        if path == "/v1/models":
            models: list[Any] = [{"id": self.model, "root": self.model, "parent": None, "max_model_len": 200}]
            loaded = [{"id": name, "root": str(at), "parent": self.model} for name, at in self.loaded.items()]
            return {"data": models + loaded}
        if path == "/tokenize":
            return {"tokens": [LETTERS.index(letter) for letter in body["prompt"].lower() if letter in LETTERS]}
        if path == "/detokenize":
            ids = [id for id in body["tokens"] if id != END or not body.get("skip_special_tokens", True)]
            return {"text": "".join("<|im_end|>" if id == END else LETTERS[id] for id in ids)}
        if path in ("/load_lora_adapter", "/unload_lora_adapter"):
            why_not = self._load(**body) if path.startswith("/load") else self._unload(**body)
            return (400 if why_not else 200), {"success": not why_not, "error_message": why_not}
        if path == "/v1/chat/completions":
            return self.chat(body)
        if path == "/generate":
            return self._read(body)
        return 404, {"object": "error", "message": "Not Found", "code": 404}

    def _load(self, lora_name: str, lora_path: str) -> str:
        folder = Path(lora_path)
        if not self.run_time:
            return "LoRA is not enabled. Please set `--enable-lora` to enable LoRA."
        if not folder.is_dir():
            return f"Repo id must be in the form 'repo_name' or 'namespace/repo_name': '{folder}'."
        if lora_name in self.loaded:
            return f"Failed to load LoRA adapter {lora_name} because it is already loaded"
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > self.most_rank:
            return (
                f"LoRA adapter {lora_name} with rank {rank} is incompatible with the current LoRA memory pool "
                "configuration. Please ensure that the LoRA adapter's rank is within the configured `--max-lora-rank`"
            )
        names = {name.rpartition(".lora_")[0] for name in load_file(folder / "adapter_model.safetensors")}
        for name in names:
            layer, _, kind = name.rpartition(".")
            if kind == "q_proj" and f"{layer}.v_proj" not in names:
                return f"'{layer}.v_proj.lora_A.weight'"
            if kind in ("k_proj", "v_proj") and f"{layer}.q_proj" not in names:
                self.amiss.append(f"{name} is stacked with a q_proj that is not there: the scheduler ends")
        self.loaded[lora_name] = folder
        while self.most_loaded is not None and len(self.loaded) > self.most_loaded:
            self.loaded.pop(next(iter(self.loaded)))
        return ""

    def _unload(self, lora_name: str) -> str:
        if self.loaded.pop(lora_name, None) is None:
            return f"LoRA with name {lora_name} does not exist. Loaded LoRAs: {list(self.loaded)}"
        return ""

    def _read(self, body: Any) -> Any:
        ids, start = body["input_ids"], body["logprob_start_len"]
        weights = self.weights(f"{self.model}:{body['lora_path']}" if "lora_path" in body else self.model)
        if weights is None:
            return self.unknown(body["lora_path"])
        own: list[Any] = [[None, ids[start], None]]
        best: list[Any] = [None]
        for at in range(start + 1, len(ids)):
            chances = logits(weights, ids[:at])
            top = max(range(len(chances)), key=chances.__getitem__)
            own.append([chances[ids[at]], ids[at], None])
            best.append([[chances[top], top, None]])
        return {"text": "x", "meta_info": {"input_token_logprobs": own, "input_top_logprobs": best}}

    def weights(self, model: str) -> dict[str, float] | None:
        base, colon, adapter = model.partition(":")
        return super().weights(adapter if colon else base)

    def unknown(self, model: str) -> tuple[int, Any]:
        said = f"Got LoRA adapter that has never been loaded: {model}\nAll loaded adapters: {list(self.loaded)}."
        return 400, {"object": "error", "message": said, "type": "BadRequest", "code": 400}

    def beside(self, model: str, weights: dict[str, float]) -> dict[str, float]:
        return weights

    def dice(self, seed: int) -> random.Random:
        return random.Random(seed) if self.deterministic else random.Random()
