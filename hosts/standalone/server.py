"""A server that runs already, as what plays our own page: what kind it is it is asked itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..protocol import HostError

if TYPE_CHECKING:
    from .player import Player


@dataclass(frozen=True)
class OnServer:
    """Somebody else's server.

    Attributes:
        url: where it listens.
        key: what it wants to hear.
        shared: a folder that a vLLM server sees too; a llama-server needs none.
        seen_as: where that server finds it; under the same path if None.
    """

    url: str
    key: str | None = None
    shared: Path | None = None
    seen_as: str | None = None

    @property
    def place(self) -> str:
        """Where it listens, for people."""
        return urlsplit(self.url if "://" in self.url else f"http://{self.url}").netloc.rpartition("@")[2] or self.url

    @property
    def model_name(self) -> str:
        """What stands where the model's name will, until it has told that."""
        return f"The server at {self.place}"

    def player(self, adapters: Mapping[str, Path], say: Callable[[str], None]) -> Player:
        """What plays on it.

        Args:
            adapters: on vLLM PEFT folders; on a llama-server folders that adapters were split into, by name.
            say: told what is going on.

        Raises:
            HostError: nobody is there, the key is wrong, or it does not play these adapters.
        """
        from .vllm import in_words, on_vllm

        say(f"Asking what listens at {self.place} …")
        try:
            is_vllm = speaks_vllm(self.url, self.key)
        except (RuntimeError, ValueError) as error:
            raise HostError(in_words(error)) from error
        if is_vllm:
            return on_vllm(self, adapters, say)
        if self.shared is not None:
            raise HostError(
                f"At {self.place} listens no vLLM server, and a llama-server takes adapters when it is started: leave "
                "--shared out, and name the folders that it was started with."
            )
        from .llama import on_their_server
        from .llama_start import OnLlama

        return on_their_server(OnLlama(url=self.url, key=self.key), adapters)


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
