"""What kind of server runs at an address, by asking it; and what plays on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol import HostError
from .server import OnServer

if TYPE_CHECKING:
    from .player import Player


def on_server(how: OnServer, adapters: Mapping[str, Path], say: Callable[[str], None]) -> Player:
    """What plays on a server.

    Args:
        how: where it is, and what it needs.
        adapters: on vLLM PEFT folders; on a llama-server folders that adapters were split into, by name.
        say: told what is going on.

    Raises:
        HostError: nobody is there, the key is wrong, or it does not play these adapters.
    """
    from .vllm import in_words, on_vllm

    say(f"Asking what listens at {how.place} …")
    try:
        is_vllm = speaks_vllm(how.url, how.key)
    except (RuntimeError, ValueError) as error:
        raise HostError(in_words(error)) from error
    if is_vllm:
        return on_vllm(how, adapters, say)
    if how.shared is not None:
        raise HostError(
            f"At {how.place} listens no vLLM server, and a llama-server takes adapters when it is started: leave "
            "--shared out, and name the folders that it was started with."
        )
    from .llama import on_their_server
    from .llama_start import OnLlama

    return on_their_server(OnLlama(url=how.url, key=how.key), adapters)


def speaks_vllm(url: str, key: str | None) -> bool:
    """Whether a vLLM server listens there, or SGLang, and nothing else.

    Raises:
        ValueError: that is no address.
        ServerError: nobody is there, or the key is wrong.
    """
    from ...lora_ops.engines.vllm.client import Client, VllmError, dialect_of

    class Anybody(Client):
        kind = "a server"

    try:
        dialect_of(Anybody(url, key))
    except VllmError as error:
        answered = error.status is not None or "neither" in str(error)
        if not answered or error.status in (401, 403):
            raise
        return False
    return True
