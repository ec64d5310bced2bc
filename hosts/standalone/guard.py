"""Who may ask the standalone page for something: the page itself, under its own names, for what it needs.

A browser lets any page of the web send requests to a server on this machine. One that has the name `evil.example` point
to 127.0.0.1 even reads the answers (DNS rebinding). So a request must name this server by a name of its own (`Host`),
must not come from another page (`Origin`, `Sec-Fetch-Site`), and must be for something that the page uses.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: Bytes of a request: files to be read in come as text within one, and may have 256 MiB.
MOST = 352 * 1024 * 1024
#: Gradio 6 has what is not the page itself under a folder of its own.
_FOLDER = "/gradio_api"
_READ = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/pwa_icon(/\w+)?|/startup-events|/app_id/?"
    r"|/(assets|static|svelte)/.+|/queue/data|/heartbeat/[\w-]{1,64}"
)
#: Whose news are asked for.
_PAGE = re.compile(rb"session_hash=[\w-]{1,64}")
#: What a request to change something may be for.
CALLS = ("/queue/join", "/run/predict", "/cancel", "/reset")
#: An app of its own below a path, which is told why whoever asks may not; None if they may.
Beside = Callable[[Scope, Receive, Send, "tuple[int, str] | None"], Awaitable[None]]
_NO_FRAMES = {"x-frame-options": "SAMEORIGIN", "x-content-type-options": "nosniff"}


class Guard:
    """Stands around the whole of Gradio's app: see `lifespan`.

    Args:
        check: of the path of a call and its body, why it is no call that the page makes; empty if it is one.
        names: what else this machine is called; without a port, it is the server's or the web's own (that of a proxy).
        most: bytes of a request.
    """

    def __init__(self, check: Callable[[str, bytes], str], names: Iterable[str] = (), most: int = MOST) -> None:
        self._check, self._most = check, most
        self._names = {name.lower() for name in names}
        self._beside: dict[str, Beside] = {}

    def stand_beside(self, place: str, app: Beside) -> None:
        """Has an app of its own answer below `place` ("/v1/"), with a key where the page has none."""
        self._beside[place] = app

    def also(self, name: str) -> None:
        """Lets the page be asked under one more name, with a port where it has another one than the server."""
        self._names.add(name.lower())

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """For FastAPI's `lifespan`: puts the guard outside of all that Gradio has put around its routes by then, for
        some of that answers by itself. Until this is done a server takes no requests."""
        app.middleware_stack = self.around(app.middleware_stack)
        yield

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same app, guarded."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
            elif (beside := self._beside_at(scope)) is not None:
                await beside(scope, receive, send, self._stranger(scope))
            elif refused := self._refused(scope):
                await _refuse(scope, receive, send, *refused)
            elif scope["method"] == "POST":
                await self._call(app, scope, receive, _told(send))
            else:
                await app(scope, receive, _told(send))

        return guarded

    async def _call(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(scope, receive)
        if body is None:
            why = f"This is too much at once: at most {self._most:,} bytes."
            await _refuse(scope, receive, send, 413, why)
        elif why := self._check(_path(scope), body):
            await _refuse(scope, receive, send, 422, why)
        else:
            await app(scope, _again(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """All of it; None if it is too much."""
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told[:20]) > self._most:
            return None
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b""
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._most:
                return None
            if not message.get("more_body"):
                return b"".join(parts)

    def _beside_at(self, scope: Scope) -> Beside | None:
        return next((app for place, app in self._beside.items() if scope["path"].startswith(place)), None)

    def _stranger(self, scope: Scope) -> tuple[int, str] | None:
        """Why whoever asks this may not, whatever it is: it is for another name, or another page sent it."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_mine(hosts[0], scope):
            return 421, _elsewhere(scope)
        if not self._from_here(headers, hosts[0]):
            return 403, "Another page asked for this, and only LoRA Mixer's own page may."
        return None

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        if (refused := self._stranger(scope)) is not None:
            return refused
        path, method = _path(scope), scope.get("method")
        if scope["type"] == "http" and (
            (method in ("GET", "HEAD") and _READ.fullmatch(path)) or (method == "POST" and path in CALLS)
        ):
            named = path != "/queue/data" or _PAGE.fullmatch(scope.get("query_string", b""))
            return None if named else (422, "session_hash: must be the name of a page.")
        return 404, "There is nothing here."

    def _is_mine(self, host: str, scope: Scope) -> bool:
        """Whether a `Host` is this server: a name of its own, at the port that it listens on."""
        if host.lower() in self._names:
            return True
        name, port = _parts(host)
        if not name or (scope.get("server") or ("", None))[1] != port:
            return False
        return name in self._names or name in LOOPBACK or _same_address(name, scope["server"][0])

    def _from_here(self, headers: Headers, host: str) -> bool:
        """Whether the page itself asks, or somebody who is no browser; or a link is followed to it."""
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site", "none")
        if origins:
            origin = urlsplit(origins[0]).netloc.lower() if len(origins) == 1 else ""
            if not origin or (origin != host.lower() and origin not in self._names):
                return False
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site in ("none", "same-origin") or (followed and not origins)


def own_names(listens_on: str) -> list[str]:
    """What this machine is called besides the loopback's names, where others can reach it.

    Addresses need not be here: a request always names the one that it came to.
    """
    if listens_on in LOOPBACK:
        return []
    machine = socket.gethostname()
    return [listens_on, machine, f"{machine}.local"]


def _path(scope: Scope) -> str:
    path = str(scope["path"])
    return path.removeprefix(_FOLDER) if path.startswith(f"{_FOLDER}/") else path


def _parts(host: str) -> tuple[str, int | None]:
    """Name and port of a `Host`, a name without one being at port 80; an empty name if it is none."""
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?", host.lower())
    if match is None:
        return "", None
    return match[1] or match[2], int(match[3] or 80)


def _same_address(one: str, other: str) -> bool:
    def plain(text: str) -> Any:
        address = ipaddress.ip_address(text.partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address

    try:
        return bool(plain(one) == plain(other))
    except ValueError:
        return False


def _elsewhere(scope: Scope) -> str:
    port = (scope.get("server") or ("", ""))[1]
    return (
        f"LoRA Mixer answers at http://127.0.0.1:{port} and http://localhost:{port}, and not under the name that this "
        "request was for. If it came through a tunnel or a proxy, start LoRA Mixer with --also and that name, "
        "as in --also localhost:9000."
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await PlainTextResponse(why, status, {**_NO_FRAMES, "connection": "close"})(scope, receive, send)


def _told(send: Send) -> Send:
    """Sends with every answer that no other page may show it in a frame."""

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_NO_FRAMES)
        await send(message)

    return telling


def _again(body: bytes, receive: Receive) -> Receive:
    """What has been read, for who reads it next."""
    waiting = [body]

    async def received() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return received
