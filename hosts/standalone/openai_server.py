"""The page's OpenAI-compatible API: who may ask, which model answers, and how that is told.

It answers on the page's own address, below `/v1/`. Every request needs the key, and what another page of the same
browser sends is refused, whatever key it has (`guard`).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from ...lora_ops import log
from ...lora_ops.background import Background
from ...lora_ops.torch_errors import in_words
from ..openai_refusal import Refusal
from ..protocol import HostError
from ..requested_mixes import RequestedMixes
from .openai_answer import Answer, event
from .openai_reply import Said, reply, request_of
from .openai_request import MOST, READERS, Asked

if TYPE_CHECKING:
    from ...lora_ops.mix import Mix
    from ..protocol import Request
    from .host import StandaloneHost

#: Where all of it stands.
PLACE = "/v1/"
_MODELS = "/v1/models"
#: Requests that wait for their turn, each in a thread of its own.
_AT_ONCE = 32
_STREAM = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class OpenAi:
    """The API of one page.

    Args:
        host: whose model answers.
        key: what every request must have.
    """

    def __init__(self, host: StandaloneHost, key: str) -> None:
        self._host, self._key = host, key
        self._mixes = RequestedMixes(host, lambda: None if (engine := host.engine) is None else engine.desk)
        self._began = int(time.time())
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send, stranger: tuple[int, str] | None) -> None:
        """Answers one request.

        Args:
            scope, receive, send: as ASGI has them.
            stranger: why whoever asks may not, by the names and pages that the guard knows; None if they may.
        """
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        try:
            self._check(Headers(scope=scope), stranger)
            await self._answer(scope, receive, send)
        except Refusal as refusal:
            await _json(scope, receive, send, refusal.to_dict(), refusal.status)
        except Exception as error:
            log.note(error, "a request to the API was not answered")
            await _json(scope, receive, send, _failure(error).to_dict(), 500)

    def _check(self, headers: Headers, stranger: tuple[int, str] | None) -> None:
        if stranger is not None:
            raise Refusal(stranger[0], stranger[1], "not_from_here")
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), self._key.encode()):
            why = "The key is wrong, or missing: send the one that LoRA Mixer told when it was started, as Bearer."
            raise Refusal(401, why, "invalid_api_key")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == _MODELS or path.startswith(f"{_MODELS}/"):
            _check_method(method, "GET")
            found = await asyncio.to_thread(self._models)
            name = path[len(_MODELS) + 1 :]
            told = (
                next((one for one in found if one["id"] == name), None) if name else {"object": "list", "data": found}
            )
            if told is None:
                raise Refusal(404, f"model: {self._no_model(name, found)}", "model_not_found", "model")
            await _json(scope, receive, send, told)
        elif path in READERS:
            _check_method(method, "POST")
            asked = READERS[path](await _body(scope, receive))
            if self._under_way >= _AT_ONCE:
                raise Refusal(429, f"{_AT_ONCE} requests wait for their turn already: ask again later.", "rate_limit")
            self._under_way += 1
            try:
                await self._say(asked, scope, receive, send)
            finally:
                self._under_way -= 1
        else:
            raise Refusal(404, f"There is no {path[:80]} here, only {', '.join(READERS)} and {_MODELS}.", "not_found")

    # -- models --

    def _models(self) -> list[dict[str, Any]]:
        """The model as it stands, and each profile that fits it."""
        profiles = self._mixes.models()
        made = {self._host.model_name: self._began, **{name: int(p.saved.timestamp()) for name, p in profiles.items()}}
        return [{"id": id, "object": "model", "created": at, "owned_by": "lora-mixer"} for id, at in made.items()]

    def _no_model(self, name: str, found: list[dict[str, Any]]) -> str:
        there = ", ".join(one["id"] for one in found[:8]) + (" …" if len(found) > 8 else "")
        return f"there is no {name[:80]!r} here; there is {there}."

    def _prepared(self, asked: Asked) -> tuple[Request, Mix | None, str]:
        """The request for the host, the mix that it is heard under, and the name of the model that this is.

        Raises:
            Refusal: it cannot be answered.
        """
        request, own = request_of(self._host, asked), self._host.model_name
        profile = self._mixes.profile_in(asked.model)
        if asked.model and not profile and asked.model.casefold() != own.casefold():
            raise Refusal(400, f"model: {self._no_model(asked.model, self._models())}", "model_not_found", "model")
        return request, self._mixes.of(asked.model, asked.said), asked.model if profile else own

    # -- replies --

    async def _say(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        request, mix, model = await asyncio.to_thread(self._prepared, asked)
        answer = Answer(asked.chat, model, len(request.token_ids), asked.usage)
        said, begun = Said("", 0), False
        try:
            async with aclosing(_heard(reply(self._host, request, mix), receive)) as news:
                async for said in news:
                    if asked.stream and said.finish != "stopped":
                        if not begun:
                            begun = True
                            await _begin(send)
                            await _more(send, answer.first())
                        await _more(send, answer.piece(said))
        except Exception as error:
            if not begun:
                raise _failure(error) from error
            log.note(error, "a reply to the API broke off")
            await _more(send, event(_failure(error).to_dict()), last=True)
            return
        if said.finish in ("", "stopped"):
            if begun:
                await _more(send, event(_ended().to_dict()), last=True)
                return
            raise _ended()
        if asked.stream:
            await _more(send, answer.last(said), last=True)
        else:
            await _json(scope, receive, send, answer.whole(said))


def _ended() -> Refusal:
    return Refusal(503, "The reply was stopped before its end.", "stopped")


def _failure(error: BaseException) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HostError):
        return Refusal(503, str(error), "not_answered")
    return Refusal(500, f"The model could not answer: {in_words(error)}", "not_answered")


async def _heard(run: Background[Said, Said], receive: Receive) -> AsyncGenerator[Said, None]:
    """What a reply says, as it says it; when whoever asked is gone it ends, and so does the work."""
    loop, news = asyncio.get_running_loop(), asyncio.Queue[Said | BaseException | None]()

    def tell(one: Said | BaseException | None) -> None:
        with suppress(RuntimeError):  # the server is closed
            loop.call_soon_threadsafe(news.put_nowait, one)

    def listen() -> None:
        try:
            for said in run:
                tell(said)
        except BaseException as error:  # told where it is waited for
            tell(error)
        finally:
            tell(None)

    gone = asyncio.ensure_future(_gone(receive, run))
    threading.Thread(target=listen, name="lora-mixer-api", daemon=True).start()
    try:
        while (one := await news.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        run.stop()
        gone.cancel()


async def _gone(receive: Receive, run: Background[Said, Said]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    run.stop()


async def _body(scope: Scope, receive: Receive) -> bytes:
    headers = Headers(scope=scope)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, f"A request must be application/json, and not {kind[:80] or 'without a type'}.", "not_json")
    length = headers.get("content-length", "0")
    told = int(length[:20]) if length.isdecimal() else 0
    parts, size, more = [], 0, told <= MOST
    while more and size <= MOST:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ended()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = bool(message.get("more_body"))
    if max(told, size) > MOST:
        raise Refusal(413, f"This is too much at once: at most {MOST:,} bytes.", "too_large")
    return b"".join(parts)


def _check_method(method: str, wanted: str) -> None:
    if method != wanted:
        raise Refusal(405, f"This is asked with {wanted}, and not {method}.", "method_not_allowed")


async def _json(scope: Scope, receive: Receive, send: Send, data: Mapping[str, Any], status: int = 200) -> None:
    more = {"www-authenticate": "Bearer"} if status == 401 else {}
    closes = {"connection": "close"} if status == 413 else {}
    headers = {"x-content-type-options": "nosniff", "cache-control": "no-store", **more, **closes}
    await JSONResponse(data, status, headers)(scope, receive, send)


async def _begin(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [*_STREAM, _NO_SNIFFING]})


async def _more(send: Send, data: bytes, last: bool = False) -> None:
    if data or last:
        await send({"type": "http.response.body", "body": data, "more_body": not last})
