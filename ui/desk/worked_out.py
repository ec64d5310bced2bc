"""What is worked out of the adapters that are loaded, in a thread of its own, and kept until others are."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..page.jobs import News

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ..page.console import Console

#: So long an answer waits for what is being worked out: mostly it is there by then, and the page need not ask again.
_SECONDS = 0.4
#: Works it out of a desk whose adapters have this number in the console's count. Whatever goes wrong is told in it.
Work = Callable[["Console", "Desk", int], News]


class WorkedOut:
    """One thread at a time works it out; it goes on whether or not a page still asks.

    Args:
        name: of the thread.
        work: what it does.
    """

    def __init__(self, name: str, work: Work) -> None:
        self._name, self._work = name, work
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: Of which desk, and of which adapters in the console's count, that is.
        self._of: tuple[weakref.ref[Desk], int] | None = None
        self._news: News | None = None

    def news(self, console: Console, desk: Desk) -> News | None:
        """What is known of this desk's adapters; None while it is being worked out."""
        with self._lock:
            of = (weakref.ref(desk), console.loaded)
            if self._thread is None or not self._thread.is_alive():
                if of == self._of and self._news is not None:
                    return self._news
                self._of, self._news = of, None
                self._thread = threading.Thread(
                    target=self._run, args=(console, desk, of[1]), name=self._name, daemon=True
                )
                self._thread.start()
            thread = self._thread
        thread.join(_SECONDS)
        with self._lock:
            return self._news if of == self._of else None

    def _run(self, console: Console, desk: Desk, loaded: int) -> None:
        self._news = self._work(console, desk, loaded)
