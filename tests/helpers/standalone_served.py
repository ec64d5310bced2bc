"""The standalone page around a tiny model, served, and requests to it as any program may send them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from helpers import browser, standalone_tiny

#: What programs must say that ask the API beside it.
KEY = "open sesame"


@dataclass
class Served:
    """The page, and where it is."""

    mixer: Any
    port: int
    #: Gradio 6 has what is not the page itself under a folder of its own.
    folder: str

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, str]:
        """Status and text of the answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=browser.PATIENCE)) as connection:
            connection.request(method, path, body, {"Host": f"127.0.0.1:{self.port}", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")

    def post(self, path: str, said: Any, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """What comes of a call, a Python value or the bytes of one."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return self.ask(self.folder + path, "POST", {"Content-Type": "application/json", **(headers or {})}, body)

    def functions(self) -> dict[int, Any]:
        """What the page's script can call, by number."""
        return {at: one for at, one in self.mixer.blocks.fns.items() if one.fn is not None}

    def number(self, elem_id: str) -> int:
        """The function that one of the page's hidden text boxes calls."""
        return next(at for at, one in self.functions().items() if one.inputs and one.inputs[0].elem_id == elem_id)


@contextmanager
def served() -> Iterator[Served]:
    """The page of a tiny model."""
    host = browser.host_of(standalone_tiny.model(), standalone_tiny.tokenizer())
    with browser.standalone(host, key=KEY) as mixer:
        port = urlsplit(mixer.url).port
        assert port is not None
        found = Served(mixer, port, "")
        found.folder = "/gradio_api" if found.ask("/gradio_api/startup-events")[0] == 200 else ""
        yield found
