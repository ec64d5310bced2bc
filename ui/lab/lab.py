"""What the lab holds on the server: the columns as they are set up, and the experiment that each page shows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from .columns import Columns
from .sheet import Sheet

if TYPE_CHECKING:
    from ...hosts.protocol import ReplyLength

#: So many pages keep the experiment that they show; those that asked longest ago lose it.
_PAGES = 24


class Lab:
    """One for all pages, as the console is.

    Args:
        shared: whether a page that has shown no experiment yet is shown the latest one: a page that was loaded again
            goes on where it was. Not where strangers share the host.
    """

    def __init__(self, shared: bool = True) -> None:
        self.setup = Columns.first()
        #: Grows whenever the columns change, so that every page looks again.
        self.revision = 0
        #: How long a reply may get, as the host's chat was set when a page last asked.
        self.reply_length: ReplyLength | None = None
        self._shared = shared
        self._lock = threading.Lock()
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()
        self._latest: Sheet | None = None

    def notice(self, length: ReplyLength | None) -> bool:
        """How long a reply may get as the host's chat is set now; whether that was another length before."""
        changed, self.reply_length = length != self.reply_length, length
        return changed

    def change(self, setup: Columns) -> None:
        """Sets the columns up anew; every page learns of it."""
        if setup != self.setup:
            self.setup = setup
            self.revision += 1

    def sheet(self, page: str) -> Sheet | None:
        """The experiment that a page shows."""
        with self._lock:
            if page in self._sheets:
                self._sheets.move_to_end(page)
                return self._sheets[page]
            return self._latest if self._shared else None

    def show(self, page: str, sheet: Sheet) -> None:
        """Has a page show an experiment from now on."""
        with self._lock:
            self._sheets[page] = self._latest = sheet
            self._sheets.move_to_end(page)
            while len(self._sheets) > _PAGES:
                self._sheets.popitem(last=False)
