"""The whole page on the server's side: the console, and the parts that stand on it. What is made here is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..adapters.foreseen import ForeseenBakes
from ..adapters.shown_shelf import ShownShelf
from ..chat.answer_twice import Twice
from ..desk.louds import Louds
from ..desk.spectra import Spectra
from ..lab.lab import Lab
from ..learn.classroom import Classrooms
from ..votes.session import Sessions
from .console import DEFAULT_RANGE, Console
from .jobs import Works

if TYPE_CHECKING:
    from ...hosts.protocol import Host


class Studio(Console):
    """A console with all that a page has besides.

    Args:
        host: where the model comes from.
        fader_range: how far the drawn faders go; typed numbers may be any.
    """

    def __init__(self, host: Host, fader_range: tuple[float, float] = DEFAULT_RANGE) -> None:
        super().__init__(host, fader_range)
        #: The columns, and what they said.
        self.lab = Lab(shared=not host.multi_user)
        #: Blind votes that are under way.
        self.sessions = Sessions()
        #: The chat that answers twice.
        self.twice = Twice(self, self.lab)
        #: What is being done with adapters: loading, measuring, baking.
        self.works = Works()
        #: What each component of the adapters carries.
        self.spectra = Spectra()
        #: How loud they are.
        self.louds = Louds()
        self.shown_shelf = ShownShelf()
        #: What bakes of fewer components would be.
        self.foreseen = ForeseenBakes()
        #: What is learned from, and what came of it.
        self.classrooms = Classrooms(shared=not host.multi_user)
