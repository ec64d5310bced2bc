"""A real llama-server with the demo's model and the demo's adapters in parts, for all tests that need one."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Column, Desk, Mix, compare
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerEngine, Part, Server

ADAPTERS = Path(__file__).resolve().parent.parent.parent / "demo" / "adapters"
PROMPT = "<|im_start|>user\nWhere is my book?<|im_end|>\n<|im_start|>assistant\n"
GREEDY = {"max_new_tokens": 12, "do_sample": False}


@dataclass(frozen=True)
class Llama:
    """A server that runs.

    Attributes:
        server: it.
        parts: the adapters that it was started with, "pirate" and "butler", one part per target.
        prompt: token ids of a question.
    """

    server: Server
    parts: tuple[Part, ...]
    prompt: tuple[int, ...]

    def engine(self, *adapters: str) -> LlamaServerEngine:
        """An engine of its own; of these adapters alone, where some are named."""
        parts = [part for part in self.parts if not adapters or part.adapter in adapters]
        return llama_server.connect(self.server.url, parts, self.server.key, alias=self.server.alias)

    def scales(self, gain: float, adapter: str = "pirate") -> list[dict[str, Any]]:
        """The same gain for all of one adapter, and 0 for the other, by the order in which the server was started."""
        return [
            {"id": id, "scale": gain if part.adapter == adapter else 0.0} for id, part in enumerate(self.server.parts)
        ]


def asked(server: Server, path: str, body: Any = None, key: str | None = None) -> Any:
    """What a server answers, without anything of ours."""
    headers = {"Authorization": f"Bearer {key or server.key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(server.url + path, data, headers), timeout=120) as answer:
        return json.load(answer)


def said(server: Server, prompt: Sequence[int], scales: Sequence[Any] | None, tokens: int = 12) -> tuple[int, ...]:
    """What a server says greedily, asked without anything of ours."""
    body = {"prompt": list(prompt), "n_predict": tokens, "temperature": 0, "return_tokens": True, "cache_prompt": False}
    told = asked(server, "/completion", body | ({} if scales is None else {"lora": list(scales)}))
    ids = told["tokens"]
    return tuple(ids[:-1] if told["stop_type"] == "eos" and ids and ids[-1] == 2 else ids)


def texts(desk: Desk, prompt: Sequence[int], mixes: Sequence[Mix], **options: object) -> list[tuple[int, ...]]:
    """What a desk has each mix say, token by token."""
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    run = compare(desk, None, prompt, columns, **{"seed": 3, "generation": GREEDY, **options})  # type: ignore[arg-type]
    list(run)
    return [column.token_ids for column in run.result.columns]


@pytest.fixture(scope="session")
def split_adapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[Part, ...]:
    """Both adapters of the demo, in parts."""
    folder = tmp_path_factory.mktemp("parts")
    return tuple(
        part
        for name in ("pirate", "butler")
        for part in llama_server.split(ADAPTERS / name, gguf_file(), folder / name)
    )


@pytest.fixture(scope="session")
def llama(split_adapters: tuple[Part, ...]) -> Iterator[Llama]:
    """A server with both adapters in parts, three slots, one thread."""
    with llama_server.start(gguf_file(), split_adapters, context=512, slots=3, threads=1) as server:
        prompt = asked(server, "/tokenize", {"content": PROMPT, "add_special": False, "parse_special": True})["tokens"]
        yield Llama(server, split_adapters, tuple(prompt))


@pytest.fixture(scope="session")
def whole_llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with both adapters as one file each: 0 is pirate, 1 is butler."""
    folder = tmp_path_factory.mktemp("whole")
    names = ("pirate", "butler")
    files = [llama_server.whole(ADAPTERS / name, gguf_file(), folder / f"{name}.gguf") for name in names]
    parts = [llama_server.unsplit(file) for file in files]
    with llama_server.start(gguf_file(), parts, context=512, slots=1, threads=1) as server:
        yield server
