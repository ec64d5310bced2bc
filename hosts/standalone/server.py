"""A server that runs already, as what is to play our own page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


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
