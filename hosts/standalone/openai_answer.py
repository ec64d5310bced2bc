"""What the page's OpenAI-compatible API answers: whole replies, and the pieces of one that is told as it grows."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from .openai_reply import Said


@dataclass
class Answer:
    """One answer, whole or in pieces.

    Args:
        chat: whether a chat is answered, or a text goes on.
        model: the name of the model that answers.
        prompt_tokens: how many tokens it was asked.
        usage: whether a stream ends with what it took.
    """

    chat: bool
    model: str
    prompt_tokens: int
    usage: bool = False
    #: How much of the reply has been told.
    _told: str = ""
    _id: str = field(default_factory=lambda: secrets.token_hex(12))
    _created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, said: Said) -> dict[str, Any]:
        """All of it at once."""
        content: dict[str, Any] = (
            {"message": {"role": "assistant", "content": said.text}} if self.chat else {"text": said.text}
        )
        return {**self._head(pieces=False), "choices": [_choice(content, said.finish)], "usage": self._usage(said)}

    def first(self) -> bytes:
        """What a stream begins with: a chat's says who speaks."""
        return self._piece({"delta": {"role": "assistant", "content": ""}}) if self.chat else b""

    def piece(self, said: Said) -> bytes:
        """What has been said since; nothing if that is nothing."""
        if not said.text.startswith(self._told) or said.text == self._told:
            return b""
        more, self._told = said.text[len(self._told) :], said.text
        return self._piece({"delta": {"content": more}} if self.chat else {"text": more})

    def last(self, said: Said) -> bytes:
        """How it ended."""
        end = self._piece({"delta": {}} if self.chat else {"text": ""}, said.finish)
        if self.usage:
            end += event({**self._head(pieces=True), "choices": [], "usage": self._usage(said)})
        return end + b"data: [DONE]\n\n"

    def _piece(self, content: dict[str, Any], finish: str = "") -> bytes:
        usage = {"usage": None} if self.usage else {}
        return event({**self._head(pieces=True), "choices": [_choice(content, finish)], **usage})

    def _head(self, pieces: bool) -> dict[str, Any]:
        kind, mark = ("chat.completion", "chatcmpl") if self.chat else ("text_completion", "cmpl")
        name = f"{kind}.chunk" if pieces and self.chat else kind
        return {"id": f"{mark}-{self._id}", "object": name, "created": self._created, "model": self.model}

    def _usage(self, said: Said) -> dict[str, int]:
        both = self.prompt_tokens + said.tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": said.tokens, "total_tokens": both}


def event(data: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _choice(content: dict[str, Any], finish: str) -> dict[str, Any]:
    return {"index": 0, **content, "logprobs": None, "finish_reason": finish or None}
