"""A reply to the API: under a mix that holds for it alone, or under the faders as they stand, and move."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...lora_ops.background import Background
from ...lora_ops.engines.engine import NotInRows
from ..openai_refusal import Refusal
from ..protocol import HostError
from .growing import decoder
from .turn import turn

if TYPE_CHECKING:
    from ...lora_ops.mix import Mix
    from ..protocol import Request
    from .host import StandaloneHost
    from .openai_request import Asked

_CHANGED = "The model or its adapters were changed while this waited for its turn: ask again."


@dataclass(frozen=True)
class Said:
    """What there is of a reply: its text, of how many tokens it is made, and why it has ended ("stop", "length", or
    "stopped" where nobody wanted more); empty while it grows."""

    text: str
    tokens: int
    finish: str = ""


Tell = Callable[[Said], None]


def request_of(host: StandaloneHost, asked: Asked) -> Request:
    """What is asked, as the host's player asks it.

    Raises:
        Refusal: there is no model yet, the chat does not fit its context, or its template refuses it.
    """
    player = host.player
    if player is None:
        raise Refusal(503, host.failure or f"{host.progress} One moment, then ask again.", "model_not_ready")
    if (trouble := player.trouble()) is not None:
        raise Refusal(503, f"{trouble.title}. {trouble.advice}", "model_not_ready")
    try:
        request = player.request(list(asked.messages), asked.settings, asked.opening)
    except HostError as error:
        raise Refusal(400, str(error), "context_length_exceeded", "messages" if asked.chat else "prompt") from error
    except ValueError as error:
        raise Refusal(400, f"The model cannot be asked this: {error}.", None, "messages") from error
    except Exception as error:
        if not _is_of_template(error):
            raise
        raise Refusal(400, f"The model's chat template refuses this: {error}.", None, "messages") from error
    return replace(request, stop_strings=(*asked.stop, *request.stop_strings))


def _is_of_template(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "jinja2"


def reply(host: StandaloneHost, request: Request, mix: Mix | None) -> Background[Said, Said]:
    """The reply to a request, to be listened to. It waits for its turn, and then has the model for itself.

    Args:
        host: whose model answers.
        request: made by `request_of`.
        mix: what it is heard under, wherever the faders stand; None for the faders, which are obeyed as they move.
    """
    stopped, playing = threading.Event(), host.player

    def work(tell: Tell) -> Said:
        with turn(host.lock, stopped) as mine:
            if not mine:
                return Said("", 0, "stopped")
            if host.player is not playing:
                raise HostError(_CHANGED)
            said = (
                _under_faders(host, request, stopped, tell)
                if mix is None
                else _under(host, request, mix, stopped, tell)
            )
        tell(said)
        return said

    engine = host.engine
    return Background(work, stopped, "answer", engine.let_go if engine is not None else lambda: None)


def _under_faders(host: StandaloneHost, request: Request, stopped: threading.Event, tell: Tell) -> Said:
    said = Said("", 0)
    with closing(host.stream(request, stopped)) as partials:
        for partial in partials:
            said = Said(partial.text, partial.tokens)
            tell(said)
    limit = request.sampling.max_new_tokens
    finish = "stopped" if stopped.is_set() else "length" if limit is not None and said.tokens >= limit else "stop"
    return replace(said, finish=finish)


def _under(host: StandaloneHost, request: Request, mix: Mix, stopped: threading.Event, tell: Tell) -> Said:
    from ...lora_ops.lab.batches import Asking, Question, tokens_of

    engine = host.engine
    if engine is None or engine.desk is None:
        raise HostError(_CHANGED)
    try:
        engine.desk.check(mix)
    except ValueError as error:
        raise HostError(_CHANGED) from error
    tokens = decoder(tokens_of(engine.desk.engine, None), request)
    asking = Asking(engine.desk, tokens, request.sampling, locked=True)
    asking.stopped = stopped
    question = Question("", request.prompt, request.token_ids, request.stop_strings, request.skip_special_tokens)
    row = asking.row(question, mix, request.seed)

    def show(_: float) -> None:
        tell(Said(row.reply.shown, len(row.reply.token_ids)))

    try:
        asking.ask(question, [row], show)
    except NotInRows as error:
        raise Refusal(400, f"lora_mix: {error}.", "invalid_lora_mix", "lora_mix") from error
    finish = {"end": "stop", "stop string": "stop"}.get(row.reply.finish, row.reply.finish)
    return Said(row.reply.shown, len(row.reply.token_ids), finish)
