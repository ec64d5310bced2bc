"""One reply of a server as it is asked for, and asked again where the mix changes on its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ..engine import Token
from .client import Call, Client, VllmError
from .request import reply_body

#: Stands for whatever token the server ended a reply with.
END = -1
#: Seconds between two looks at whether a reply is over.
_GLANCE = 0.2


@dataclass
class Asking:
    """One request for a reply.

    Attributes:
        client: the server.
        model: what it calls the mix.
        prompt: token ids.
        settings: of the sampling, under the server's names.
        seed: of the dice.
        most: how many tokens at most.
    """

    client: Client
    model: str
    prompt: Sequence[int]
    settings: dict[str, Any]
    seed: int
    most: int
    #: Any may run beside it, of the same mix too.
    apart: Any = None
    _call: Call | None = None
    _off: threading.Event = field(default_factory=threading.Event)

    def call_off(self) -> None:
        """Ends it, from whichever thread; the server notices, and stops."""
        self._off.set()
        if self._call is not None:
            self._call.call_off()

    def tokens(self) -> Iterator[Token]:
        """The tokens of the reply; the last one is `END` where the model ended it."""
        body = reply_body(self.model, self.prompt, self.settings, self.seed, self.most)
        call = self._call = self.client.begin("/v1/completions", body)
        if self._off.is_set():
            return
        events, said = call.events(), 0
        try:
            for event in events:
                ids, why = _told(event, self.client)
                if why == "stop":  # the last token is the one that ended it
                    yield from (Token(id) for id in ids[:-1])
                    yield Token(END)
                    return
                for id in ids:
                    said += 1
                    yield Token(id, last=said == self.most)
        finally:
            call.call_off()
            events.close()


def say_under(
    ask: Callable[[Sequence[int]], AbstractContextManager[Asking]],
    moved: Callable[[], bool],
    most: int,
    stop: threading.Event | None = None,
) -> Iterator[Token]:
    """A reply that is asked for again, with what was said so far, whenever the mix has moved.

    Args:
        ask: what asks for the rest after these tokens, under the mix of the moment; held until that is said.
        moved: whether that mix is not the one of the moment any more.
        most: how many tokens at most.
        stop: ends it, even while the server says nothing.
    """
    said: list[int] = []
    ended = False
    while not ended and len(said) < most and not (stop is not None and stop.is_set()):
        with ask(said) as asking:
            ended = True
            over = threading.Event()
            if stop is not None:
                threading.Thread(target=_call_off, args=(asking, stop, over), name="vllm stop", daemon=True).start()
            try:
                for token in asking.tokens():
                    if token.id != END:
                        said.append(token.id)
                    yield Token(token.id, last=len(said) == most)
                    if token.id != END and moved():
                        ended = False
                        break
            finally:
                over.set()
                asking.call_off()


def _call_off(asking: Asking, stop: threading.Event, over: threading.Event) -> None:
    while not over.is_set():
        if stop.wait(_GLANCE):
            asking.call_off()
            return


def _told(event: dict[str, Any], client: Client) -> tuple[list[int], str]:
    """The tokens of an event, and why the reply ends with them, if it does."""
    choices = event.get("choices")
    if choices == []:
        return [], ""  # how much it was
    try:
        one = choices[0]  # type: ignore[index] # what is none is told below
        ids, why = one["token_ids"] or [], one["finish_reason"] or ""
        if not all(isinstance(id, int) for id in ids):
            raise TypeError
    except (KeyError, IndexError, TypeError):
        raise VllmError(f"{client.name} does not tell the tokens that it says: it is too old (0.10 is not)") from None
    return ids, why
