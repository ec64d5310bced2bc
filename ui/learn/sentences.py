"""What came of learning, in words: a line that says whether it is worth anything, and what stands behind it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...lora_ops.sentence import sentence

if TYPE_CHECKING:
    from ...lora_ops.learning.learned import Learned
    from .attempt import Source


def headline(found: Learned, source: Source) -> str:
    """Whether anything was learned, in one sentence.

    >>> from lora_mixer.lora_ops.learning.learned import Learned
    >>> from lora_mixer.lora_ops.mix import Mix
    >>> headline(Learned(Mix(), 2.0, 1.8, (0.1, 0.3), True, "", (), (3, 5), 9.0, True, 0), "replies")
    'It speaks more like your examples: every token of replies that it has not seen is 22 % likelier.'
    """
    if not found.learned:
        return sentence(found.note)
    if source == "votes":
        return "It agrees with your votes: with those that it has not seen, too."
    likelier = _likelier(math.exp(found.before - found.after))
    if len(found.held_out) == 1:
        return f"It may speak more like your examples: one reply alone tells, each token of it {likelier}. Add more."
    return f"It speaks more like your examples: every token of replies that it has not seen is {likelier}."


def behind(found: Learned, source: Source) -> list[str]:
    """What stands behind it: how sure that is, what it was told by, how long it took."""
    lines = []
    count = len(found.held_out)
    what = "vote" if source == "votes" else "reply"
    several = "votes" if source == "votes" else "replies"
    if found.learned and source == "replies":
        low, high = found.interval
        if math.isfinite(low) and math.isfinite(high):
            lines.append(
                f"Gained: {found.before - found.after:.3f} nats a token; with 90 % confidence between {low:.3f} and "
                f"{high:.3f}."
            )
        else:
            lines.append(f"Gained: {found.before - found.after:.3f} nats a token. So little was held out that nobody "
                         "can say how sure that is: give it more examples.")  # fmt: skip
    if found.in_turn:
        lines.append(f"Told by all {count} {several}: each was held out in its turn, of a mix learned without it.")
    elif count:
        lines.append(f"Told by {count} {what if count == 1 else several} that it did not learn from.")
    if not found.complete:
        lines.append("It was stopped: this is the best mix until then." if found.learned else "It was stopped.")
    if found.economies:
        lines.append(sentence(found.economies))
    if found.seconds:
        lines.append(f"Took {_time(found.seconds)}.")
    return lines


def _likelier(times: float) -> str:
    if times >= 1.995:
        return f"{times:.1f} times as likely"
    share = (times - 1) * 100
    return f"{share:.0f} % likelier" if share >= 9.5 else f"{share:.1f} % likelier"


def _time(seconds: float) -> str:
    from ..lab.replies import clock

    return clock(seconds) if seconds >= 1 else f"{seconds:.1f} s"
