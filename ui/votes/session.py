"""A blind session: replies are generated in the background, and put to the vote as soon as there are any.

It lives on the server: a page that is loaded again goes on where it was, and one that is closed stops nothing.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..lab.grow_replies import grow
from ..lab.sheet import Line, Sheet
from ..page.trouble import reason, told

if TYPE_CHECKING:
    from ...lora_ops import Ballot, Record
    from ...lora_ops.lab.experiment import Experiment
    from ...lora_ops.results.record import Vote
    from ..lab.grow_replies import Comparison
    from ..page.experiments import Experiments

Prepared = tuple[Sheet, "Experiment"]
#: So many pages keep their session; those that began theirs longest ago lose it.
_MOST_PAGES = 24
_keys = itertools.count(1)


class Session:
    """One blind session, under way or over.

    Args:
        experiments: where replies and votes are kept.
        most: how many pairs are put to the vote, at most, besides those that were voted on before.
        kept: the experiment that is voted on, where its replies are there already.
        seed: of the order and the sides; by chance if not given.
        unfinished: how many trials will be generated beyond those that are there.

    Raises:
        ValueError: there is nothing to vote on, nor will be.
    """

    def __init__(
        self,
        experiments: Experiments,
        most: int,
        kept: Sheet | None = None,
        seed: int | None = None,
        unfinished: int = 0,
    ) -> None:
        #: Another whenever pairs are dealt anew: the same numbers then stand for other pairs, or other sides.
        self.key = next(_keys)
        self.most = most
        #: Grows whenever something that a page shows has changed.
        self.revision = 0
        self.revealed = False
        self.error = ""
        self.note = ""
        self._experiments, self._seed = experiments, seed
        self._sheet = kept
        #: Trials that are still missing, as long as they are not asked.
        self._missing = unfinished
        #: Votes that were cast before, in a session that was interrupted.
        self._before = sum(vote.source == "blind" for vote in kept.record.votes) if kept and kept.record else 0
        self._lock = threading.RLock()
        self._ballot: Ballot | None = None
        self._dealt = 0
        self._running: Experiment | None = None
        self._preparing = False
        self._called_off = False
        if kept is not None:
            self._deal()
            if self._ballot is None and not unfinished:
                raise ValueError(self._nothing())

    # Generating

    def generate(self, prepare: Callable[[], Prepared], during: Comparison) -> None:
        """Begins to generate the replies, in a thread of its own and inside of `during`.

        `prepare` says what is asked, and how it is kept.
        """
        self._preparing = True
        threading.Thread(target=self._generate, args=(prepare, during), name="lora-mixer-session", daemon=True).start()

    def _generate(self, prepare: Callable[[], Prepared], during: Comparison) -> None:
        try:
            sheet, run = prepare()
            with self._lock:
                if self._sheet is not None:  # votes were cast meanwhile
                    sheet.record = self._sheet.record
                self._sheet, self._running, self._missing = sheet, run, 0
                if self._called_off:
                    return
            with closing(grow(during, sheet, run)) as changes:
                for _ in changes:
                    self._take_in()
        except Exception as error:
            self.error = told(error)
        finally:
            self._take_in()
            with self._lock:
                self._running, self._preparing, self._missing = None, False, 0
                self._deal()
                self.revision += 1

    def _take_in(self) -> None:
        """Keeps the rows that have ended, and puts them to the vote."""
        with self._lock:
            if self._sheet is not None:
                self._experiments.keep(self._sheet)
                self._deal()
            self.revision += 1

    def _deal(self) -> None:
        from ...lora_ops import Ballot

        record = self.record
        if record is None or not record.trials or (len(record.trials) == self._dealt and self.generating):
            return
        voted = [vote for vote in record.votes if vote.source == "blind"]
        most = self._share(len(record.trials)) + self._before
        if self._ballot is not None:
            self._ballot.more(record.trials[self._dealt :], most)
        else:
            try:
                self._ballot = Ballot(record.columns, record.trials, self._seed, most, voted)
            except ValueError:
                return  # all say the same so far: the next trial may differ
        self._dealt = len(record.trials)

    def _share(self, trials: int) -> int:
        """How many pairs may be up by now: a fast voter is not to spend all votes on the first few questions."""
        return -(-self.most * trials // max(self._trials(), 1)) if self.generating or self._missing else self.most

    def _trials(self) -> int:
        """How many trials there are and will be."""
        record, sheet = self.record, self._sheet
        if record is None or sheet is None:
            return 0
        waiting = sum(row not in sheet.places for row in range(len(sheet.rows)))
        return len(record.trials) + self._missing + (waiting if self.generating else 0)

    @property
    def kept(self) -> int | None:
        """The number of the experiment that is voted on, if it is kept."""
        return self._sheet.kept if self._sheet is not None else None

    @property
    def generating(self) -> bool:
        """Whether replies are still on their way."""
        return self._preparing

    def stop(self) -> None:
        """Generates no more; what is there is voted on."""
        with self._lock:
            self._called_off = True
            if self._running is not None:
                self._running.stop()

    # Voting

    @property
    def record(self) -> Record | None:
        """What is kept of it."""
        return self._sheet.record if self._sheet is not None else None

    @property
    def over(self) -> bool:
        """Whether there is nothing left to vote on, nor will be."""
        return not self.generating and (self._ballot is None or self._ballot.slip is None)

    @property
    def votes(self) -> tuple[Vote, ...]:
        """All that were cast, those of before it was interrupted included."""
        return self._ballot.votes if self._ballot is not None else ()

    def vote(self, number: int, verdict: Any) -> None:
        """Decides on the pair that is up, which must be this one: two pages may show the same session.

        Raises:
            ValueError: it is another pair, no verdict, or the session has been revealed.
        """
        with self._lock:
            if self.revealed:
                raise ValueError("this session has been revealed: what is voted now would not be blind")
            slip = self._ballot.slip if self._ballot is not None else None
            if self._ballot is None or slip is None or slip.number != number:
                raise ValueError("this pair has been voted on already: here is the next one")
            vote = self._ballot.vote(verdict)
            assert self._sheet is not None and self._sheet.record is not None
            self._sheet.record = self._sheet.record.and_vote(vote)
            self.revision += 1
            if self.over:
                self.revealed = True
            self._keep(vote)

    def reveal(self) -> None:
        """Ends it: which mix was which."""
        self.stop()
        with self._lock:
            self.revealed = True
            self.revision += 1

    def go_on(self, most: int) -> None:
        """So many pairs more. What was revealed is revealed, and yet the sides of the next pairs are not known.

        Raises:
            ValueError: there are none.
        """
        with self._lock:
            from ...lora_ops import Ballot

            record = self.record
            if record is None or self._ballot is None or not (self._ballot.spare or self._ballot.left_to_do):
                raise ValueError("every pair of these replies has been voted on: start another session")
            voted = [vote for vote in record.votes if vote.source == "blind"]
            self.most, self._before = most, len(voted)
            self._ballot = Ballot(record.columns, record.trials, None, len(voted) + most, voted)
            self._dealt = len(record.trials)
            self.key = next(_keys)
            self.revealed = False
            self.revision += 1

    def _keep(self, vote: Vote) -> None:
        sheet, kept = self._sheet, self._experiments.records
        if sheet is None or kept is None or sheet.kept is None:
            return
        try:
            kept.vote(sheet.kept, vote)
        except (RuntimeError, ValueError, OSError) as error:
            self.note = f"This vote is not kept: {reason(error)}"

    # Telling

    def to_dict(self) -> dict[str, Any]:
        """As a page draws it. Nothing in it tells which mix said what before it is revealed."""
        with self._lock:
            ballot, sheet = self._ballot, self._sheet
            slip = ballot.slip if ballot is not None and not self.revealed else None
            line = sheet.line if sheet is not None else Line("Waiting for the model …", running=True)
            return {
                "key": self.key,
                "rev": self.revision,
                "generating": line.to_dict() if self.generating else None,
                "error": self.error or (self._nothing() if self.over and not self.votes and ballot is None else ""),
                "notes": [note for note in (self.note, *(sheet.notes if sheet else ())) if note],
                "slip": slip and {
                    "number": slip.number,
                    "question": slip.question,
                    "left": slip.left,
                    "right": slip.right,
                },
                "of": self._expected(),
                "votes": len(self.votes),
                "alike": ballot.alike if ballot is not None else 0,
                "spare": (ballot.spare + ballot.left_to_do) if ballot is not None else 0,
                "columns": len(self.record.columns) if self.record is not None else 0,
                "revealed": self.revealed,
            }  # fmt: skip

    def _expected(self) -> int:
        """How many pairs there will be, as far as that is known."""
        ballot, sheet = self._ballot, self._sheet
        ready = len(ballot.votes) + ballot.left_to_do if ballot is not None else 0
        if not self.generating or sheet is None:
            return ready
        pairs = len(sheet.columns) * (len(sheet.columns) - 1) // 2
        alike = ballot.alike if ballot is not None else 0
        return max(ready, min(self.most + self._before, self._trials() * pairs - alike))

    def _nothing(self) -> str:
        record = self.record
        if record is None or not record.trials:
            return "No reply was finished, so there is nothing to vote on."
        return "All mixes say the same to everything that was asked: there is nothing to vote on."


class Sessions:
    """The session that each page shows: one for all pages, or one each where strangers share the host."""

    def __init__(self) -> None:
        self._by_page: dict[str, Session] = {}
        #: Those that may still write, whether a page shows them or not.
        self._begun: weakref.WeakSet[Session] = weakref.WeakSet()

    def of(self, page: str) -> Session | None:
        """The session of a page."""
        return self._by_page.get(page)

    def begin(self, page: str, session: Session) -> None:
        """Has a page show a session; the one that it showed before generates no more."""
        if (old := self._by_page.get(page)) is not None:
            old.stop()
        if page not in self._by_page and len(self._by_page) >= _MOST_PAGES:
            self._by_page.pop(next(iter(self._by_page))).stop()
        self._by_page[page] = session
        self._begun.add(session)

    def writing(self, id: int) -> bool:
        """Whether replies are still being added to a kept experiment."""
        return any(session.generating and session.kept == id for session in list(self._begun))

    def end(self, page: str) -> None:
        """Puts the session of a page away; its votes are kept."""
        if (old := self._by_page.pop(page, None)) is not None:
            old.stop()
