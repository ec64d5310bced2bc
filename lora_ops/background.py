"""Work in a thread of its own, and whoever listens to it."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

News = TypeVar("News")
Outcome = TypeVar("Outcome")

#: How long a process that ends waits for the token that is being worked out.
_SECONDS_TO_END = 10.0


class Background(Generic[News, Outcome]):
    """Work under way: iterate over it for news, then read `result`.

    It runs in a thread of its own, which holds the lock and puts the desk back, so that this happens too when nobody
    listens any more. A slow listener misses news but never delays a token.

    Args:
        work: what is done; it is given what tells the news.
        stopped: what the work looks at to see whether it should end.
        name: of the thread, and of the work for people.
        before: called in the listener's thread before the work begins.
    """

    def __init__(
        self,
        work: Callable[[Callable[[News], None]], Outcome],
        stopped: threading.Event,
        name: str,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._do = work
        self._before = before
        self._stopped = stopped
        self._name = name
        self._news = threading.Condition()
        self._latest: News | None = None
        self._done = False
        self._error: BaseException | None = None
        self._result: Outcome | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def result(self) -> Outcome:
        """What came of it.

        Raises:
            RuntimeError: it is not finished.
        """
        if self._result is None:
            raise RuntimeError(f"there is no result yet: iterate over what you want to {self._name} first")
        return self._result

    def stop(self) -> None:
        """Ends every column after the token it is at; what was said stays."""
        self._stopped.set()

    def __iter__(self) -> Generator[News, None, None]:
        """News as they come, the last one with everything; stops the work when the loop is left early.

        Raises:
            ValueError: a mix names what the model has not.
            Exception: whatever went wrong while generating.
        """
        if not self._thread.is_alive() and not self._done:
            # A process that ends while torch computes in a thread of it aborts.
            atexit.register(self._end)
            self._before()
            self._thread.start()
        seen: News | None = None
        try:
            while True:
                with self._news:
                    while not self._done and self._latest is seen:
                        self._news.wait()
                    latest, done = self._latest, self._done
                if latest is not None and latest is not seen:
                    seen = latest
                    yield latest
                if done:
                    break
        finally:
            self.stop()
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._result = self._do(self._tell)
        except BaseException as error:
            self._error = error
        finally:
            with self._news:
                self._done = True
                self._news.notify_all()
            atexit.unregister(self._end)

    def _end(self) -> None:
        self.stop()
        self._thread.join(timeout=_SECONDS_TO_END)

    def _tell(self, news: News) -> None:
        with self._news:
            self._latest = news
            self._news.notify_all()
