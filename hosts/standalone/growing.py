"""A reply that grows, as plain data."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol import Request

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import LlamaServerEngine
    from ...lora_ops.engines.vllm import VllmEngine

#: So many tokens of what is gone on from are decoded with what follows: a character may take several.
_BEFORE = 8


@dataclass(frozen=True)
class Partial:
    """What there is of a reply: its text, and of how many tokens it is made."""

    text: str
    tokens: int


def cut(text: str, stop_strings: Sequence[str], final: bool) -> tuple[str, bool]:
    """`text` up to the first stop string, and whether there was one.

    Unless `final`, an end that may be the beginning of a stop string, or half a character, is held back.
    """
    found = [at for at in (text.find(stop) for stop in stop_strings) if at >= 0]
    if found:
        return text[: min(found)], True
    if final:
        return text, False
    text = text.rstrip("\ufffd")
    held = [n for stop in stop_strings for n in range(1, min(len(stop), len(text) + 1)) if text.endswith(stop[:n])]
    return text[: len(text) - max(held, default=0)], False


class After:
    """The text of tokens as they follow others: by themselves some tokenizers write the first without its blank."""

    def __init__(self, tokenizer: Any, before: Sequence[int]) -> None:
        self._tokenizer, self._before = tokenizer, tuple(before)

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """What these tokens add to the text before them."""

        def text(ids: Sequence[int]) -> str:
            return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

        before, whole = text(self._before), text([*self._before, *token_ids])
        return whole[len(before) :] if whole.startswith(before) else text(token_ids)

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """A text's tokens by itself."""
        return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens))


def decoder(tokenizer: Any, request: Request) -> Any:
    """What turns the tokens of a reply into text: one that goes on from an opening is read together with its end."""
    return After(tokenizer, request.token_ids[-_BEFORE:]) if request.opening else tokenizer


def said_by(engine: LlamaServerEngine | VllmEngine, request: Request, stop: threading.Event) -> Iterator[Partial]:
    """A reply as an engine says it that asks a server, each time that there is more to show, and when it has ended.

    Raises:
        Exception: what the engine's `reply` raises.
    """
    from ...lora_ops.lab.reply import Reply

    tokens = decoder(engine.tokens, request)
    reply = Reply(tokens, engine.ends(request.sampling), request.stop_strings, request.skip_special_tokens)
    told = Partial("", 0)
    with closing(engine.reply(request.token_ids, request.sampling, request.seed, stop)) as said:  # type: ignore[type-var]
        for token in said:
            reply.add(token.id)
            if reply.shown != told.text:
                told = Partial(reply.shown, len(reply.token_ids))
                yield told
            if reply.finish:
                break
    reply.close("length")
    if (reply.shown, len(reply.token_ids)) != (told.text, told.tokens):
        yield Partial(reply.shown, len(reply.token_ids))
