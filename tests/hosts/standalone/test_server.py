"""A server that runs is asked what kind it is, and played on as that."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import false_llama, false_vllm

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.llama import LlamaPlayer
from lora_mixer.hosts.standalone.server import OnServer, speaks_vllm
from lora_mixer.hosts.standalone.vllm import VllmPlayer


def test_either_kind_is_told_by_asking_and_played_on(tmp_path: Path) -> None:
    said: list[str] = []
    pirate = false_vllm.write_adapter(tmp_path / "pirate")
    with false_vllm.serving() as state:
        player = OnServer(state.url, false_vllm.KEY, tmp_path / "shared").player({"pirate": pirate}, said.append)
        assert isinstance(player, VllmPlayer) and "Having vLLM load the adapters …" in said
        player.close()
    with false_llama.answering({}) as url:
        assert not speaks_vllm(url, None)
        llama = OnServer(url).player({}, said.append)
        assert isinstance(llama, LlamaPlayer) and llama.model_name == f"llama-server at {url.removeprefix('http://')}"


def test_a_folder_to_share_is_refused_where_there_is_no_use_for_one(tmp_path: Path) -> None:
    with false_llama.answering({}) as url, pytest.raises(HostError, match="leave --shared out"):
        OnServer(url, None, tmp_path).player({}, lambda _: None)


@pytest.mark.parametrize("status", [401, 403])
def test_whatever_wants_another_key_is_told_so(status: int) -> None:
    with false_llama.answering({"/version": (status, {})}) as url, pytest.raises(HostError, match="--key-file"):
        OnServer(url).player({}, lambda _: None)


def test_it_has_a_name_before_it_has_answered_and_no_password_is_in_it() -> None:
    assert OnServer("http://me:secret@example.org:8000/x").model_name == "The server at example.org:8000"
    assert OnServer("127.0.0.1:8000").place == "127.0.0.1:8000"
