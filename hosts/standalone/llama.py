"""A llama-server as the player of our own page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...lora_ops import log
from ...lora_ops.engines.sampling import Sampling
from ...lora_ops.sentence import sentence
from ..adapter_loading import Say, Tell
from ..protocol import HostError, Request, Trouble
from . import prompt as prompts
from .growing import Partial, said_by
from .llama_start import OnLlama, OwnServers
from .player import CONNECT, STAYS

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import LlamaServerEngine, Part, Server
    from ...lora_ops.shelf.shelf import Place
    from .prompt import Settings

AGAIN = "Start llama.cpp again"


def _silent(_: str, part: float | None = None) -> None: ...


class LlamaPlayer:
    """A model on a llama-server. Members as `player.Player` tells them.

    A server takes adapters when it starts: for others it is started again. The engine stays, so the faders do.

    Args:
        engine: of the server.
        own: starts servers of this model; None where somebody else's runs.
        server: that one, if it is our own.
        sources: where the adapters came from.
    """

    def __init__(
        self,
        engine: LlamaServerEngine,
        own: OwnServers | None = None,
        server: Server | None = None,
        sources: Mapping[str, Path] | None = None,
    ) -> None:
        self.engine = engine
        self._own, self._server = own, server
        self._sources = dict(sources or {})
        self._has_template = own is None or own.has_template()
        self._lost = ""
        self.facts = self._told_facts()

    @property
    def model(self) -> Any:
        return self.engine.base

    @property
    def model_name(self) -> str:
        return "" if self._own is not None else f"llama-server at {urlsplit(self.engine.client.url).netloc}"

    @property
    def parameters(self) -> int:
        return self.engine.parameters

    def _told_facts(self) -> str:
        form = self._ask(lambda: self.engine.client.get("/props")).get("model_ftype")
        return f"{form} on llama.cpp" if isinstance(form, str) and form else "on llama.cpp"

    def trouble(self) -> Trouble | None:
        if self._server is not None and not self._server.alive:
            return Trouble("llama.cpp has ended", f"Press “{AGAIN}” at the head of the page. {STAYS}")
        if self._lost:
            return Trouble("The llama-server does not answer", f"{self._lost} Then press “{CONNECT}”. {STAYS}")
        return None

    @property
    def cure(self) -> str:
        """What the button is called that puts its trouble right; empty without one."""
        return "" if self.trouble() is None else AGAIN if self._server is not None else CONNECT

    def revive(self, say: Say) -> None:
        """Starts the server again as it was, or finds one that runs again.

        Raises:
            HostError: it cannot be done.
        """
        if self._own is not None and self._server is not None:
            self._play_on(self._own.start(list(self._server.parts), say))
        else:
            self._ask(self.engine.refresh)
            self._lost = ""

    # -- adapters

    def adapters(self) -> dict[str, Path | None]:
        return {name: self._sources.get(name) for name in self.engine.adapters}

    def changed(self, load: Mapping[str, Place], keep: Sequence[str], tell: Tell | None = None) -> LlamaPlayer:
        say: Say = _silent if tell is None else lambda text, part=None, /: tell(text, part)
        if self._own is None or self._server is None:
            raise HostError(
                "A llama-server takes adapters when it starts, and this one was started by somebody else: start it "
                "with others there, or have the page start one, with --gguf."
            )
        folders = {name: place.folder for name, place in load.items()}
        parts = [part for part in self._server.parts if part.adapter in keep]
        self._play_on(self._started(self._own, [*parts, *self._own.split(folders, say)], say))
        self._sources = {name: path for name, path in self._sources.items() if name in keep} | folders
        return self

    def _started(self, own: OwnServers, parts: list[Part], say: Say) -> Server:
        """A server with these parts beside the one that runs, or, where there is no room for two, after it."""
        assert self._server is not None
        try:
            return own.start(parts, say)
        except HostError as error:
            log.note(error, "no second llama-server could be started")
        before = list(self._server.parts)
        self._server.stop()
        try:
            return own.start(parts, say)
        except HostError as error:
            self._play_on(own.start(before, _silent))
            raise HostError(f"{error} It plays as before.") from error
        except BaseException:  # it was called off
            self._play_on(own.start(before, _silent))
            raise

    def _play_on(self, server: Server) -> None:
        """From now on on this server; the one before ends."""
        from ...lora_ops.engines.llama_server.client import Client

        self._ask(lambda: self.engine.move(Client(server.url, server.key), server.parts, server.alias))
        if self._server is not None:
            self._server.stop()
        self._server = server

    # -- replies

    def request(self, messages: list[dict[str, str]], settings: Settings, opening: str) -> Request:
        prompt = (self._ask(lambda: self._written(messages)) if messages else "") + opening
        ids = tuple(self._ask(lambda: self.engine.tokens.encode(prompt)))
        left = prompts.room(self.engine.context, len(ids), prompts.has_replies(messages) or bool(opening))
        return Request(
            prompt=prompt,
            token_ids=ids,
            sampling=_sampling(settings, left),
            stop_strings=prompts.stop_strings(settings, self._has_template or not messages),
            seed=prompts.seed(settings),
            opening=opening,
        )

    def _written(self, messages: list[dict[str, str]]) -> str:
        if not self._has_template:
            return prompts.without_template(messages)
        return prompts.with_template(self._apply, messages)

    def _apply(self, messages: list[dict[str, str]]) -> str:
        told = self.engine.client.post("/apply-template", {"messages": messages})
        if not isinstance(told, dict) or not isinstance(told.get("prompt"), str):
            raise HostError("This llama-server does not apply its model's chat template: it is too old.")
        return str(told["prompt"])

    def stream(self, request: Request, stop: threading.Event) -> Iterator[Partial]:
        from ...lora_ops.engines.llama_server import LlamaServerError

        try:
            yield from said_by(self.engine, request, stop)
        except LlamaServerError as error:
            raise self._in_words(error) from error

    def count(self, text: str) -> int:
        return len(self.engine.tokens.encode(text, add_special_tokens=False))

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()

    # -- what goes wrong

    def _ask(self, ask: Callable[[], Any]) -> Any:
        from ...lora_ops.engines.llama_server import LlamaServerError

        try:
            return ask()
        except LlamaServerError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: Exception) -> HostError:
        """What to tell of an error of the server's, and whether it is gone."""
        from ...lora_ops.engines.llama_server import LlamaServerError

        if self._server is not None:
            if not self._server.alive:
                return HostError(f"llama.cpp has ended: press “{AGAIN}” at the head of the page.")
        else:
            try:
                self.engine.client.get("/props")
                self._lost = ""
            except LlamaServerError as gone:
                self._lost = sentence(str(gone))
        return HostError(sentence(str(error)))


def on_own_server(how: OnLlama, adapters: Mapping[str, Path], parts: Path, say: Say) -> LlamaPlayer:
    """The player of a server of our own.

    Args:
        how: the model's file, and how it is played.
        adapters: folders of PEFT adapters, or GGUF adapters, by name.
        parts: where their parts are kept.
        say: told what is going on.

    Raises:
        HostError: an adapter cannot be played, or no server can be started.
    """
    from ...lora_ops.engines.llama_server import LlamaServerError, connect

    own = OwnServers(how, parts)
    server = own.start(own.split(adapters, say), say)
    try:
        engine = connect(server.url, server.parts, server.key, alias=server.alias, carried=True)
        return LlamaPlayer(engine, own, server, adapters)
    except LlamaServerError as error:
        server.stop()
        raise HostError(sentence(str(error))) from error


def on_their_server(how: OnLlama, parts: Mapping[str, Path]) -> LlamaPlayer:
    """The player of a server that runs.

    Args:
        how: where it listens, and its key.
        parts: folders that adapters were split into, which it was started with; without any, what it says itself.

    Raises:
        HostError: nobody is there, the key is wrong, or it has other adapters.
    """
    from ...lora_ops.engines.llama_server import LlamaServerError, connect, read_parts
    from ...lora_ops.engines.llama_server.part import source_of

    try:
        given = [part for folder in parts.values() for part in read_parts(folder)] or None
        engine = connect(how.url, given, how.key, carried=True)
    except (LlamaServerError, ValueError, OSError) as error:
        raise HostError(sentence(str(error))) from error
    folders = {part.adapter: source_of(part.path.parent) for part in engine.parts}
    return LlamaPlayer(engine, sources={name: path for name, path in folders.items() if path and path.exists()})


def _sampling(settings: Settings, left: int) -> Sampling:
    """The chat's settings and nothing else: what is left out would be as the server finds right."""
    rolls = settings.do_sample and settings.temperature > 0
    return Sampling(
        max_new_tokens=min(settings.max_new_tokens, left),
        do_sample=rolls,
        temperature=settings.temperature if rolls else None,
        top_p=settings.top_p if rolls else None,
        top_k=settings.top_k if rolls else None,
        min_p=settings.min_p if rolls else None,
        repetition_penalty=settings.repetition_penalty,
    )
