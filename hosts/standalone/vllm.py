"""A vLLM server as the player of our own page. Others use it at the same time; what they hear stays theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...lora_ops.engines.calls import ServerError
from ...lora_ops.engines.sampling import Sampling
from ...lora_ops.mix import Mix
from ..protocol import HostError, Request, Trouble
from . import prompt as prompts
from .growing import Partial, said_by
from .player import CONNECT, STAYS

if TYPE_CHECKING:
    from ...lora_ops.engines.vllm import VllmEngine
    from ...lora_ops.shelf.shelf import Place
    from .prompt import Settings
    from .server import OnServer

#: What the chat's prompt is asked with once, to know whether the model has a template.
_HELLO = [{"role": "user", "content": "Hello"}]


class VllmPlayer:
    """A model on a vLLM server. Members as `player.Player` tells them.

    Args:
        engine: of the server.
        sources: the folders that its adapters came from.
    """

    def __init__(self, engine: VllmEngine, sources: Mapping[str, Path]) -> None:
        self.engine = engine
        self._sources = {name: folder.resolve() for name, folder in sources.items()}  # as the shelf has them
        self._lost = ""
        self._has_template = self._ask(self._looks_for_template)
        self.model_name = engine.model
        without = "" if self._has_template else ", without a chat template"
        self.facts = f"on {engine.name} at {urlsplit(engine.client.url).netloc}{without}"

    @property
    def model(self) -> Any:
        return self.engine.base

    @property
    def parameters(self) -> int:
        return self.engine.parameters

    def trouble(self) -> Trouble | None:
        if self._lost:
            return Trouble(
                f"The {self.engine.name} server is not there", f"{self._lost} Then press “{CONNECT}”. {STAYS}"
            )
        return None

    @property
    def cure(self) -> str:
        """What the button is called that puts its trouble right; empty without one."""
        return CONNECT if self._lost else ""

    def revive(self, say: Callable[[str], None]) -> None:
        """Finds a server that runs again; what it has forgotten is loaded when it is played.

        Raises:
            HostError: it is still not there, or has another model now.
        """
        say("Asking the server …")
        self._ask(self.engine.refresh)
        self._lost = ""

    # -- adapters

    def adapters(self) -> dict[str, Path | None]:
        return {name: self._sources.get(name) for name in self.engine.adapters}

    def changed(self, load: Mapping[str, Place], keep: Sequence[str]) -> VllmPlayer:
        kept = {name: path for name, path in self._sources.items() if name in keep}
        sources = kept | {name: place.folder for name, place in load.items()}
        self._ask(lambda: self.engine.hold(sources))
        self._sources = sources
        return self

    # -- replies

    def request(self, messages: list[dict[str, str]], settings: Settings, opening: str) -> Request:
        ids = self._ask(lambda: self._written(messages)) if messages else []
        # The reply begins where the prompt ends: what it began with is no part of the prompt's last token. Without a
        # chat it is all that there is, and begins as texts do.
        ids += self._ask(lambda: self.engine.tokens.encode(opening, add_special_tokens=not messages)) if opening else []
        left = prompts.room(self.engine.context, len(ids), prompts.has_replies(messages))
        return Request(
            prompt=self._ask(lambda: self.engine.tokens.decode(ids)),
            token_ids=tuple(ids),
            sampling=_sampling(settings, left),
            stop_strings=prompts.stop_strings(settings, self._has_template or not messages),
            seed=prompts.seed(settings),
            opening=opening,
        )

    def _written(self, messages: list[dict[str, str]]) -> list[int]:
        if not self._has_template:
            return list(self.engine.tokens.encode(prompts.without_template(messages)))
        return prompts.with_template(self.engine.tokens.of_chat, messages)

    def _looks_for_template(self) -> bool:
        from ...lora_ops.engines.vllm.tokens import NoTemplate

        try:
            self.engine.tokens.of_chat(_HELLO)
        except NoTemplate:
            return False
        return True

    def stream(self, request: Request, stop: threading.Event) -> Iterator[Partial]:
        with self._in_words():
            yield from said_by(self.engine, request, stop)

    def count(self, text: str) -> int:
        return len(self.engine.tokens.encode(text, add_special_tokens=False))

    def close(self) -> None:
        self.engine.close()

    # -- what goes wrong

    def _ask(self, ask: Callable[[], Any]) -> Any:
        with self._in_words():
            return ask()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What goes wrong in the block is told in a sentence, and whether the server is there is looked at."""
        try:
            yield
        except (ServerError, ValueError, OSError) as error:
            if isinstance(error, ServerError):
                self._look()
            raise HostError(in_words(error)) from error

    def _look(self) -> None:
        """Whether the server is there, with the model that it had."""
        try:
            self.engine.refresh()
            self._lost = ""
        except ServerError as gone:
            self._lost = in_words(gone)


def on_vllm(how: OnServer, adapters: Mapping[str, Path], say: Callable[[str], None]) -> VllmPlayer:
    """The player of a vLLM server that runs. The first reply's adapter is loaded at once, so that a folder which the
    server does not see is known before anybody waits for a reply.

    Args:
        how: where it listens, its key, and the folder that both see.
        adapters: PEFT folders, by name.
        say: told what is going on.

    Raises:
        HostError: nobody is there, the key is wrong, it takes no adapters, has no form for one of these or does not fit
            it, or the folder cannot be written to or is not seen by it.
    """
    from ...lora_ops.engines.vllm import connect

    if how.shared is None:
        raise HostError(
            f"At {how.place} listens a vLLM (or SGLang) server, which takes adapters out of a folder that both see: "
            "name one with --shared DIR (and with --seen-as DIR where the server finds it, if elsewhere)."
        )
    if not adapters:
        raise HostError(f"At {how.place} listens a vLLM (or SGLang) server: name the adapters to mix with --lora DIR.")
    try:
        engine = connect(how.url, adapters, how.shared, how.seen_as, key=how.key)
    except OSError as error:
        raise HostError(f"The folder {how.shared} cannot be used: {error.strerror or error}. {_SHARED}") from error
    except (ServerError, ValueError) as error:
        raise HostError(in_words(error)) from error
    try:
        say(f"Having {engine.name} load the adapters …")
        _try(engine)
        return VllmPlayer(engine, adapters)
    except (HostError, ServerError, ValueError, OSError) as error:
        engine.close()
        raise error if isinstance(error, HostError) else HostError(in_words(error)) from error


def _try(engine: VllmEngine) -> None:
    """Has the mix as loaded on the server. That its rank is too high the desk tells, with a way out."""
    from ...lora_ops.engines.vllm import RankTooHigh

    with suppress(RankTooHigh), engine.stock.using([Mix()]):
        pass


def _sampling(settings: Settings, left: int) -> Sampling:
    """The chat's settings and nothing else. Where a server has defaults of the model's own, these are neutral."""
    rolls = settings.do_sample and settings.temperature > 0
    return Sampling(
        max_new_tokens=min(settings.max_new_tokens, left),
        do_sample=rolls,
        temperature=settings.temperature if rolls else 0.0,
        top_p=settings.top_p if rolls else 1.0,
        top_k=settings.top_k if rolls else 0,
        min_p=settings.min_p if rolls else 0.0,
        repetition_penalty=settings.repetition_penalty,
    )


_SHARED = "Name one with --shared that this page may write in, and that the server sees."


def in_words(error: Exception) -> str:
    """What went wrong, as a sentence, with the option that helps."""
    text = str(error)
    if isinstance(error, ServerError) and error.status in (401, 403):
        text = f"{text.partition(': give it')[0]}: name the file that holds it with --key-file"
    elif "(seen_as)" in text:
        text = text.replace("(seen_as)", "(--seen-as)")
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '…')) else '.'}"
