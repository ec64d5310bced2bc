"""TextGen's own OpenAI-compatible API takes a mix, for one request alone: in its field `lora_mix`, or as its model.

Nothing of the host is changed on disk. Of what runs, four things are put into a coat, and `release` takes it off: the
two routes that generate, the list of models, and the function that every generation goes through once it has the lock.
The host's models of a request drop what they do not know, so it is read before they see it; a route's own app is called
after the host has looked at names and origins, and the key is checked by the host's own function.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...lora_ops.engines.engine import NotInRows
from ...lora_ops.json_text import from_json
from ..openai_refusal import Refusal
from ..requested_mixes import FIELD, RequestedMixes
from .asked_mix import ASKED
from .chat import host_module
from .generation_calls import finish_streams, is_torch_model

if TYPE_CHECKING:
    from ...lora_ops.desk import Desk
    from ...lora_ops.mix import Mix
    from ..protocol import Host

_ROUTES = ("/v1/chat/completions", "/v1/completions")
_LISTED, _GENERATES = "list_models_openai_format", "_generate_reply"
_CHANGED = "The model or its adapters were changed while this waited for its turn: ask again."

#: An ASGI app.
App = Callable[[Any, Any, Any], Any]


def is_alone() -> bool:
    """Whether the host was started without a page, so that nothing but its API will ever ask for a mix."""
    args = host_module("shared").args
    return bool(getattr(args, "nowebui", False)) and has_api()


def has_api() -> bool:
    """Whether the host was started with its API."""
    args = host_module("shared").args
    return bool(getattr(args, "api", False) or getattr(args, "public_api", False))


def follow(host: Host, desk: Callable[[], Desk | None]) -> None:
    """From now on requests may ask for a mix. Does nothing where the host was started without its API.

    Args:
        host: TextGen.
        desk: gives the desk of its model; None where nothing can be mixed.
    """
    if not has_api():
        return
    release()
    mixes, api, models = RequestedMixes(host, desk), host_module("api.script"), host_module("api.models")
    for route in _routes(api):
        route.app = _coat(route.app, _asking(route.app, api.verify_api_key, mixes))
    listed = getattr(models, _LISTED)
    setattr(models, _LISTED, _coat(listed, _listing(listed, mixes, models.model_info_dict)))
    text_generation = host_module("text_generation")
    generates = getattr(text_generation, _GENERATES)
    setattr(text_generation, _GENERATES, _coat(generates, _heard(generates, host)))


def release() -> None:
    """Takes all coats off again."""
    for module, name in (("api.models", _LISTED), ("text_generation", _GENERATES)):
        found = getattr(host_module(module), name)
        setattr(host_module(module), name, getattr(found, "lora_mixer", found))
    for route in _routes(host_module("api.script")):
        route.app = getattr(route.app, "lora_mixer", route.app)


def _routes(api: Any) -> list[Any]:
    return [route for route in api.app.router.routes if getattr(route, "path", "") in _ROUTES]


def _coat(inner: Any, outer: Any) -> Any:
    """`outer`, which knows what is inside of it."""
    outer.lora_mixer = inner
    return outer


# -- what is asked


def _asking(app: App, check_key: Callable[[Any], None], mixes: RequestedMixes) -> App:
    """A route that reads for which mix it is asked."""

    async def asking(scope: Any, receive: Any, send: Any) -> None:
        if not _has_key(scope, check_key):
            await app(scope, receive, send)  # the host says so in its own words
            return
        read: list[Any] = []
        body = await _body(receive, read)
        try:
            mix = await asyncio.to_thread(_mix, body, mixes)
        except Refusal as refusal:
            from starlette.responses import JSONResponse

            await JSONResponse(refusal.to_dict(), refusal.status)(scope, receive, send)
            return
        before = ASKED.set(mix)
        try:
            await app(scope, _again(read, receive), send)
        finally:
            ASKED.reset(before)

    return asking


def _has_key(scope: Any, check_key: Callable[[Any], None]) -> bool:
    from fastapi import HTTPException

    given = dict(scope["headers"]).get(b"authorization")
    try:
        check_key(None if given is None else given.decode("latin-1"))
    except HTTPException:
        return False
    return True


def _mix(body: bytes, mixes: RequestedMixes) -> Mix | None:
    """The mix that a request asks for; None for the faders, and for what the host is to refuse itself.

    Raises:
        Refusal: it cannot be played.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    model = said["model"] if isinstance(said.get("model"), str) else ""
    if said.get(FIELD) is None and not mixes.profile_in(model):
        return None
    try:
        said = from_json(body)
    except ValueError as error:
        raise Refusal(400, f"This is no JSON that can be read: {error}.") from None
    # The host does so in a moment: its adapters must be there to be asked for.
    host_module("models").load_model_if_idle_unloaded()
    return mixes.of(model, said)


async def _body(receive: Any, read: list[Any]) -> bytes:
    """What is sent; what was received for it is kept in `read`."""
    while True:
        read.append(await receive())
        if read[-1]["type"] != "http.request" or not read[-1].get("more_body"):
            return b"".join(message.get("body", b"") for message in read)


def _again(read: list[Any], receive: Any) -> Any:
    """What has been read, for who reads it next; then what comes."""
    waiting = list(read)

    async def received() -> Any:
        return waiting.pop(0) if waiting else await receive()

    return received


def _listing(listed: Callable[[], Any], mixes: RequestedMixes, info: Callable[[str], Any]) -> Callable[[], Any]:
    """The host's list of models, and each profile that fits the one that is loaded."""

    @functools.wraps(listed)
    def listing() -> Any:
        found = listed()
        if not found["data"]:
            return found
        profiles = [{**info(name), "created": int(one.saved.timestamp())} for name, one in mixes.models().items()]
        return {**found, "data": [*found["data"], *profiles]}

    return listing


# -- how it is heard


def _heard(generates: Callable[..., Iterator[str]], host: Host) -> Callable[..., Iterator[str]]:
    """The host's generation, which a request with a mix hears under that. The host holds its lock by then."""

    @functools.wraps(generates)
    def heard(*args: Any, **kwargs: Any) -> Iterator[str]:
        mix = ASKED.get()
        # A llama-server is told with each request, and may be answering several at once.
        if mix is None or not is_torch_model(host.model):
            yield from generates(*args, **kwargs)
            return
        finish_streams()
        with _playing(host, mix):
            try:
                yield from generates(*args, **kwargs)
            finally:
                finish_streams()

    return heard


@contextmanager
def _playing(host: Host, mix: Mix) -> Iterator[None]:
    """While the block lasts the model plays this mix, whatever is moved."""
    errors = host_module("api.errors")
    engine = host.engine
    desk: Desk | None = engine.desk if engine is not None else None
    if desk is None:
        raise errors.ServiceUnavailableError(_CHANGED)
    try:
        desk.check(mix)
    except ValueError as error:
        raise errors.ServiceUnavailableError(f"{_CHANGED} ({error})") from error
    try:
        with desk.rows([mix], locked=True):
            yield
    except NotInRows as error:
        raise errors.InvalidRequestError(f"{FIELD}: {error}.", FIELD) from error
