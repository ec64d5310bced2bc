"""Replies of a server, several side by side, each in a thread of its own and told as they grow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .engine import Hear, Token, Voice

#: Seconds after which a listener is asked whether it still wants to hear, though nothing has come.
_ASK_AGAIN = 0.2


class Asked(Protocol):
    """A reply that is asked for when its tokens are listened to."""

    @property
    def apart(self) -> Any:
        """Two that have this in common never run at the same time; None where any may."""

    def tokens(self) -> Iterator[Token]: ...

    def call_off(self) -> None: ...


def say_together(voices: Sequence[Voice], ask: Callable[[Voice], Asked], hear: Hear, at_once: int) -> None:
    """Has voices say their replies, at most so many at once; the others begin when one ends.

    Voices that are alike say the same, and are asked once.

    Args:
        voices: who speaks.
        ask: how one is asked.
        hear: told the next tokens; answers who wants no more.
        at_once: how many requests at a time.

    Raises:
        ServerError: one of them failed; none goes on then.
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
                told = {one: one.heard.pop(0) for one in running if one.heard}
                over = list(hear({row: told[one] for row, one in speakers.items() if one in told and not over[row]}))
                if not any(one.heard for one in running) or all(over):
                    break
            wanted = {id(one) for row, one in speakers.items() if not over[row]}
            for one in [one for one in running if id(one) not in wanted or one.done]:
                one.asked.call_off()
                running.remove(one)
                if one.error is not None and id(one) in wanted:
                    raise one.error
            waiting = [one for one in waiting if id(one) in wanted]
    finally:
        for one in running:
            one.asked.call_off()


def _ready(waiting: Sequence[_Speaker], running: Sequence[_Speaker]) -> _Speaker | None:
    """The next one that may begin."""
    busy = [one.asked.apart for one in running if one.asked.apart is not None]
    return next((one for one in waiting if one.asked.apart not in busy), None)


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

    def __init__(self, voice: Voice, ask: Callable[[Voice], Asked]) -> None:
        self.voice, self.asked = voice, ask(voice)
        self.heard: list[Token] = []
        self.ended = False
        self.error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether all that it said was told, and no more comes. It says its last word before it ends."""
        return self.ended and not self.heard

    def begin(self, news: queue.Queue[_Speaker]) -> None:
        threading.Thread(target=self._speak, args=(news,), name="reply of a server", daemon=True).start()

    def _speak(self, news: queue.Queue[_Speaker]) -> None:
        try:
            for token in self.asked.tokens():
                self.heard.append(token)
                news.put(self)
        except BaseException as error:  # told in the thread that listens
            self.error = error
        finally:
            self.ended = True
            news.put(self)
