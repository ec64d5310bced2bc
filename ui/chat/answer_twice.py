"""The chat that answers twice: every turn under two mixes in one batch. What is picked goes on, and is a vote."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ...hosts.protocol import HostError, Request
from ..desk.describe import describe
from ..lab import column_mixes
from ..lab.columns import AS_LOADED, BASE, FADERS, KEPT
from ..page.trouble import reason

if TYPE_CHECKING:
    from ...lora_ops import Column, Desk, Result
    from ...lora_ops.mix import Mix
    from ..lab.lab import Lab
    from ..page.console import Console

Side = Literal["left", "right"]
SHARED = "Strangers share this host, and would pick each other's replies: here the chat answers once."
#: What a turn is called where it is kept: of the chat only the prompt is known, with the template around it.
LABEL = "A turn of the chat"
_COLUMN = "column "


@dataclass
class Turn:
    """One turn of the chat that was answered twice.

    Attributes:
        number: from 1.
        columns: the two mixes, in the order in which they were chosen.
        order: which of them stands left, that is in the chat, and which one right.
        blind: whether their names are hidden until one is picked.
        texts: what each side says so far.
        picked: the side that was picked.
        failed: why there is no second reply; empty if there is one.
        note: what to know about it.
    """

    number: int
    request: Request
    columns: tuple[Column, Column]
    order: tuple[int, int]
    blind: bool
    texts: tuple[str, ...] = ("", "")
    running: bool = True
    result: Result | None = None
    picked: Side | None = None
    failed: str = ""
    note: str = ""

    def label(self, side: int) -> str:
        """What stands on this side (0 is left), as far as it may be told."""
        return "" if self.blind and self.picked is None and not self.failed else self.columns[self.order[side]].label

    def to_dict(self) -> dict[str, Any]:
        """As a page draws it."""
        return {
            "number": self.number,
            "running": self.running,
            "text": self.request.opening + self.texts[1] if self.texts[1] else "",
            "left": self.label(0),
            "right": self.label(1),
            "picked": self.picked,
            "failed": self.failed,
            "note": self.note,
        }


@dataclass
class Twice:
    """The switch, the two mixes, and the turn that was answered last. One for all pages, as the chat's model is one.

    Attributes:
        one, other: what the two mixes play: faders, as loaded, base, or what a column of the compare page keeps.
        blind: whether it is hidden which of them stands where.
    """

    console: Console
    lab: Lab
    on: bool = False
    one: str = FADERS
    other: str = BASE
    blind: bool = True
    turn: Turn | None = None
    dice: random.Random = field(default_factory=random.Random)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: The record that votes go into, the mixes that it is about, and how many trials it has.
    _kept: tuple[int, tuple[Mix, Mix], int] | None = None

    def why_not(self) -> str:
        """Why it cannot be switched on; empty if it can."""
        return SHARED if self.console.host.multi_user else ""

    def switch(self, on: bool) -> None:
        """Has the chat answer twice from its next turn on, or once again.

        Raises:
            ValueError: strangers share the host.
        """
        if on and (why := self.why_not()):
            raise ValueError(why)
        self.on = on
        self.install()

    def install(self) -> None:
        """Tells the host: when it is switched, and when the host has built its page anew."""
        if not self.console.host.multi_user:
            self.console.host.answer_turns(self.answer if self.on else None)

    def choose(self, one: str, other: str, blind: bool) -> None:
        """What the two mixes play from the next turn on.

        Raises:
            ValueError: there is no such thing to play.
        """
        known = [value for value, _ in self.options()]
        for value in (one, other):
            if value not in known:
                raise ValueError("this mix is gone: choose another one")
        self.one, self.other, self.blind = one, other, bool(blind)

    def options(self) -> list[tuple[str, str]]:
        """What can be chosen: the value and the text of each."""
        setup, desk = self.lab.setup, self.console.desk()
        found: list[tuple[str, str]] = [(value, column_mixes.NAMES[value]) for value in (FADERS, AS_LOADED, BASE)]
        for slot in setup.slots:
            if slot.plays == KEPT and slot.kept is not None:
                name = slot.name or column_mixes.kept_name(slot, desk)
                found.append((f"{_COLUMN}{slot.key}", f"Column {setup.letter(slot.key)}: {name}"))
        return found

    def answer(self, request: Request) -> Iterator[str]:
        """Answers a turn of the chat under both mixes; yields what stands in the chat. The caller holds the lock.

        Raises:
            Exception: there is no second reply; why stands in `turn`.
        """
        from ...lora_ops import compare

        host = self.console.host
        turn = self.turn = None
        run = None
        try:
            turn = self._begin(request)
            desk = self._desk()
            run = compare(
                desk,
                None,
                request.token_ids,
                [turn.columns[at] for at in turn.order],
                seed=request.seed,
                generation=request.sampling,
                stop_strings=request.stop_strings,
                skip_special_tokens=request.skip_special_tokens,
                alone=lambda: host.generate(request),
                locked=True,
            )
            with self.console.comparison(run), closing(iter(run)) as updates:
                for update in updates:
                    turn.texts = update.texts
                    yield update.texts[0]
        except Exception as error:
            self.turn = turn or self._failed(request)
            self.turn.failed = f"This turn was answered once: {reason(error)}"
            raise
        finally:
            if turn is not None:
                if run is not None:
                    with suppress(RuntimeError):
                        turn.result = run.result
                if turn.result is not None:
                    turn.texts = tuple(column.text for column in turn.result.columns)
                elif not turn.failed:
                    turn.failed = "This turn was stopped before its second reply."
                turn.running = False

    def _begin(self, request: Request) -> Turn:
        from ...lora_ops import Column
        from ...lora_ops.results.tally import identity

        desk = self._desk()
        mixes = [self._mix(value, desk) for value in (self.one, self.other)]
        for mix in mixes:
            desk.check(mix)
        if identity(mixes[0]) == identity(mixes[1]):
            raise ValueError("both mixes are the same at the moment. Choose another one, or move a fader")
        one, other = (
            Column(self._name(value, mix, desk), mix) for value, mix in zip((self.one, self.other), mixes, strict=True)
        )
        order = (0, 1) if self.dice.random() < 0.5 else (1, 0)
        self._count += 1
        self.turn = Turn(self._count, request, (one, other), order, self.blind)
        return self.turn

    def _failed(self, request: Request) -> Turn:
        from ...lora_ops import Column
        from ...lora_ops.mix import Mix

        self._count += 1
        nothing = Column("", Mix())
        return Turn(self._count, request, (nothing, nothing), (0, 1), False, running=False)

    def _desk(self) -> Desk:
        desk = self.console.desk()
        if desk is None:
            raise HostError("there is no adapter to mix")
        return desk

    def _mix(self, value: str, desk: Desk) -> Mix:

        if value == AS_LOADED:
            return desk.as_loaded()
        if value == BASE:
            return desk.base()
        if value == FADERS:
            return self.console.panel.effective(desk.adapters.values())
        return self._slot(value).kept

    def _name(self, value: str, mix: Mix, desk: Desk) -> str:
        if value in (AS_LOADED, BASE):
            return column_mixes.NAMES[value]
        own = self._slot(value).name if value.startswith(_COLUMN) else ""
        return own or describe(mix, column_mixes.concerned(desk, mix))

    def _slot(self, value: str) -> Any:
        try:
            slot = self.lab.setup.slot(int(value.removeprefix(_COLUMN)))
        except ValueError:
            slot = None
        if slot is None or slot.kept is None:
            raise ValueError("the column that one of the mixes was kept in is gone. Choose another one")
        return slot

    # Picking

    def pick(self, number: int, side: Side, values: Sequence[Any]) -> Sequence[Any] | None:
        """Has the reply on this side go on in the chat, and counts it as a vote.

        Args:
            number: of the turn.
            side: "left" stands in the chat already.
            values: of the host's `chat_inputs()`.

        Returns:
            Updates of the host's `chat_outputs()`; None where nothing changes.

        Raises:
            HostError, ValueError: it cannot be picked (any more); nothing is counted.
        """
        with self._lock:
            turn = self.turn
            if side not in ("left", "right"):
                raise ValueError(f"nobody can pick {side!r}")
            if turn is None or turn.number != number:
                raise ValueError("the chat has been answered again since: pick between the newer replies")
            if turn.running:
                raise ValueError("both replies must be written to their end first")
            if turn.failed or turn.result is None:
                raise ValueError(turn.failed or "there is no second reply")
            if turn.picked is not None:
                raise ValueError("one of the two has been picked already")
            host = self.console.host
            if not self._is_last(turn, values):
                raise HostError("The chat has moved on since these replies were written.")
            updates = None
            if side == "right" or not self._stands(turn, values):
                updates = host.use_reply(turn.request.opening + turn.texts[side == "right"], values)
            turn.picked = side
            self._keep(turn, side)
            return updates

    def _is_last(self, turn: Turn, values: Sequence[Any]) -> bool:
        """Whether the chat's last turn is still the one that was answered."""
        try:
            # A reply that goes on has its beginning in the prompt, and in the chat.
            asked = turn.request.prompt
            return self.console.host.prompt_again(values) in (asked, asked.removesuffix(turn.request.opening))
        except HostError:  # it was cleared
            return False

    def _stands(self, turn: Turn, values: Sequence[Any]) -> bool:
        """Whether the chat shows the reply on the left, and not another version. Hosts may trim what they keep."""
        shown, left = (" ".join(text.split()) for text in (self.console.host.last_reply(values), turn.texts[0]))
        return left in shown or shown in left

    def _keep(self, turn: Turn, side: Side) -> None:
        """Keeps the turn and the vote. Never fails: the page says why it is not kept."""
        try:
            kept = self.console.experiments.records
            if kept is None:
                return
            id, trial = self._place(turn, kept)
            from ...lora_ops.results.record import Vote

            left, right = turn.order
            kept.vote(id, Vote(trial=trial, left=left, right=right, verdict=side, blind=turn.blind, source="chat"))
        except (RuntimeError, ValueError, OSError) as error:
            turn.note = f"This pick is not kept: {reason(error)}"

    def _place(self, turn: Turn, kept: Any) -> tuple[int, int]:
        """The record and the trial that a turn is kept as: turns between the same two mixes share a record."""
        from ...lora_ops.results.record import RecordsError, TrialRecord

        assert turn.result is not None
        said = {column: turn.result.columns[side] for side, column in enumerate(turn.order)}
        whole = replace(
            turn.result,
            columns=tuple(replace(said[at], text=turn.request.opening + said[at].text) for at in (0, 1)),
        )
        mixes = (turn.columns[0].mix, turn.columns[1].mix)
        if self._kept is not None and self._kept[1] == mixes:
            id, _, count = self._kept
            with suppress(RecordsError):  # it was deleted
                trial = kept.add_trial(id, TrialRecord.of(whole, turn.request.prompt, question=count, label=LABEL))
                self._kept = (id, mixes, trial + 1)
                return id, trial
        record = self.console.experiments.begun(self._desk(), turn.columns, turn.request.sampling.to_dict())
        id = kept.add(record.and_trial(TrialRecord.of(whole, turn.request.prompt, label=LABEL)))
        self._kept = (id, mixes, 1)
        return id, 0

    def to_dict(self) -> dict[str, Any]:
        """As a page draws it."""
        turn = self.turn if self.on else None
        return {
            "on": self.on,
            "why": self.why_not(),
            "one": self.one,
            "other": self.other,
            "blind": self.blind,
            "options": self.options(),
            "turn": turn.to_dict() if turn is not None else None,
        }
