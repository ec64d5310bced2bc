"""A request to the page's OpenAI-compatible API, read and checked; what cannot be done as asked is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ...lora_ops.json_text import from_json
from ...lora_ops.refusals import explain, shown
from ..openai_refusal import Refusal
from .prompt import Settings

#: Bytes of a request: texts alone, and the longest context does not need so many.
MOST = 8 * 2**20
#: How long a reply to `/v1/completions` is when nobody says it, as OpenAI has it.
_SHORT = 16
_MOST_STOPS = 16
_LONGEST = 2**31
#: What is asked for by more than a field's being there, and what it may say all the same.
_NOT_HERE: dict[str, tuple[Any, ...]] = {
    "n": (1,), "best_of": (1,), "logprobs": (False, 0), "top_logprobs": (0,), "echo": (False,), "suffix": ("",),
    "frequency_penalty": (0,), "presence_penalty": (0,), "logit_bias": ({},), "tools": ([],), "functions": ([],),
    "tool_choice": ("none", "auto"), "function_call": ("none", "auto"), "response_format": ({"type": "text"},),
    "modalities": (["text"],), "audio": (), "prediction": (), "web_search_options": (), "reasoning_effort": ("none",),
}  # fmt: skip
#: What changes nothing of a reply.
_OF_NO_MATTER = (
    "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier", "prompt_cache_key",
)  # fmt: skip


def _text(content: Any) -> str:
    """What a message says, which may come in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError("what a message says is a text, or parts of one")
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("messages are texts here: no pictures, sounds or files")
    return "".join(texts)  # type: ignore[arg-type]


def _stops(stop: Any) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS or not all(isinstance(text, str) for text in stops):
        raise ValueError(f"replies stop at a text, or at a list of at most {_MOST_STOPS}")
    return tuple(text for text in stops if text)


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_text)]

    @model_validator(mode="after")
    def _nothing_more(self) -> _Message:
        """What clients send back of a reply is there, and empty."""
        if more := [name for name, value in (self.model_extra or {}).items() if value and name != "name"]:
            raise ValueError(f"{shown(more[0])} cannot be read here: messages are texts")
        return self

    @property
    def plain(self) -> dict[str, str]:
        """As chat templates want it."""
        return {"role": "system" if self.role == "developer" else self.role, "content": self.content}


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Body(BaseModel):
    """What both kinds of requests may say; null is as good as nothing."""

    model_config = ConfigDict(extra="forbid")

    model: str = ""
    lora_mix: Any = None
    stream: bool = False
    stream_options: _StreamOptions = _StreamOptions()
    stop: Annotated[tuple[str, ...], BeforeValidator(_stops)] = ()
    seed: Annotated[int, Field(ge=-1, lt=2**63)] = -1
    max_tokens: Annotated[int, Field(ge=1)] = _LONGEST
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0, lt=_LONGEST)] = 0
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    repetition_penalty: Annotated[float, Field(gt=0, le=100)] = 1.0

    @property
    def settings(self) -> Settings:
        """How the reply is sampled: as OpenAI does where nothing is said, which is plainly."""
        return Settings(
            max_new_tokens=min(self.max_tokens, _LONGEST),
            do_sample=self.temperature > 0,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            seed=self.seed,
        )


class _Chat(_Body):
    messages: Annotated[list[_Message], Field(min_length=1, max_length=10_000)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None


class _Completion(_Body):
    prompt: str
    max_tokens: Annotated[int, Field(ge=1)] = _SHORT


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        chat: whether it is a chat that is to be answered, or a text that goes on.
        said: the request as it came.
        model: the name of the model that it wants, empty for whichever there is.
        messages: of the chat, the last one the user's; empty for a text.
        opening: how the reply begins already; the whole text, where it is one.
        settings: how it is sampled, but for `stop`.
        stop: texts that end it.
        stream: whether it is told as it grows.
        usage: whether a stream ends with what it took.
    """

    chat: bool
    said: Mapping[str, Any]
    model: str
    messages: tuple[dict[str, str], ...]
    opening: str
    settings: Settings
    stop: tuple[str, ...]
    stream: bool
    usage: bool


def read_chat(body: bytes) -> Asked:
    """What a request to `/v1/chat/completions` asks for.

    A chat whose last message is the assistant's goes on with that: the reply does not say it again.

    Raises:
        Refusal: it is none, or cannot be done as asked.
    """
    said, read = _read(body, _Chat)
    if read.max_completion_tokens is not None:
        read = read.model_copy(update={"max_tokens": read.max_completion_tokens})
    messages = [message.plain for message in read.messages]
    opening = messages.pop()["content"] if messages[-1]["role"] == "assistant" else ""
    if not messages or messages[-1]["role"] != "user":
        raise Refusal(400, "messages: the last one, or the last but one, must be the user's.", None, "messages")
    return _asked(said, read, tuple(messages), opening)


def read_completion(body: bytes) -> Asked:
    """What a request to `/v1/completions` asks for.

    Raises:
        Refusal: it is none, or cannot be done as asked.
    """
    said, read = _read(body, _Completion)
    if not read.prompt:
        raise Refusal(400, "prompt: there is nothing to go on with.", None, "prompt")
    return _asked(said, read, (), read.prompt)


#: What reads a request, by where it is sent.
READERS: Mapping[str, Callable[[bytes], Asked]] = {
    "/v1/chat/completions": read_chat,
    "/v1/completions": read_completion,
}


def _asked(said: Mapping[str, Any], read: _Body, messages: tuple[dict[str, str], ...], opening: str) -> Asked:
    return Asked(
        bool(messages),
        said,
        read.model,
        messages,
        opening,
        read.settings,
        read.stop,
        read.stream,
        read.stream_options.include_usage,
    )


def _read(body: bytes, kind: type[Any]) -> tuple[dict[str, Any], Any]:
    try:
        said = from_json(body)
        json.dumps(said, ensure_ascii=False).encode()  # half a character is none
    except UnicodeError:
        raise Refusal(400, "This is no text in UTF-8.") from None
    except ValueError as error:
        raise Refusal(400, f"This is no JSON that can be read: {error}.") from None
    if not isinstance(said, dict):
        raise Refusal(400, f"A request must be an object, and not {shown(said)}.")
    plain = {name: value for name, value in said.items() if value is not None and name not in _OF_NO_MATTER}
    for name, harmless in _NOT_HERE.items():
        if name in plain and (value := plain.pop(name)) not in harmless:
            raise Refusal(400, f"{name}: {shown(value)} cannot be done here; leave it out.", "unsupported_value", name)
    if strange := next((name for name in plain if name not in kind.model_fields), None):
        raise Refusal(400, f"{shown(strange)}: requests here have no such field.", "unknown_parameter", strange[:60])
    try:
        return said, kind.model_validate(plain, strict=True)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise Refusal(400, f"{explain(error)}.", None, str(place[0]) if place else None) from None
