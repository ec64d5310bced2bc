"""Finds the mix that speaks like some replies: gains are the only thing that is learned, no weight changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..background import Background
from ..desk import Desk
from ..engines.engine import Cancelled
from ..engines.lesson import Lesson
from ..fader import Fader
from ..lab.batches import tokens_of
from ..mix import Mix
from ..optional_packages import needed
from .course import Course, Goals, Pull, Stopped
from .dials import Dials, levels_of
from .learned import Learned, Point, Update
from .lessons import lessons_of, texts_of
from .preferences import Preference, pairs_of, why_too_few, why_undecided
from .verdict import interval, shuffled, why_noise, why_nothing

if TYPE_CHECKING:
    from ..engines.peft.pupil import Pupil

#: What part of the examples is held out, and how many at most.
_HELD_OUT, _MOST_HELD_OUT = 4, 64
#: Over what gains are learned unless something else is asked for.
OVER = ("masters", "kinds", "layers")

_STOPPED = "stopped before anything was learned"


class Learning(Background[Update, Learned]):
    """Learning under way: iterate over it for updates, then read `result`; `stop` keeps the best mix so far."""


def learn(
    desk: Desk,
    tokenizer: Any,
    examples: Sequence[Any],
    *,
    keep: Sequence[Any] = (),
    over: str | Fader | Iterable[str | Fader] = OVER,
    seed: int = 0,
    progress: Callable[[Update], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **more: Any,
) -> Learned:
    """Finds where the faders should stand for the model to speak like these replies.

    A quarter of the examples is held out: nothing is learned from them, they tell what the rest is worth. What is
    learned over has few numbers first; more are kept only while held-out replies gain by them. The loss is nats per
    token of the replies, plus the divergence from the base model on `keep`, plus a pull to where the faders stood.
    Nothing of the model changes; faders stay where they are: `desk.apply(learned.mix)` puts the mix there.

    >>> learned = learn(desk, tokenizer, [("Hello!", "Ahoy, matey!"), ("Who are you?", "A pirate, arr!")], seed=7)
    >>> learned.before - learned.after, learned.note
    >>> desk.apply(learned.mix)

    Args:
        desk: of the model.
        tokenizer: of that model; the engine's own if None.
        examples: pairs of a prompt and the reply that one wants, at least two; see `lessons.lessons_of`.
        keep: texts, or such pairs, that should stay as likely as the base model makes them.
        over: "masters", "kinds", "layers", "targets", or faders (`Fader`).
        seed: of what is held out. The same seed gives the same numbers.
        progress: told after each step.
        cancelled: asked after each step; true ends it, with the best mix so far.
        more: see `learning`.

    Raises:
        ValueError: fewer than two examples, one that has no token or is longer than the context, an adapter that no
            gradient reaches, or something to learn over that there is not.
        RuntimeError: memory does not hold one example; or adapters came or went meanwhile.
    """
    run = learning(desk, tokenizer, examples, keep=keep, over=over, seed=seed, **more)
    return _followed(run, progress, cancelled)


def learn_from_votes(
    desk: Desk,
    tokenizer: Any,
    votes: Sequence[Preference],
    *,
    progress: Callable[[Update], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **more: Any,
) -> Learned:
    """Finds the mix under which the replies that were preferred are likelier, against those that were not.

    The loss is that of Rafailov et al. 2023 (arXiv:2305.18290), with the mix that one starts from as its reference.
    `before` and `after` are nats per vote that was held out: log 2 before. With too few votes nothing is learned, and
    `note` says how many more it takes.

    Args:
        votes: what was preferred to what; `preferences` finds them in kept experiments.
        more: see `learn` and `learning`.
    """
    return _followed(learning_from_votes(desk, tokenizer, votes, **more), progress, cancelled)


def learning(
    desk: Desk,
    tokenizer: Any,
    examples: Sequence[Any],
    *,
    keep: Sequence[Any] = (),
    over: str | Fader | Iterable[str | Fader] = OVER,
    seed: int = 0,
    mix: Mix | None = None,
    adapters: Sequence[str] | None = None,
    bounds: tuple[float, float] = (0.0, 2.0),
    pull: Pull = "loaded",
    pull_weight: float = 0.1,
    keep_weight: float = 1.0,
    steps: int = 8,
    chat: bool = True,
    locked: bool = False,
) -> Learning:
    """As `learn`, step by step: an iterator of updates that can be left at any time, and keeps the best mix so far.

    Args:
        mix: where it starts; where the faders stand if not given.
        adapters: over whose faders; of all that are heard under `mix` if not given.
        bounds: between which each fader stays: the range of the page.
        pull: "loaded" to where the gains were, or "silent": as few targets as possible.
        pull_weight: what that is worth, in nats per token, when gains are off by one in the mean.
        keep_weight: what a nat of divergence on `keep` is worth.
        steps: how many steps a level has at most.
        chat: False to take texts as they stand, without the tokenizer's chat template.
        locked: whether the caller holds the model's lock already, and until it is over.
    """
    room = _Room(desk, mix, adapters, over, bounds, locked)
    tokens = tokens_of(desk.engine, tokenizer)
    lessons = lessons_of(examples, tokens, desk.engine.context, chat)
    kept = texts_of(keep, tokens, desk.engine.context, chat)
    if len(lessons) < 2:
        raise ValueError(
            f"learning needs at least two examples, and was given {len(lessons)}: one to learn from, and one to hold "
            "out, which tells whether what was learned holds for others"
        )
    seen, unseen = _split(len(lessons), seed)

    def work(tell: Callable[[Update], None]) -> Learned:
        from ..engines.peft.aims import Likely, Unchanged

        others = [lessons[at] for at in unseen]
        still = Unchanged(kept, room.pupil.base(desk.base())) if kept else None
        goals = Goals(Likely([lessons[at] for at in seen]), Likely(others), still, keep_weight, pull, pull_weight)
        course, seconds, complete = room.teach(goals, steps, tell)
        return _examined(room, course, others, unseen, seconds, complete, seed)

    return Learning(work, room.stopped, "learn", desk.engine.let_go)


def learning_from_votes(
    desk: Desk,
    tokenizer: Any,
    votes: Sequence[Preference],
    *,
    keep: Sequence[Any] = (),
    over: str | Fader | Iterable[str | Fader] = OVER,
    seed: int = 0,
    mix: Mix | None = None,
    adapters: Sequence[str] | None = None,
    bounds: tuple[float, float] = (0.0, 2.0),
    pull: Pull = "loaded",
    pull_weight: float = 0.1,
    keep_weight: float = 1.0,
    steps: int = 8,
    chat: bool = True,
    locked: bool = False,
    beta: float = 0.1,
) -> Learning:
    """As `learn_from_votes`, step by step. Args as those of `learning`.

    Args:
        beta: how far from its start one vote may pull a mix: the paper's.
    """
    room = _Room(desk, mix, adapters, over, bounds, locked)
    tokens = tokens_of(desk.engine, tokenizer)
    pairs = pairs_of(votes, tokens, desk.engine.context, chat)
    kept = texts_of(keep, tokens, desk.engine.context, chat)
    seen, unseen = _split(len(pairs), seed) if len(pairs) > 1 else ([], [])

    def work(tell: Callable[[Update], None]) -> Learned:
        from ..engines.peft.aims import Preferred, Unchanged

        if note := why_too_few(len(pairs)):
            return _nothing(room.mix, note, seed)
        try:
            ahead = room.pupil.hear([one for pair in pairs for one in pair], room.gains(room.mix))
        except Cancelled:
            return _stopped(room, unseen, seed)
        logs = [one.logprob for one in ahead]
        references = list(zip(logs[::2], logs[1::2], strict=True))

        def aim(places: Sequence[int]) -> Preferred:
            return Preferred([pairs[at] for at in places], [references[at] for at in places], beta)

        still = Unchanged(kept, room.pupil.base(desk.base())) if kept else None
        goals = Goals(aim(seen), aim(unseen), still, keep_weight, pull, pull_weight)
        course, seconds, complete = room.teach(goals, steps, tell)
        if course.best is None:
            return _stopped(room, unseen, seed)
        room.stopped.clear()  # what was found is judged, though somebody asked for an end
        best = _best(course)
        now = [
            one.logprob for one in room.pupil.hear([one for at in unseen for one in pairs[at]], room.gains(best.mix))
        ]
        margins = [
            now[2 * row] - now[2 * row + 1] - (references[at][0] - references[at][1]) for row, at in enumerate(unseen)
        ]
        note = _STOPPED if not complete and best is course.points[0] else why_undecided(margins)
        return _found(room, course, note, unseen, (float("nan"), float("nan")), seconds, complete, seed)

    return Learning(work, room.stopped, "learn", desk.engine.let_go)


class _Room:
    """Where learning happens: the model, the faders, and what stops it."""

    def __init__(
        self,
        desk: Desk,
        mix: Mix | None,
        adapters: Sequence[str] | None,
        over: Any,
        bounds: tuple[float, float],
        locked: bool,
    ) -> None:
        if reason := desk.engine.why_not("learn"):
            raise ValueError(reason)
        needed("scipy.optimize", "learning")  # before anything is read
        from ..engines.peft.engine import peft_engine
        from ..engines.peft.pupil import Pupil

        self.mix = desk.mix if mix is None else mix
        desk.check(self.mix)
        for name, faders in self.mix.adapters.items():
            if faders.on and faders.fading:
                raise ValueError(
                    f"{'faders fade' if faders.fades else 'the crossfade moves'} over a reply in adapter {name!r}, and "
                    "learning finds where faders stand still: have them stand first"
                )
        self.stopped = threading.Event()
        heard = desk.heard(self.mix)
        names = heard if adapters is None else list(dict.fromkeys(adapters))
        desk.check_adapters(names)
        if not names:
            raise ValueError("no adapter is heard, so that there is nothing to learn over: load one, or switch one on")
        if silent := [name for name in names if name not in heard]:
            raise ValueError(f"adapter {silent[0]!r} is not heard: switch it on to learn over its faders")
        targets = [target for name in names for target in desk.adapters[name].scalable]
        if not targets:
            raise ValueError(f"nothing of {', '.join(names)} can be scaled: there is nothing to learn over")
        engine = peft_engine(desk)
        from ..engines.peft.gradients import why_no_gradient

        for target in targets:
            if reason := why_no_gradient(engine, target):
                raise ValueError(f"no gradient reaches {target.name} of {target.adapter!r}: {reason}")
        self.targets = targets
        self.levels = [Dials(faders, targets, self.mix, bounds) for faders in levels_of(desk, names, over)]
        self.pupil: Pupil = Pupil(
            engine, targets, self.mix, partial(desk.rows, cancelled=self.stopped.is_set, locked=locked)
        )

    def gains(self, mix: Mix) -> list[float]:
        """Of each target under a mix."""
        return [mix.gain(target) for target in self.targets]

    def teach(self, goals: Goals, steps: int, tell: Callable[[Update], None]) -> tuple[Course, float, bool]:
        """A course from beginning to end: what came of it, its seconds, and whether it came to its end."""
        began, done, most = time.perf_counter(), 0, steps * len(self.levels)

        def told(point: Point | None) -> None:
            nonlocal done
            done += point is None
            tell(Update(min(done, most), most, time.perf_counter() - began, point))

        def check() -> None:
            if self.stopped.is_set():
                raise Stopped

        course = Course(self.pupil, goals, steps, told, check)
        try:
            course.run(self.levels)
            complete = True
        except (Stopped, Cancelled):
            complete = False
        return course, time.perf_counter() - began, complete


def _examined(
    room: _Room,
    course: Course,
    others: Sequence[Lesson],
    unseen: Sequence[int],
    seconds: float,
    complete: bool,
    seed: int,
) -> Learned:
    """What came of a course, as the replies that were held out have it."""
    if course.best is None:
        return _stopped(room, unseen, seed)
    room.stopped.clear()  # what was found is judged, though somebody asked for an end
    best = _best(course)
    note = _STOPPED if not complete and best is course.points[0] else ""
    before, after = (room.pupil.hear(others, room.gains(mix)) for mix in (room.mix, best.mix))
    sure = interval([one.nats[0] for one in before], [one.nats[0] for one in after])
    mixed_up = room.pupil.hear(shuffled(others, seed), room.gains(best.mix))
    note = note or why_noise(after, mixed_up, others) or why_nothing(before, after)
    return _found(room, course, note, unseen, sure, seconds, complete, seed)


def _found(
    room: _Room,
    course: Course,
    note: str,
    unseen: Sequence[int],
    sure: tuple[float, float],
    seconds: float,
    complete: bool,
    seed: int,
) -> Learned:
    first, best = course.points[0], _best(course)
    learned = not note and best is not first
    return Learned(
        mix=best.mix if learned else room.mix,
        before=first.unseen,
        after=best.unseen if learned else first.unseen,
        interval=sure,
        learned=learned,
        note=note,
        curve=tuple(course.points),
        held_out=tuple(unseen),
        seconds=seconds,
        complete=complete,
        seed=seed,
    )


def _best(course: Course) -> Point:
    assert course.best is not None, "a course has the point that it starts from"
    return course.best


def _nothing(mix: Mix, note: str, seed: int) -> Learned:
    nan = float("nan")
    return Learned(mix, nan, nan, (nan, nan), False, note, (), (), 0.0, True, seed)


def _stopped(room: _Room, unseen: Sequence[int], seed: int) -> Learned:
    """What came of a course that was stopped before it knew where it starts from."""
    return replace(_nothing(room.mix, _STOPPED, seed), held_out=tuple(unseen), complete=False)


def _split(count: int, seed: int) -> tuple[list[int], list[int]]:
    """The places of what is learned from, and of what is held out: a quarter, at least one."""
    order = random.Random(seed).sample(range(count), count)
    most = min(max(1, count // _HELD_OUT), _MOST_HELD_OUT)
    return sorted(order[most:]), sorted(order[:most])


def _followed(
    run: Learning, progress: Callable[[Update], None] | None, cancelled: Callable[[], bool] | None
) -> Learned:
    for update in run:
        if progress is not None:
            progress(update)
        if cancelled is not None and cancelled():
            run.stop()
    return run.result
