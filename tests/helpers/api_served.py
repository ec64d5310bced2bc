"""The OpenAI-compatible API of our own page, served without the page, and requests to it as programs send them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse

from lora_mixer.hosts.standalone.guard import Guard
from lora_mixer.hosts.standalone.openai_server import PLACE, OpenAi

KEY = "open sesame"
CHAT, COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/completions", "/v1/models"
#: Of a reply, so that it is the same each time, and short.
PLAIN = {"temperature": 0, "max_tokens": 8}


def chat(text: str = "Ahoy", **more: Any) -> dict[str, Any]:
    """A request to answer one message."""
    return {"messages": [{"role": "user", "content": text}], **PLAIN, **more}


class Api:
    """Where it answers."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, said: Any = None, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and answer; text where it is no JSON. `said` is a value, or the bytes of a request."""
        with closing(self.connection()) as connection:
            self.send(connection, path, said, method, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        said: Any = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body = said if isinstance(said, bytes) or said is None else json.dumps(said).encode()
        usual = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        method = method or ("GET" if body is None else "POST")
        connection.request(method, path, body, {**usual, **(headers or {})})

    def text(self, **more: Any) -> str:
        """What is answered to one message."""
        status, answer = self.ask(CHAT, chat(**more))
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])


def events(stream: str) -> list[Any]:
    """What a stream told, without its end."""
    lines = [line.removeprefix("data: ") for line in stream.split("\n\n") if line]
    assert lines[-1] == "[DONE]", lines
    return [json.loads(line) for line in lines[:-1]]


@contextmanager
def served(host: Any) -> Iterator[Api]:
    """The API of a standalone host, behind the guard of its page."""
    guard = Guard(lambda path, body: "")
    guard.stand_beside(PLACE, OpenAi(host, KEY))
    config = uvicorn.Config(guard.around(PlainTextResponse("the page")), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield Api(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=30)
