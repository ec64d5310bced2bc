"""Replies of a llama-server, each under a mix of its own.

The scales of a request hold for all of it. Where they are to change on the way the request is ended and asked again,
with what was said so far: the server reads all of that anew, under the new scales.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine import Token
from .client import Call, Client, LlamaServerError
from .request import Scales, reply_body

if TYPE_CHECKING:
    from ...mix import Mix

#: Stands for whatever token the server ended a reply with.
END = -1
#: Dice of the rest of a reply that is asked again differ from those of its beginning by this much a token.
_ANEW = 1_000_003


@dataclass
class Asking:
    """One reply as it is asked for, and asked again.

    Attributes:
        client: the server.
        prompt: token ids.
        settings: of the sampling, under the server's names.
        seed: of the dice.
        most: how many tokens at most; None for as many as there is room for.
        scales: of every adapter's file under a mix.
    """

    client: Client
    prompt: Sequence[int]
    settings: Mapping[str, Any]
    seed: int
    most: int | None
    scales: Callable[[Mix], Scales]
    _call: Call | None = None
    _off: threading.Event = field(default_factory=threading.Event)

    def call_off(self) -> None:
        """Ends it, from whichever thread."""
        self._off.set()
        if self._call is not None:
            self._call.call_off()

    def tokens(self, mix: Callable[[int], Mix], ahead: Callable[[int], int | None]) -> Iterator[Token]:
        """The tokens of the reply; the last one is `END` where the model ended it.

        Args:
            mix: what the token of this index is said under; asked before each, so that it may change at any time.
            ahead: how many tokens from this index on surely have the same mix, as far as one can know; None for all.
        """
        said: list[int] = []
        while not self._off.is_set():
            now = mix(len(said))
            left = None if self.most is None else self.most - len(said)
            sure = ahead(len(said))
            part = left if sure is None else sure if left is None else min(left, sure)
            for token in self._part(said, now, part):
                if token.id == END:
                    yield token
                    return
                said.append(token.id)
                over = len(said) == self.most
                yield Token(token.id, last=over)
                if over:
                    return
                if mix(len(said)) != now:
                    break
            else:
                if part is None or part == left or self._ended:
                    return

    def _part(self, said: Sequence[int], mix: Mix, most: int | None) -> Iterator[Token]:
        """As many tokens as the same scales hold for."""
        seed = self.seed + _ANEW * len(said)
        body = reply_body([*self.prompt, *said], self.scales(mix), self.settings, seed, most)
        call = self._call = self.client.begin("/completion", body)
        if self._off.is_set():
            return
        self._ended = False
        #: Tokens without text may be the end, or part of a character: the next event tells.
        held: list[int] = []
        count = 0
        events = call.events()
        try:
            for event in events:
                ids = event.get("tokens")
                if not isinstance(ids, list) or not all(isinstance(id, int) for id in ids):
                    raise LlamaServerError(
                        f"the llama-server at {self.client.url} does not tell the tokens that it says: it is too old"
                    )
                if event.get("stop"):
                    self._ended = event.get("stop_type") != "limit" or (most is not None and count + len(held) < most)
                    ended = event.get("stop_type") == "eos"
                    yield from (Token(id) for id in (held[:-1] if ended and held else held))
                    if ended:
                        yield Token(END, last=False)
                    return
                if event.get("content"):
                    yield from (Token(id) for id in held)
                    count += len(held) + len(ids)
                    held = []
                    yield from (Token(id) for id in ids)
                else:
                    held += ids
        finally:
            call.call_off()
            events.close()

    _ended: bool = False


def ahead_of(mix: Mix, most: int | None) -> Callable[[int], int | None]:
    """How many tokens from one on a mix with fades stays as it is."""
    points = [point for faders in mix.adapters.values() for fade in faders.every_fade() for point, _ in fade.points]
    last = max(points, default=0)

    def ahead(token: int) -> int | None:
        if not mix.faded or token >= last:
            return None
        now = mix.at(token)
        end = last if most is None else min(last, most)
        return next((later - token for later in range(token + 1, end + 1) if mix.at(later) != now), None)

    return ahead


class Voiced:
    """One reply under one mix from its first token to its last, as `side_by_side.say_together` has it asked.

    Two under the same scales never run at the same time: the server would work them out in one batch, in which the
    last digits of a number hang on what else is in it, and a reply would not be what it is alone.
    """

    def __init__(self, asking: Asking, mix: Mix) -> None:
        self._asking, self._mix = asking, mix
        self.apart = asking.scales(mix.at(0))

    def tokens(self) -> Iterator[Token]:
        return self._asking.tokens(self._mix.at, ahead_of(self._mix, self._asking.most))

    def call_off(self) -> None:
        self._asking.call_off()
