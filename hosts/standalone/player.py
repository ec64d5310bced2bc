"""What plays the model of our own page: transformers in this process, or a llama-server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..protocol import Request, Trouble
from .growing import Partial

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from ...lora_ops.shelf.shelf import Place
    from .prompt import Settings


#: What the button is called that finds a server of others again; and what is told beside it.
CONNECT = "Connect again"
STAYS = "The chat and the faders stay as they are."


@runtime_checkable
class Curable(Protocol):
    """What a player has besides whose trouble a person can put right with one click."""

    @property
    def cure(self) -> str:
        """What the button is called; empty without trouble."""

    def revive(self, say: Callable[[str], None]) -> None:
        """Puts it right; `say` is told how far that is.

        Raises:
            HostError: it cannot be done.
        """


class Player(Protocol):
    """A model that is there, with its adapters. It locks nothing: that is for the host to do."""

    @property
    def model(self) -> Any:
        """The live model, as an object of its own kind."""

    @property
    def engine(self) -> Engine | None:
        """What plays mixes on it; None while it cannot have adapters."""

    @property
    def model_name(self) -> str:
        """What people call the model, if the player knows better than who started it; else empty."""

    @property
    def parameters(self) -> int:
        """How many the model has, without the adapters."""

    @property
    def facts(self) -> str:
        """On what it plays, for the head of the page: "float32 on cpu"."""

    def trouble(self) -> Trouble | None:
        """Why it does not play any more, or None."""

    def adapters(self) -> dict[str, Path | None]:
        """The adapters in it, with the place that each came from."""

    def changed(self, load: Mapping[str, Place], keep: Sequence[str]) -> Player:
        """The same with other adapters; what it was before is not to be used any more.

        Args:
            load: those that come, by the names that they get.
            keep: those that stay; all others go.

        Raises:
            HostError: it cannot be done; everything is as it was.
        """

    def request(self, messages: list[dict[str, str]], settings: Settings, opening: str) -> Request:
        """`messages` (the last one the user's) as a request; the reply goes on from `opening`.

        Raises:
            HostError: the prompt leaves no room for a reply in the model's context.
        """

    def stream(self, request: Request, stop: threading.Event) -> Iterator[Partial]:
        """The reply each time it has grown, until it ends or `stop` is set."""

    def count(self, text: str) -> int:
        """Of how many tokens a text is made."""

    def close(self) -> None:
        """It is not needed any more."""
