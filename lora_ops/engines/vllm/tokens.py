"""Text into token ids and back, by asking the server."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .client import SGLANG, VLLM, Client, Dialect, VllmError

#: What is known of so many texts is remembered: a reply that grows asks for its tail again and again.
_REMEMBERED = 4096
#: The server does not tell which tokens are special. All that common tokenizers have are written like one of these.
_SPECIAL = re.compile(
    r"<\|[^<>|]{1,60}\|>|<｜[^<>]{1,60}｜>|</?s>|<(?:pad|unk|bos|eos|mask|start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|BOS|EOS|UNK|PAD|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
)


class NoTemplate(VllmError):
    """A model that comes with no chat template."""


class ServerTokens:
    """The tokenizer of a server's model. Members as `engines.engine.Tokens` tells them.

    Args:
        client: the server.
        model: what it calls its base model.
        dialect: how it spells its calls.
    """

    def __init__(self, client: Client, model: str, dialect: Dialect = VLLM) -> None:
        self._client, self._model, self._dialect = client, model, dialect
        self._texts: OrderedDict[tuple[int, ...], str] = OrderedDict()

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """The ids of a text; special tokens that are written out in it are those."""
        if not text and not add_special_tokens:
            return []
        body = {"model": self._model, "prompt": text, "add_special_tokens": add_special_tokens}
        return self._ids_in(self._client.post("/tokenize", body))

    def _ids_in(self, told: Any) -> list[int]:
        ids = told.get("tokens") if isinstance(told, dict) else None
        if not isinstance(ids, list) or not all(isinstance(id, int) for id in ids):
            raise VllmError(f"{self._client.name} does not turn text into tokens")
        return ids

    def of_chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The ids of a chat as the model's template writes it, up to where the reply begins.

        Raises:
            NoTemplate: the model comes with none, or the server applies none here (SGLang 0.5.23 turns text alone into
                tokens).
            VllmError: the template refuses these messages, or nobody is there.
        """
        body = {"model": self._model, "messages": list(messages), "add_generation_prompt": True}
        try:
            told = self._client.post("/tokenize", body)
        except VllmError as error:
            lacks = "provide a chat template" in error.said or self._dialect is SGLANG
            if error.status in (400, 422) and lacks:
                raise NoTemplate(f"{self._client.name} has no chat template") from error
            raise
        return self._ids_in(told)

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of these ids."""
        ids = tuple(int(id) for id in token_ids)
        if skip_special_tokens:
            ids = tuple(id for id in ids if not _SPECIAL.fullmatch(self._text((id,))))
        return self._text(ids) if ids else ""

    def _text(self, ids: tuple[int, ...]) -> str:
        text = self._texts.get(ids)
        if text is None:
            told = self._client.post("/detokenize", {"model": self._model, "tokens": ids, **self._dialect.decoding})
            name = self._dialect.decoded
            if not isinstance(told, dict) or not isinstance(told.get(name), str):
                raise VllmError(f"{self._client.name} does not turn tokens into text")
            text = self._texts[ids] = str(told[name])
            with suppress(KeyError):  # another thread may have made room already
                while len(self._texts) > _REMEMBERED:
                    self._texts.popitem(last=False)
        return text
