"""The OpenAI-compatible API of the stand-in of TextGen: its routes, and how they answer, in threads of their own."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from standin.textgen_page import DEFAULTS
from starlette.concurrency import iterate_in_threadpool


class OpenAIError(Exception):
    """`modules.api.errors`."""

    def __init__(self, message: str | None = None, code: int = 500, internal_message: str = "") -> None:
        super().__init__(message)
        self.message, self.code = message, code


class InvalidRequestError(OpenAIError):
    def __init__(self, message: str, param: str, code: int = 400, internal_message: str = "") -> None:
        super().__init__(message, code)
        self.param = param


class ServiceUnavailableError(OpenAIError):
    def __init__(self, message: str = "Service unavailable.", code: int = 503, internal_message: str = "") -> None:
        super().__init__(message, code)


class CompletionRequest(BaseModel):
    """What is not a field of it is dropped, as the host's own does."""

    prompt: str
    model: str | None = None
    max_tokens: int = 16
    temperature: float = 1.0
    seed: int = -1
    stream: bool = False


class ChatCompletionRequest(BaseModel):
    messages: list[dict[str, Any]]
    model: str | None = None
    max_tokens: int = 16
    temperature: float = 1.0
    seed: int = -1
    stream: bool = False


@contextmanager
def installed_api(host: Any, key: str = "") -> Iterator[Any]:
    """`modules.api` beside the stand-in's other modules, which are installed; its FastAPI app."""
    host.shared.args.api, host.shared.args.api_key = True, key
    script, models, errors = (ModuleType(f"modules.api.{name}") for name in ("script", "models", "errors"))
    errors.__dict__.update({one.__name__: one for one in (OpenAIError, InvalidRequestError, ServiceUnavailableError)})
    models.__dict__.update(
        model_info_dict=lambda name: {"id": name, "object": "model", "created": 0, "owned_by": "user"},
        list_models_openai_format=lambda: _listed(host, models),
    )
    package = ModuleType("modules.api")
    package.__path__ = []
    there = {one.__name__: one for one in (package, script, models, errors)}
    sys.modules.update(there)
    script.__dict__.update(_script(host, models))
    try:
        yield script.__dict__["app"]
    finally:
        for name in there:
            sys.modules.pop(name, None)
        del host.shared.args.api


def _listed(host: Any, models: Any) -> dict[str, Any]:
    name = host.shared.model_name
    return {"object": "list", "data": [] if name in (None, "None") else [models.model_info_dict(name)]}


def _script(host: Any, models: Any) -> dict[str, Any]:
    def verify_api_key(authorization: str = Header(None)) -> None:
        if host.shared.args.api_key and authorization != f"Bearer {host.shared.args.api_key}":
            raise HTTPException(status_code=401, detail="Unauthorized")

    app = FastAPI()
    check_key = [Depends(verify_api_key)]

    @app.exception_handler(OpenAIError)
    async def refused(request: Request, error: OpenAIError) -> JSONResponse:
        return JSONResponse({"error": {"message": error.message}}, error.code)

    @app.middleware("http")
    async def validate_host_header(request: Request, call_next: Any) -> Any:
        if request.headers.get("host", "").split(":")[0] not in ("localhost", "127.0.0.1"):
            return JSONResponse({"detail": "Invalid host header"}, 400)
        return await call_next(request)

    async def answer(request: Request, prompt: str, asked: Any) -> Any:
        stop = threading.Event()
        if asked.stream:

            async def pieces() -> AsyncIterator[str]:
                texts = _texts(host, prompt, asked, stop)
                try:
                    async for text in iterate_in_threadpool(texts):
                        if await request.is_disconnected():
                            break
                        yield f"data: {json.dumps({'text': text})}\n\n"
                    yield "data: [DONE]\n\n"
                finally:
                    stop.set()
                    texts.close()

            return StreamingResponse(pieces(), media_type="text/event-stream")
        text = await asyncio.to_thread(lambda: (["", *_texts(host, prompt, asked, stop)])[-1])
        return JSONResponse({"choices": [{"text": text}], "model": host.shared.model_name})

    @app.post("/v1/completions", dependencies=check_key)
    async def completions(request: Request, request_data: CompletionRequest) -> Any:
        return await answer(request, request_data.prompt, request_data)

    @app.post("/v1/chat/completions", dependencies=check_key)
    async def chat_completions(request: Request, request_data: ChatCompletionRequest) -> Any:
        return await answer(request, str(request_data.messages[-1]["content"]), request_data)

    @app.get("/v1/models", dependencies=check_key)
    async def handle_models(request: Request) -> Any:
        return JSONResponse(models.list_models_openai_format())

    return {"app": app, "verify_api_key": verify_api_key}


def _texts(host: Any, prompt: str, asked: Any, stop: threading.Event) -> Generator[str, None, None]:
    state = {
        **{name: value for name, value in DEFAULTS.items() if name not in ("history", "textbox")},
        "max_new_tokens": asked.max_tokens, "seed": asked.seed, "stream": asked.stream, "stop_event": stop,
        "temperature": asked.temperature, "do_sample": asked.temperature > 0, "ban_eos_token": True,
    }  # fmt: skip
    yield from host.text_generation.generate_reply(prompt, state, is_chat=False)
