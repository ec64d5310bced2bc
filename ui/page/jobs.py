"""What is done with adapters and takes its time (loading, measuring, baking): one job at a time, in its own thread.

A job goes on whether a page follows it or not, and can be stopped from every page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .trouble import told

if TYPE_CHECKING:
    from ...lora_ops import Adapter, Curve, Estimate, Faders, Impact

#: A page that redraws more often than this does not read any smoother.
_SECONDS_BETWEEN_NEWS = 0.2

News = dict[str, Any]


class Busy(ValueError):
    """Another job is under way."""


@dataclass
class Job:
    """One job under way, or the last one.

    Attributes:
        what: "load", "impact", "bake" …
        key: the part of the page that it belongs to.
        text: how far it is, or what went wrong.
        part: how much of it is done, from 0 to 1, where that is known.
        page: the page that began it.
        seq: the number under which that page did, so that it knows its own.
        error: what it ended with, if it failed.
        news: what came of it, for the page that began it.
    """

    what: str = ""
    key: str = ""
    text: str = ""
    part: float | None = None
    page: str = ""
    seq: int = 0
    running: bool = False
    error: BaseException | None = None
    news: News = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _end: Callable[[], None] = field(default=lambda: None)

    def tell(self, text: str, part: float | None = None) -> None:
        """How far it is."""
        self.text, self.part = text, part

    def stop(self) -> None:
        """Asks it to end; what it knows by then may be kept."""
        self._stopped.set()
        self._end()

    def ends(self, end: Callable[[], None]) -> None:
        """What is called when it is asked to end, for what does not look by itself; at once if it was asked already."""
        self._end = end
        if self.stopped():
            end()

    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def to_dict(self) -> News:
        """As a page draws it."""
        return {
            "what": self.what,
            "key": self.key,
            "text": self.text,
            "part": self.part,
            "running": self.running,
            "failed": self.error is not None,
            "seq": self.seq,
        }


@dataclass(frozen=True)
class TextCurve:
    """How likely a text of one's own became as one fader of an adapter went up, and what that was measured of.

    Attributes:
        found: the curve.
        adapter: whose fader it was.
        faders: where the faders of the adapter stood.
    """

    found: Curve
    adapter: Adapter
    faders: Faders


class Works:
    """The jobs of a console; there is one model, so there is one at a time."""

    def __init__(self) -> None:
        self.job = Job()
        #: The impact that was measured or estimated last, by what was measured and the adapter.
        self.impacts: dict[tuple[str, str], Impact | Estimate] = {}
        #: The curves of texts of one's own that were drawn last, by the adapter and what was swept.
        self.curves: dict[tuple[str, str], TextCurve] = {}
        #: Grows whenever a profile is kept, changed or removed, so that every page looks again.
        self.kept = 0
        self._lock = threading.Lock()

    def run(
        self, what: str, key: str, page: str, work: Callable[[Job], News], seq: int = 0
    ) -> Generator[Job, None, None]:
        """Does `work` in a thread, and yields the job each time there may be something new, and when it is over.

        What the work returns becomes `news` of the job; what it raises becomes its `error`.

        Raises:
            Busy: another job is under way.
        """
        with self._lock:
            if self.job.running:
                raise Busy("something else is being done with the adapters at the moment: wait for it, or stop it")
            job = self.job = Job(what, key, page=page, seq=seq, running=True)
        thread = threading.Thread(target=_work, args=(job, work), name=f"lora-mixer-{what}", daemon=True)
        thread.start()
        told: tuple[Any, ...] = ()
        while thread.is_alive():
            if (now := (job.text, job.part)) != told:
                told = now
                yield job
            thread.join(_SECONDS_BETWEEN_NEWS)
        yield job

    def stop(self) -> None:
        """Asks the job under way to end."""
        self.job.stop()


def _work(job: Job, work: Callable[[Job], News]) -> None:
    try:
        job.news = work(job)
        job.text = str(job.news.get("line", ""))
    except BaseException as error:
        job.error, job.text = error, told(error)
    finally:
        job.part = None
        job.running = False


def clock(since: float) -> str:
    """The seconds since `since` (of `time.monotonic`), for people."""
    return f"{time.monotonic() - since:.1f} s"
