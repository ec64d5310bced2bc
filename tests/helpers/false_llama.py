"""What listens where a llama-server should: it answers as it is told to, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What a server of a model without adapters answers.
USUAL: dict[str, Any] = {
    "/props": {
        "default_generation_settings": {"params": {"temperature": 1}, "n_ctx": 128},
        "total_slots": 2,
        "model_path": "model.gguf",
        "model_alias": "model",
        "eos_token": "",
    },
    "/lora-adapters": [],
    "/v1/models": {"data": [{"meta": {"n_params": 1000}}]},
    "/tokenize": {"tokens": [5, 6, 7]},
    "/detokenize": {"content": "word"},
}


def tokens(*ids: int) -> list[bytes]:
    """Events that say tokens, and no end."""
    return [b"data: " + json.dumps({"content": "x", "tokens": [id], "stop": False}).encode() + b"\n\n" for id in ids]


def end(kind: str = "limit") -> bytes:
    """The event that ends a reply."""
    return b"data: " + json.dumps({"content": "", "tokens": [], "stop": True, "stop_type": kind}).encode() + b"\n\n"


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[str]:
    """A server's address. An answer is data, a status with data, bytes as they are, or what writes to a stream."""
    answers = {**USUAL, **answers}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = answers.get(self.path, (404, {"error": {"message": "File Not Found"}}))
            if callable(told):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                told(self.wfile.write)
                return
            status, data = told if isinstance(told, tuple) else (200, told)
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None: ...

        def handle(self) -> None:
            with suppress(OSError):  # whoever asked has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def slowly(parts: list[bytes], pause: float) -> Callable[[Callable[[bytes], Any]], None]:
    """Writes one part after the other, with a pause after each."""

    def write(out: Callable[[bytes], Any]) -> None:
        for part in parts:
            out(part)
            time.sleep(pause)

    return write
