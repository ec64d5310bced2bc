"""Replies of a llama-server, several side by side, each under a mix of its own.

The scales of a request hold for all of it. Where they are to change on the way the request is ended and asked again,
with what was said so far: the server reads all of that anew, under the new scales.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine import Token
from .client import Call, Client, LlamaServerError
from .request import Scales, reply_body

if TYPE_CHECKING:
    from ...mix import Mix
    from ..engine import Hear, Voice

#: Stands for whatever token the server ended a reply with.
END = -1
#: Seconds after which a listener is asked whether it still wants to hear, though nothing has come.
_ASK_AGAIN = 0.2
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


def say_together(voices: Sequence[Voice], ask: Callable[[Voice], Asking], hear: Hear, at_once: int) -> None:
    """Has voices say their replies, as many at once as the server has slots; the others begin when one ends.

    Voices that are alike say the same, and are asked once. Two under the same scales never run at the same time: the
    server would work them out in one batch, in which the last digits of a number hang on what else is in it, and a
    reply would not be what it is alone.

    Args:
        voices: who speaks.
        ask: how one is asked.
        hear: told the next tokens; answers who wants no more.
        at_once: how many requests at a time.

    Raises:
        LlamaServerError: one of them failed; none goes on then.
    """
    alike = [next(at for at, other in enumerate(voices) if other == voice) for voice in voices]
    waiting = [_Speaker(voices[at], ask) for at in range(len(voices)) if alike[at] == at]
    speakers = {row: next(one for one in waiting if one.voice == voices[row]) for row in range(len(voices))}
    news: queue.Queue[_Speaker] = queue.Queue()
    running: list[_Speaker] = []
    over = [False] * len(voices)
    try:
        while waiting or running:
            while (ready := _ready(waiting, running)) is not None and len(running) < max(1, at_once):
                waiting.remove(ready)
                running.append(ready)
                ready.begin(news)
            _gather(news)
            # One token of each that has one, until all that came are told.
            while True:
                told = {one: one.tokens.pop(0) for one in running if one.tokens}
                over = list(hear({row: told[one] for row, one in speakers.items() if one in told and not over[row]}))
                if not any(one.tokens for one in running) or all(over):
                    break
            wanted = {id(one) for row, one in speakers.items() if not over[row]}
            for one in [one for one in running if id(one) not in wanted or one.done]:
                one.call_off()
                running.remove(one)
                if one.error is not None and id(one) in wanted:
                    raise one.error
            waiting = [one for one in waiting if id(one) in wanted]
    finally:
        for one in running:
            one.call_off()


def _ready(waiting: Sequence[_Speaker], running: Sequence[_Speaker]) -> _Speaker | None:
    """The next one that may begin."""
    busy = [one.scales for one in running]
    return next((one for one in waiting if one.scales not in busy), None)


def _gather(news: queue.Queue[_Speaker]) -> None:
    """Waits a little for something to come."""
    try:
        news.get(timeout=_ASK_AGAIN)
        while True:
            news.get_nowait()
    except queue.Empty:
        pass


class _Speaker:
    """One reply under way in a thread of its own."""

    def __init__(self, voice: Voice, ask: Callable[[Voice], Asking]) -> None:
        self.voice, self._asking = voice, ask(voice)
        self.scales = self._asking.scales(voice.mix.at(0))
        self.tokens: list[Token] = []
        self.ended = False
        self.error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether all that it said was told, and no more comes. It says its last word before it ends."""
        return self.ended and not self.tokens

    def begin(self, news: queue.Queue[_Speaker]) -> None:
        threading.Thread(target=self._speak, args=(news,), name="llama-server reply", daemon=True).start()

    def call_off(self) -> None:
        self._asking.call_off()

    def _speak(self, news: queue.Queue[_Speaker]) -> None:
        mix, most = self.voice.mix, self._asking.most
        try:
            for token in self._asking.tokens(mix.at, ahead_of(mix, most)):
                self.tokens.append(token)
                news.put(self)
        except BaseException as error:  # told in the thread that listens
            self.error = error
        finally:
            self.ended = True
            news.put(self)
