"""A server that behaves as vLLM does, and an engine on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import false_vllm
from helpers.false_vllm import FalseVllm

from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.vllm import stock


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for requests that were called off."""
    monkeypatch.setattr(stock, "_GRACE", 0.0)


@pytest.fixture
def server() -> Iterator[FalseVllm]:
    with false_vllm.serving() as state:
        yield state
        assert not state.amiss, "a real server could have ended"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return {name: false_vllm.write_adapter(tmp_path / name, seed) for seed, name in enumerate(("pirate", "butler"))}


Connect = Callable[..., vllm.VllmEngine]


@pytest.fixture
def connect(server: FalseVllm, folders: dict[str, Path], tmp_path: Path) -> Iterator[Connect]:
    engines = []

    def connected(**settings: Any) -> vllm.VllmEngine:
        given: dict[str, Any] = {"adapters": folders, "shared": tmp_path / "shared", "key": false_vllm.KEY, **settings}
        engines.append(vllm.connect(server.url, **given))
        return engines[-1]

    yield connected
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(connect: Connect) -> vllm.VllmEngine:
    return connect()
