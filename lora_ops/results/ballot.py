"""A blind session: two replies at a time, without labels, in an order and on sides that chance decides."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from .record import ColumnRecord, MessageRecord, TrialRecord, Verdict, Vote


@dataclass(frozen=True)
class Slip:
    """What is put to the vote: nothing in it tells which column said what.

    Attributes:
        number: from 1.
        of: how many there are.
        question: what was asked, for people.
        messages: the same as a chat, if it was one.
        left: one reply.
        right: the other.
    """

    number: int
    of: int
    question: str
    messages: tuple[MessageRecord, ...]
    left: str
    right: str


@dataclass(frozen=True)
class Revealed:
    """A slip after the vote.

    Attributes:
        vote: which columns it was about, and the verdict.
        left_label: of the column on the left.
        right_label: of the column on the right.
    """

    slip: Slip
    vote: Vote
    left_label: str
    right_label: str


@dataclass(frozen=True)
class _Pair:
    trial: int
    left: int
    right: int

    @property
    def couple(self) -> frozenset[int]:
        """The two columns, whatever side they stand on."""
        return frozenset((self.left, self.right))

    @property
    def what(self) -> tuple[int, frozenset[int]]:
        """What is compared, whatever side it stands on."""
        return self.trial, self.couple


class Ballot:
    """Every pair of columns of every trial, once. Two replies that say the same are not put to the vote.

    The order is shuffled, but such that all columns have come up about equally often whenever the voter ends it.

    >>> ballot = Ballot(record.columns, record.trials, seed=7)
    >>> while (slip := ballot.slip) is not None:
    ...     records.vote(record.id, ballot.vote(ask(slip.left, slip.right)))
    >>> [(one.left_label, one.right_label, one.vote.verdict) for one in ballot.reveal()]

    Args:
        columns: of the experiment; only their labels are used, for `reveal`.
        trials: of the experiment.
        seed: of the order and the sides; by chance if not given.
        most: at most so many slips, those among them that were voted on before.
        voted: votes of a session on these trials that was interrupted: it goes on where it was.

    Raises:
        ValueError: there is nothing to vote on: fewer than two columns, no trial, or all replies alike.
    """

    def __init__(
        self,
        columns: Sequence[ColumnRecord],
        trials: Sequence[TrialRecord],
        seed: int | None = None,
        most: int | None = None,
        voted: Sequence[Vote] = (),
    ) -> None:
        if len(columns) < 2:
            raise ValueError("there is nothing to vote on: it takes at least two columns")
        if not trials:
            raise ValueError("there is nothing to vote on: no reply was finished")
        self._columns, self._trials, self._most = tuple(columns), tuple(trials), most
        self._dice = random.Random(seed)
        pairs, self.alike = _differing(_shuffled(len(columns), len(trials), self._dice), trials)
        if not pairs:
            raise ValueError("there is nothing to vote on: all columns say the same")
        self._votes = list(voted)
        self._pairs = [_Pair(vote.trial, vote.left, vote.right) for vote in voted]
        self._spare: list[_Pair] = []
        if voted:
            done = {pair.what for pair in self._pairs}
            pairs = _evened(self._pairs, [pair for pair in pairs if pair.what not in done], len(columns), self._dice)
        self._deal(pairs)

    def more(self, trials: Sequence[TrialRecord], most: int | None = None) -> None:
        """Further trials have ended: they come up too. The slip that is up stays.

        Args:
            trials: which; there may be none.
            most: at most so many slips from now on, if given.
        """
        self._most = self._most if most is None else most
        fresh, alike = _differing(
            _shuffled(len(self._columns), len(trials), self._dice, len(self._trials)), (*self._trials, *trials)
        )
        self._trials, self.alike = (*self._trials, *trials), self.alike + alike
        stay = len(self._votes) + 1
        rest = [*self._pairs[stay:], *self._spare, *fresh]
        del self._pairs[stay:]
        self._dice.shuffle(rest)
        self._deal(_evened(self._pairs, rest, len(self._columns), self._dice))

    def _deal(self, pairs: list[_Pair]) -> None:
        """Puts pairs behind those that stand already, as many as there may be."""
        room = len(pairs) if self._most is None else max(self._most - len(self._pairs), 0)
        self._pairs += _sides(pairs[:room], self._dice, self._pairs)
        self._spare = pairs[room:]

    @property
    def slip(self) -> Slip | None:
        """What is to be voted on next; None when all is done."""
        at = len(self._votes)
        return self._slip(at) if at < len(self._pairs) else None

    @property
    def left_to_do(self) -> int:
        """How many slips there are still."""
        return len(self._pairs) - len(self._votes)

    @property
    def spare(self) -> int:
        """How many pairs there would be beyond the most that were asked for."""
        return len(self._spare)

    @property
    def votes(self) -> tuple[Vote, ...]:
        """What was voted so far."""
        return tuple(self._votes)

    def vote(self, verdict: Verdict) -> Vote:
        """Decides on the slip that is up.

        Raises:
            ValueError: all is done, or it is no verdict.
        """
        if not self.left_to_do:
            raise ValueError("all pairs of replies have been voted on")
        pair = self._pairs[len(self._votes)]
        vote = Vote(trial=pair.trial, left=pair.left, right=pair.right, verdict=verdict, blind=True, source="blind")
        self._votes.append(vote)
        return vote

    def reveal(self) -> tuple[Revealed, ...]:
        """What was voted on so far, with the labels."""
        return tuple(
            Revealed(self._slip(at), vote, self._columns[vote.left].label, self._columns[vote.right].label)
            for at, vote in enumerate(self._votes)
        )

    def _slip(self, at: int) -> Slip:
        pair = self._pairs[at]
        trial = self._trials[pair.trial]
        left, right = trial.replies[pair.left].text, trial.replies[pair.right].text
        return Slip(at + 1, len(self._pairs), trial.label or trial.prompt, trial.messages, left, right)


def _shuffled(columns: int, trials: int, dice: random.Random, first: int = 0) -> list[_Pair]:
    """All pairs of columns of all trials, counted from `first`, in an order of which any beginning is balanced."""
    meetings = _meetings(columns, dice)
    order = dice.sample(range(first, first + trials), trials)
    pairs = []
    cycle = len(meetings) // math.gcd(
        len(meetings), trials
    )  # so many waves later they come up in the same trials again
    for wave in range(len(meetings)):
        for at, trial in enumerate(order):
            # Goes through the meetings in turn; when it has come round, one further, or a trial would see one twice.
            one, other = meetings[(wave * trials + at + wave // cycle) % len(meetings)]
            pairs.append(_Pair(trial, one, other))
    return pairs


def _meetings(columns: int, dice: random.Random) -> list[tuple[int, int]]:
    """All pairs in rounds in which everybody meets somebody (the circle method of tournaments)."""
    seats: list[int | None] = list(dice.sample(range(columns), columns))
    if columns % 2:
        seats.append(None)
    rounds = []
    for _ in range(len(seats) - 1):
        facing = zip(seats[: len(seats) // 2], reversed(seats), strict=False)
        rounds.append([(one, other) for one, other in facing if one is not None and other is not None])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    dice.shuffle(rounds)
    return [meeting for meetings in rounds for meeting in dice.sample(meetings, len(meetings))]


def _evened(done: Sequence[_Pair], rest: Sequence[_Pair], columns: int, dice: random.Random) -> list[_Pair]:
    """The rest in an order that goes on as evenly as it can.

    Two columns that met less often come up first, and they do so in a trial that came up less often.
    """
    met, seen = Counter(pair.couple for pair in done), Counter(pair.trial for pair in done)
    waiting: dict[frozenset[int], list[_Pair]] = {}
    for pair in rest:
        waiting.setdefault(pair.couple, []).append(pair)
    places = enumerate(map(frozenset, _meetings(columns, dice)))
    turns = [(met[couple], place, couple) for place, couple in places if couple in waiting]  # no two share a place
    heapify(turns)
    order = []
    while turns:
        times, place, couple = turns[0]
        pair = min(waiting[couple], key=lambda pair: seen[pair.trial])
        waiting[couple].remove(pair)
        seen[pair.trial] += 1
        order.append(pair)
        if waiting[couple]:
            heapreplace(turns, (times + 1, place, couple))
        else:
            heappop(turns)
    return order


def _differing(pairs: Sequence[_Pair], trials: Sequence[TrialRecord]) -> tuple[list[_Pair], int]:
    """Those in which the replies differ, and how many do not."""
    kept = []
    for pair in pairs:
        replies = trials[pair.trial].replies
        if replies[pair.left].text.strip() != replies[pair.right].text.strip():
            kept.append(pair)
    return kept, len(pairs) - len(kept)


def _sides(pairs: Sequence[_Pair], dice: random.Random, done: Sequence[_Pair] = ()) -> list[_Pair]:
    """Each two columns as often on the one side as on the other, as near as can be, in an order nobody can guess."""
    ahead = Counter[frozenset[int]]()  # how much more often the lower one stood on the left already
    for pair in done:
        ahead[pair.couple] += 1 if pair.left < pair.right else -1
    turns: dict[frozenset[int], list[bool]] = {}
    for pair in pairs:
        turns.setdefault(pair.couple, []).append(True)
    for couple, sides in turns.items():
        count, odd = len(sides), dice.random() < 0.5
        low_left = min(max((count - ahead[couple] + odd) // 2, 0), count)
        sides[:] = [at < low_left for at in range(count)]
        dice.shuffle(sides)
    sided = []
    for pair in pairs:
        low, high = sorted(pair.couple)
        left, right = (low, high) if turns[pair.couple].pop() else (high, low)
        sided.append(_Pair(pair.trial, left, right))
    return sided
