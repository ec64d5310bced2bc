"""A server that runs is asked what kind it is, and played on as that."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import false_llama, false_vllm

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.llama import LlamaPlayer
from lora_mixer.hosts.standalone.server import OnServer
from lora_mixer.hosts.standalone.vllm import VllmPlayer
from lora_mixer.hosts.standalone.which_server import on_server, speaks_vllm


def test_either_kind_is_told_by_asking_and_played_on(tmp_path: Path) -> None:
    said: list[str] = []
    pirate = false_vllm.write_adapter(tmp_path / "pirate")
    with false_vllm.serving() as state:
        player = on_server(OnServer(state.url, false_vllm.KEY, tmp_path / "shared"), {"pirate": pirate}, said.append)
        assert isinstance(player, VllmPlayer) and "Having vLLM load the adapters …" in said
        player.close()
    with false_llama.answering({}) as url:
        assert not speaks_vllm(url, None)
        llama = on_server(OnServer(url), {}, said.append)
        assert isinstance(llama, LlamaPlayer) and llama.model_name == f"llama-server at {url.removeprefix('http://')}"


def test_a_folder_to_share_is_refused_where_there_is_no_use_for_one(tmp_path: Path) -> None:
    with false_llama.answering({}) as url, pytest.raises(HostError, match="leave --shared out"):
        on_server(OnServer(url, None, tmp_path), {}, print)


@pytest.mark.parametrize("status", [401, 403])
def test_whatever_wants_another_key_is_told_so(status: int) -> None:
    with false_llama.answering({"/version": (status, {})}) as url, pytest.raises(HostError, match="--key-file"):
        on_server(OnServer(url), {}, print)
