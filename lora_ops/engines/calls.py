"""Requests to a server that plays mixes, and what goes wrong with them in words.

The standard library's `http.client`: a request can be called off from another thread before the server has answered,
which clients with a pool of connections do not offer, it heeds no proxy of the environment, and nothing is installed.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Generator, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

#: Seconds to wait for a connection, and for an answer to what takes no time.
_CONNECT, _QUICK = 10.0, 60.0
#: What a message shows of the server's own words.
_SHOWN = 300
#: No answer but one with likelihoods of a long text comes near it.
_MOST_ANSWER = 256 * 2**20


class ServerError(RuntimeError):
    """A server that is gone, refuses, or says what none of its kind says; the message tells which, for people.

    Attributes:
        status: HTTP's number of a refusal; None where there was no answer.
        said: the server's own words; empty where it said none.
    """

    status: int | None = None
    said: str = ""


class Client:
    """One server. Each kind of them has a class of its own, which knows its name and its words.

    Args:
        url: where it listens, "http://127.0.0.1:8080".
        key: its API key, if it wants one.
        patience: seconds without a word from it after which a reply is given up.

    Raises:
        ValueError: that is no address.
    """

    #: What people call a server of this kind, with its article.
    kind: str = "a server"
    error: type[ServerError] = ServerError

    def __init__(self, url: str, key: str | None = None, patience: float = 600.0) -> None:
        where = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = where.port
        except ValueError:
            port = -1
        if where.scheme not in ("http", "https") or not where.hostname or port == -1:
            raise ValueError(f"{url[:200]!r} is no address of {self.kind}: write it as http://127.0.0.1:8080")
        self.url = f"{where.scheme}://{where.netloc.rpartition('@')[2]}{where.path.rstrip('/')}"
        self._secure, self._host, self._port = where.scheme == "https", where.hostname, port
        self._path, self._key, self._patience = where.path.rstrip("/"), key, patience

    def get(self, path: str) -> Any:
        """What the server answers to a question.

        Raises:
            ServerError: it does not.
        """
        return Call(self, "GET", path, None, _QUICK).json()

    def text(self, path: str) -> str:
        """What the server answers to a question in words.

        Raises:
            ServerError: it does not.
        """
        return Call(self, "GET", path, None, _QUICK).data().decode("utf-8", errors="replace")

    def post(self, path: str, body: Any) -> Any:
        """What the server answers to a wish.

        Raises:
            ServerError: it does not.
        """
        return Call(self, "POST", path, body, self._patience).json()

    def begin(self, path: str, body: Any) -> Call:
        """The same, to be listened to as it comes, and to be called off from another thread."""
        return Call(self, "POST", path, body, self._patience)

    def connection(self) -> HTTPConnection:
        """A new connection, not open yet."""
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(self._host, self._port, timeout=_CONNECT)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        key = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Content-Type": "application/json", "Connection": "close", **key}

    @property
    def name(self) -> str:
        """This one, for a message: "the llama-server at http://127.0.0.1:8080"."""
        return f"the {self.kind.partition(' ')[2]} at {self.url}"

    def refused(self, status: int, said: str, path: str) -> str:
        """What a refusal means, in a sentence."""
        if status in (401, 403):
            return f"{self.name} wants another key: give it its --api-key"
        if status in (404, 405, 501):
            return f"what listens at {self.url} knows no {path}: it is no {self.kind.partition(' ')[2]}, or too old"
        if status == 503:
            return f"{self.name} is not ready yet: it is still loading its model"
        return f"{self.name} refused ({status}): {said}"

    def last(self, event: Mapping[str, Any]) -> bool:
        """Whether no more comes after this event of a stream."""
        return False

    def full(self, path: str) -> str:
        """A path on this server."""
        return f"{self._path}{path}"


class _CalledOff(Exception):
    """Nobody listens to a request any more."""


class Call:
    """One request: it is made when somebody listens, and ends when it is over, or is called off."""

    def __init__(self, client: Client, method: str, path: str, body: Any, patience: float) -> None:
        self._client, self._method, self._path, self._patience = client, method, path, patience
        self._body = None if body is None else json.dumps(body).encode()
        self._connection = client.connection()
        #: The connection forgets its own as soon as an answer begins.
        self._socket: socket.socket | None = None
        self._off = False

    def call_off(self) -> None:
        """Ends the request, from whichever thread: who listens hears no more. The server notices, and stops."""
        self._off = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # past TLS, whose state is the reader's

    def json(self) -> Any:
        """The whole answer."""
        data = self.data()
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._nonsense(data) from None

    def data(self) -> bytes:
        """The whole answer as it came."""
        try:
            with self._told() as answer:
                data = answer.read(_MOST_ANSWER)
                if self._off:
                    raise _CalledOff
                if answer.length and len(data) < _MOST_ANSWER:
                    raise self._gone("broke off in the middle of an answer")
                return data
        except _CalledOff:
            raise self._gone("was not listened to any more") from None

    def events(self) -> Generator[dict[str, Any], None, None]:
        """The events of a stream, one after the other; no more of them once it is called off.

        Raises:
            ServerError: it broke off, or is no stream of such a server.
        """
        try:
            yield from self._events()
        except _CalledOff:
            return

    def _events(self) -> Generator[dict[str, Any], None, None]:
        with self._told() as answer:
            while line := answer.readline(_MOST_ANSWER):
                if self._off:
                    raise _CalledOff
                if not line.startswith(b"data:"):
                    if line.startswith(b"error:"):
                        raise self._refused(500, line[6:])
                    continue  # an empty line, or a ping
                word = line[5:].strip()
                if word == b"[DONE]":
                    return
                try:
                    event = json.loads(word)
                except (ValueError, RecursionError):
                    raise self._nonsense(word) from None
                if not isinstance(event, dict):
                    raise self._nonsense(word)
                if "error" in event:
                    raise self._refused(500, word)
                yield event
                if self._client.last(event):
                    return
        if self._off:  # what is shut says no more
            raise _CalledOff
        raise self._gone("broke off in the middle of a reply")

    @contextlib.contextmanager
    def _told(self) -> Iterator[HTTPResponse]:
        answer = None
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            self._socket.settimeout(self._patience)
            self._connection.request(self._method, self._client.full(self._path), self._body, self._client.headers())
            if self._off:  # while it was not connected yet nothing could be shut
                raise _CalledOff
            answer = self._connection.getresponse()
            if answer.status != 200:
                raise self._refused(answer.status, answer.read(2**20))
            yield answer
        except (OSError, HTTPException) as error:
            if self._off:
                raise _CalledOff from error
            if isinstance(error, TimeoutError):
                raise self._gone(f"has not said a word for {self._patience:.0f} seconds") from error
            if isinstance(error, ConnectionRefusedError):
                raise self._gone("does not answer: nothing listens there") from error
            raise self._gone(f"is gone or broke off ({_shown(str(error) or type(error).__name__)})") from error
        finally:
            if answer is not None:
                answer.close()
            self._connection.close()

    def _refused(self, status: int, data: bytes) -> ServerError:
        said = _message(data)
        error = self._client.error(self._client.refused(status, said, self._path))
        error.status, error.said = status, said
        return error

    def _gone(self, how: str) -> ServerError:
        return self._client.error(f"{self._client.name} {how}")

    def _nonsense(self, data: bytes) -> ServerError:
        return self._client.error(
            f"what listens at {self._client.url} does not answer as {self._client.kind} does: {_cut(data)}"
        )


def _message(data: bytes) -> str:
    try:
        whole = json.loads(data)
        told = next(whole[name] for name in ("error", "error_message", "message") if whole.get(name))
        return _shown(str(told["message"] if isinstance(told, dict) else told))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError):
        return _cut(data)


def _cut(data: bytes) -> str:
    return _shown(data[: 4 * _SHOWN].decode("utf-8", errors="replace")) or "nothing"


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
