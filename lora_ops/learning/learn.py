"""Finds the mix that speaks like some replies: gains are the only thing that is learned, no weight changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..background import Background
from ..desk import Desk
from ..engines.engine import Cancelled
from ..fader import Fader
from ..lab.batches import tokens_of
from ..mix import Mix
from .examples import check_enough
from .goals import Pull, goals_of, parts_of
from .learned import Learned, Update
from .lessons import lessons_of, texts_of
from .outcome import nothing, stopped, taught
from .preferences import Preference, pairs_of, why_too_few
from .room import Room

#: Over what gains are learned unless something else is asked for.
OVER = ("masters", "kinds", "layers")


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
    room = Room(desk, mix, adapters, over, bounds, locked)
    tokens = tokens_of(desk.engine, tokenizer)
    lessons = lessons_of(examples, tokens, desk.engine.context, chat)
    kept = texts_of(keep, tokens, desk.engine.context, chat)
    check_enough(len(lessons))
    parts = parts_of(len(lessons), seed)

    def work(tell: Callable[[Update], None]) -> Learned:
        from ..engines.peft.aims import Likely, Unchanged

        still = Unchanged(kept, room.pupil.base(desk.base())) if kept else None

        def aim(places: Sequence[int]) -> Likely:
            return Likely([lessons[at] for at in places])

        goals = goals_of(aim, parts, still, keep_weight, pull, pull_weight)
        outcome = taught(room, goals, steps, tell, parts, seed)
        return outcome.of_replies(lessons) if outcome else stopped(room.mix, seed, parts[0])

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
    room = Room(desk, mix, adapters, over, bounds, locked)
    tokens = tokens_of(desk.engine, tokenizer)
    pairs = pairs_of(votes, tokens, desk.engine.context, chat)
    kept = texts_of(keep, tokens, desk.engine.context, chat)
    parts = parts_of(len(pairs), seed) if len(pairs) > 1 else ((),)

    def work(tell: Callable[[Update], None]) -> Learned:
        from ..engines.peft.aims import Preferred, Unchanged

        if note := why_too_few(len(pairs)):
            return nothing(room.mix, note, seed)
        try:
            ahead = room.pupil.hear([one for pair in pairs for one in pair], room.gains(room.mix), (1.0,))
        except Cancelled:
            return stopped(room.mix, seed, parts[0])
        logs = [one.logprob for one in ahead]
        references = list(zip(logs[::2], logs[1::2], strict=True))

        def aim(places: Sequence[int]) -> Preferred:
            return Preferred([pairs[at] for at in places], [references[at] for at in places], beta)

        still = Unchanged(kept, room.pupil.base(desk.base())) if kept else None
        goals = goals_of(aim, parts, still, keep_weight, pull, pull_weight)
        outcome = taught(room, goals, steps, tell, parts, seed)
        return outcome.of_votes(pairs, references, beta) if outcome else stopped(room.mix, seed, parts[0])

    return Learning(work, room.stopped, "learn", desk.engine.let_go)


def _followed(
    run: Learning, progress: Callable[[Update], None] | None, cancelled: Callable[[], bool] | None
) -> Learned:
    for update in run:
        if progress is not None:
            progress(update)
        if cancelled is not None and cancelled():
            run.stop()
    return run.result
