"""Votes as something to learn from: which reply was preferred to which, after which prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..engines.lesson import Lesson
from ..optional_packages import needed
from ..results.record import Record
from .examples import Example
from .lessons import lessons_of

#: Five votes of five that a mix agrees with are chance in one case of 32; of four, in one of 16, which proves nothing.
_FEWEST_HELD_OUT = 5
#: A quarter is held out.
FEWEST_VOTES = 4 * _FEWEST_HELD_OUT
_CHANCE = 0.05


@dataclass(frozen=True)
class Preference:
    """A vote: after this prompt, one reply was better than another.

    Attributes:
        prompt: as `Example.prompt`; or the whole text that the model was given.
        better, worse: texts, or token ids.
    """

    prompt: Any
    better: str | tuple[int, ...]
    worse: str | tuple[int, ...]


def preferences(records: Iterable[Record], model: str | None = None) -> list[Preference]:
    """The votes in kept experiments that say which of two replies is better; ties and “both bad” say nothing of it.

    Args:
        records: `Records.load` of each.
        model: only of experiments with this model: others speak with other tokens.
    """
    found = []
    for record in records:
        if model is not None and record.model != model:
            continue
        for vote in record.votes:
            if vote.verdict not in ("left", "right"):
                continue
            trial = record.trials[vote.trial]
            left, right = trial.replies[vote.left], trial.replies[vote.right]
            better, worse = (left, right) if vote.verdict == "left" else (right, left)
            if better.text != worse.text:
                found.append(Preference(trial.prompt, better.text, worse.text))
    return found


def pairs_of(votes: Sequence[Preference], tokens: Any, context: int | None, chat: bool) -> list[tuple[Lesson, Lesson]]:
    """The better and the worse reply of each vote, as token ids; those of which one has no token are left out.

    Raises:
        ValueError: one is longer than the context.
    """
    told = [vote for vote in votes if vote.better and vote.worse]
    better = lessons_of([Example(vote.prompt, vote.better) for vote in told], tokens, context, chat)
    worse = lessons_of([Example(vote.prompt, vote.worse) for vote in told], tokens, context, chat)
    return list(zip(better, worse, strict=True))


def why_too_few(votes: int) -> str:
    """Why so few votes cannot tell, and how many more would, for people; empty if they are enough."""
    if votes >= FEWEST_VOTES:
        return ""
    return (
        f"nothing was learned from {votes} {'vote' if votes == 1 else 'votes'}: {FEWEST_VOTES - votes} more would "
        f"tell. A quarter is held out, to see whether what was learned holds for others, and it takes "
        f"{_FEWEST_HELD_OUT} of those: a mix that agrees with all five does so by chance in one case of 32, and with "
        "fewer nothing could be told from chance"
    )


def why_undecided(margins: Sequence[float]) -> str:
    """Why votes that were held out do not bear out what was learned, for people; empty if they do.

    A one-sided sign test: how likely chance agrees with as many of them.

    Args:
        margins: of each held-out vote, by how much more the better reply gained than the worse; 0 counts as neither.
    """
    wins, losses = sum(margin > 0 for margin in margins), sum(margin < 0 for margin in margins)
    told = wins + losses
    if not told:
        return "nothing was learned: no reply that was voted on got likelier against the other"
    test = needed("scipy.stats", "statistics of votes").binomtest(wins, told, alternative="greater")
    if float(test.pvalue) <= _CHANCE:
        return ""
    note = (
        f"nothing was learned: what the votes taught agrees with {wins} of {told} that were held out, which chance "
        f"does in {float(test.pvalue):.0%} of cases"
    )
    if 2 * wins <= told:
        return note
    return f"{note}. If it went on like this, {_more(wins / told, told):,} more votes would tell"


def _more(share: float, told: int) -> int:
    """How many more votes it takes until an agreement of this share is no chance, with a quarter of them held out."""
    stats = needed("scipy.stats", "statistics of votes")
    size = told
    while size < 100_000:
        size += 1
        if float(stats.binom.sf(round(share * size) - 1, size, 0.5)) <= _CHANCE:
            break
    return 4 * (size - told)
