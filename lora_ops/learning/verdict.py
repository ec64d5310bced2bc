"""Whether anything was learned: what the replies that were held out can tell, and what they cannot."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from ..engines.lesson import Lesson

if TYPE_CHECKING:
    from ..engines.peft.pupil import Heard

#: Of a 90 % interval, in standard errors.
_WIDE = 1.645
#: From how many held-out replies on they vouch for each other; with fewer their tokens do.
_ENOUGH = 5
#: Nats per token at the lowest temperature below which replies are a model's likeliest words: a word that is not costs
#: several.
_CERTAIN = 0.1


def interval(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Between which the mean of before - after lies, with 90 % confidence.

    Each inner sequence is one reply's tokens. With five replies or more these are what is drawn at random (a
    ratio estimate over clusters: Cochran 1977, "Sampling Techniques", 6.3); with fewer their tokens are, independent.
    One token alone tells nothing of how much others would differ: it bounds nothing.
    """
    gains = [[a - b for a, b in zip(one, other, strict=True)] for one, other in zip(before, after, strict=True)]
    tokens = list(chain.from_iterable(gains))
    if len(tokens) == 1:
        return -math.inf, math.inf
    mean = math.fsum(tokens) / len(tokens)
    if len(gains) >= _ENOUGH:
        apart = [math.fsum(reply) - mean * len(reply) for reply in gains]
    else:
        apart = [gain - mean for gain in tokens]
    count = len(apart)
    error = math.sqrt(math.fsum(one * one for one in apart) * count / (count - 1)) / len(tokens)
    return mean - _WIDE * error, mean + _WIDE * error


def shuffled(lessons: Sequence[Lesson], seed: int) -> list[Lesson]:
    """The same lessons with the tokens of all replies in an order that chance decides."""
    tokens = list(chain.from_iterable(lesson.reply for lesson in lessons))
    random.Random(seed).shuffle(tokens)
    found, at = [], 0
    for lesson in lessons:
        found.append(Lesson(lesson.prompt, tuple(tokens[at : at + len(lesson.reply)])))
        at += len(lesson.reply)
    return found


def why_noise(heard: Sequence[Heard], mixed_up: Sequence[Heard], lessons: Sequence[Lesson]) -> str:
    """Why these replies are noise to the model, for people; empty if they are not.

    Held against the same tokens in an order that chance decides, which are no text whatever they are made of.
    """
    if len(set(chain.from_iterable(lesson.reply for lesson in lessons))) < 8:
        return ""  # too few different tokens to be put into another order
    low, _ = interval([one.nats[0] for one in mixed_up], [one.nats[0] for one in heard])
    if low > 0:
        return ""
    return (
        "nothing was learned: the replies that were held out are no likelier than the same tokens in an order that "
        "chance decides. To this model they are noise"
    )


def why_nothing(before: Sequence[Heard], after: Sequence[Heard]) -> str:
    """Why what was gained on held-out replies is no learning, for people; empty if it is.

    Two things may make a reply likelier: speaking more like it, and being surer of what one would say anyway. The
    second is what a lower temperature does too; so both mixes are also compared at the temperature that suits each.
    Replies that were not drawn by chance but are somebody's likeliest words suit the coldest best, whoever says them:
    of those it counts whether they are the model's own likeliest words already.
    """
    from ..engines.peft.pupil import COOL

    low, _ = interval([one.nats[0] for one in before], [one.nats[0] for one in after])
    if low <= 0:
        return "nothing was learned: replies that were held out gained no more than chance may give"
    if mean([one.nats[-1] for one in before]) < _CERTAIN:
        return "nothing was learned: the model speaks like this already. Each reply is made of its own likeliest words"
    at_first, now = (_suits(heard) for heard in (before, after))
    if at_first == COOL:
        return ""
    cold, hot = [one.nats[at_first] for one in before], [one.nats[now] for one in after]
    low, high = interval(cold, hot)
    if high <= 0 or (low <= 0 and mean(cold) - mean(hot) < 0.01):
        return (
            "nothing was learned: the model speaks like this already. What could be gained is being surer of the same "
            "words, which a lower temperature gives as well"
        )
    return ""


def _suits(heard: Sequence[Heard]) -> int:
    """The place of the temperature at which all replies together are likeliest, of those that people speak at."""
    tables = [mean([one.nats[at] for one in heard]) for at in range(len(heard[0].nats) - 1)]
    return tables.index(min(tables))


def mean(nats: Sequence[Sequence[float]]) -> float:
    """Of all replies' tokens."""
    tokens = list(chain.from_iterable(nats))
    return math.fsum(tokens) / len(tokens)
