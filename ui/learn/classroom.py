"""What is learned from on a page, and what came of it. All pages share one, but where strangers share the host."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from .attempt import Attempt
from .basket import Basket
from .own_replies import OwnReplies

#: So many pages of strangers keep theirs; those that asked longest ago lose it.
_PAGES = 24


@dataclass
class Classroom:
    """What one would learn from, and the last attempt.

    Attributes:
        rev: grows whenever something that a page shows has changed.
    """

    basket: Basket = field(default_factory=Basket)
    attempt: Attempt | None = None
    rev: int = 1

    def changed(self) -> None:
        """Every page looks again."""
        self.rev += 1


class Classrooms:
    """The classrooms of all pages.

    Args:
        shared: whether all pages have the same one; not where strangers share the host.
    """

    def __init__(self, shared: bool = True) -> None:
        self.own_replies = OwnReplies()
        self._shared = shared
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, Classroom] = OrderedDict()

    def of(self, page: str) -> Classroom:
        """That of a page."""
        key = "" if self._shared else page
        with self._lock:
            room = self._rooms.setdefault(key, Classroom())
            self._rooms.move_to_end(key)
            while len(self._rooms) > _PAGES:
                self._rooms.popitem(last=False)
            return room
