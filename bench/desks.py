"""Many desks on one server: how long a moved fader waits to be heard, and what the server does meanwhile. Simulated.

The server is one as vLLM is one (v1/core/sched/scheduler.py, lora/worker_manager.py): one loop that either loads an
adapter or makes a token for every request that runs; requests that run have at most `max_loras` adapters between them,
one that would be another waits while later ones may pass it; adapters that are not in use stay until others need their
place, the one that was used longest ago goes first.
"""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from .served import Costs


@dataclass(frozen=True)
class Habit:
    """What somebody at a desk does, over and over: thinks, moves faders, asks; some of it by chance.

    Attributes:
        think: seconds, on average, between a reply and the next move.
        settle: seconds until a move counts as made.
        prompt, reply: tokens.
        columns: how many mixes a comparison has.
        compares: the share of questions that are comparisons.
        mid_reply: the share of single replies in which a fader is moved half way.
    """

    think: float = 20.0
    settle: float = 0.2
    prompt: int = 200
    reply: int = 80
    columns: int = 4
    compares: float = 0.25
    mid_reply: float = 0.3


@dataclass
class Request:
    """One reply under way; `mix` is what it is played under."""

    mix: int
    prompt: int
    left: int
    ended: Callable[[], None]
    #: Told when its first token is there, with the time.
    began: Callable[[float], None]
    started: bool = False
    #: What is moved to in the middle of it: called when so many tokens are left.
    moves_at: int | None = None
    moved: Callable[[Request], None] = lambda request: None


@dataclass
class Seen:
    """What happened.

    Attributes:
        waits: of single replies: seconds from a settled move to the first token under it.
        comparisons: the same until the last of all columns has its first token.
        moves: that were made.
        loads: names that the server was told; again: those whose files it read once more.
        displaced: adapters that left the cards for another.
        tokens: that were made.
        loading: seconds in which it read adapters, and generated nothing.
        seconds: how long it all went on.
        most: adapters in one batch.
    """

    waits: list[float] = field(default_factory=list)
    comparisons: list[float] = field(default_factory=list)
    moves: int = 0
    loads: int = 0
    again: int = 0
    displaced: int = 0
    tokens: int = 0
    loading: float = 0.0
    seconds: float = 0.0
    most: int = 0


class Desks:
    """So many people with this habit, on one server.

    Args:
        desks: how many.
        costs: what the server needs for what.
        max_loras: how many adapters one batch may have (`--max-loras`); the host's memory holds `kept` of them.
        habit: what each person does.
        seed: of all chance.
        kept: how many adapters the host's memory holds (`--max-cpu-loras`); as many as `max_loras` if None.
    """

    def __init__(
        self,
        desks: int,
        costs: Costs,
        max_loras: int,
        habit: Habit | None = None,
        seed: int = 0,
        kept: int | None = None,
    ) -> None:
        self.costs, self.max_loras, self.habit = costs, max_loras, habit or Habit()
        self.kept = max(kept or 0, max_loras)
        self.seen = Seen()
        self._dice = random.Random(seed)
        self._now, self._names, self._turns = 0.0, count(1), count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._waiting: list[Request] = []
        self._running: list[Request] = []
        #: What the host's memory holds, and which of it is on the cards; what was used last comes last.
        self._memory: OrderedDict[int, None] = OrderedDict()
        self._cards: OrderedDict[int, None] = OrderedDict()
        for _ in range(desks):
            self._after(self._dice.expovariate(1 / self.habit.think), self._think_over)

    def run(self, seconds: float) -> Seen:
        """Goes on for so many simulated seconds."""
        end = self._now + seconds
        while self._now < end:
            while self._events and self._events[0][0] <= self._now:
                heapq.heappop(self._events)[2]()
            self._admit()
            if self._running:
                self._step()
            elif self._events:
                self._now = max(self._now, self._events[0][0])
            else:
                break
        self.seen.seconds += seconds
        return self.seen

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._turns), do))

    def _think_over(self) -> None:
        """Somebody has moved a fader: it settles, is written, and then asked about."""
        self.seen.moves += 1
        asked = self._now + self.habit.settle
        columns = self.habit.columns if self._dice.random() < self.habit.compares else 1
        self._after(self.habit.settle + columns * self.costs.write, lambda: self._ask(asked, columns))

    def _ask(self, asked: float, columns: int) -> None:
        """One request for every column; the person thinks again when the last has ended."""
        silent = under_way = columns

        def began(now: float) -> None:
            nonlocal silent
            silent -= 1
            if not silent:
                (self.seen.waits if columns == 1 else self.seen.comparisons).append(now - asked)

        def ended() -> None:
            nonlocal under_way
            under_way -= 1
            if not under_way:
                self._after(self._dice.expovariate(1 / self.habit.think), self._think_over)

        for _ in range(columns):
            mix = next(self._names)
            self._load(mix)
            request = Request(mix, self.habit.prompt, self.habit.reply, ended, began)
            if columns == 1 and self._dice.random() < self.habit.mid_reply:
                request.moves_at, request.moved = self._dice.randrange(1, self.habit.reply), self._move_on
            self._waiting.append(request)

    def _move_on(self, request: Request) -> None:
        """A fader was moved in the middle of a reply: it goes on under another mix, and all of it is read again."""
        self.seen.moves += 1
        asked, left = self._now + self.habit.settle, request.left
        said = request.prompt + self.habit.reply - left

        def began(now: float) -> None:
            self.seen.waits.append(now - asked)

        def again() -> None:
            mix = next(self._names)
            self._load(mix)
            self._waiting.append(Request(mix, said, left, request.ended, began))

        self._after(self.habit.settle + self.costs.write, again)

    def _load(self, mix: int) -> None:
        """A new name: the server reads its files, and does nothing else."""
        self.seen.loads += 1
        self._read_files(mix)

    def _read_files(self, mix: int) -> None:
        self._spend(self.costs.load)
        self._memory[mix] = None
        while len(self._memory) > self.kept:
            used = {request.mix for request in self._running}
            oldest = next((name for name in self._memory if name not in used and name != mix), None)
            if oldest is None:
                break
            del self._memory[oldest]
            self._cards.pop(oldest, None)

    def _spend(self, seconds: float) -> None:
        self.seen.loading += seconds
        self._now += seconds

    def _admit(self) -> None:
        """Lets requests run, in the order that they came, as far as their adapters have a place."""
        still = []
        for request in self._waiting:
            using = {one.mix for one in self._running}
            if request.mix not in using and len(using) == self.max_loras:
                still.append(request)
                continue
            self._put_on_cards(request.mix, using)
            self._spend_reading(request)
            self._running.append(request)
        self._waiting = still
        self.seen.most = max(self.seen.most, len({one.mix for one in self._running}))

    def _put_on_cards(self, mix: int, using: set[int]) -> None:
        if mix not in self._memory:
            self.seen.again += 1
            self._read_files(mix)
        self._memory.move_to_end(mix)
        if mix not in self._cards:
            if len(self._cards) >= self.max_loras:
                self.seen.displaced += 1
                del self._cards[next(name for name in self._cards if name not in using)]
            self._spend(self.costs.activate)
            self._cards[mix] = None
        self._cards.move_to_end(mix)

    def _spend_reading(self, request: Request) -> None:
        self._now += request.prompt * self.costs.read

    def _step(self) -> None:
        """A token for everybody."""
        adapters = len({one.mix for one in self._running})
        rows = len(self._running)
        self._now += self.costs.step + (rows - 1) * self.costs.row + (adapters - 1) * self.costs.adapter
        self.seen.tokens += rows
        going = []
        for request in self._running:
            request.left -= 1
            if not request.started:
                request.started = True
                request.began(self._now)
            if request.left <= 0:
                request.ended()
            elif request.left == request.moves_at:
                request.moved(request)
            else:
                going.append(request)
        self._running = going
