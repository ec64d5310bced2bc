"""What happens to texts as a fader goes up: the numbers behind the charts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..desk import Desk
from ..engines.engine import Cancel, Cancelled, Tokens
from ..engines.prompt import Prompt
from ..fader import Fader
from ..mix import Mix
from ..target import Adapter
from .axis import Axis, Swept
from .batches import tokens_of
from .column import Column
from .compare import compare
from .score import judge

#: How that reply is generated when none is given.
GENERATION = {"max_new_tokens": 64, "do_sample": False}


@dataclass(frozen=True)
class Point:
    """One gain, and how the text fares there.

    Attributes:
        gain: of the faders that are swept.
        mean_logprob: the mean over the text's tokens of the natural logarithm of their probability.
        perplexity: exp of its negative: the lower, the likelier the text.
        divergence: from the base model, over the text's tokens: the mean KL(base || this mix), in nats.
        agreement: the share of the text's tokens that are this mix's likeliest choice.
        length: how many tokens it said itself, of several replies the mean; None if it was not asked.
        own_perplexity: of what it said itself, under this very mix; None if it was not asked, or said nothing.
    """

    gain: float
    mean_logprob: float
    perplexity: float
    divergence: float
    agreement: float
    length: float | None = None
    own_perplexity: float | None = None


@dataclass(frozen=True)
class Curve:
    """One text under every gain of an axis.

    Attributes:
        label: what was swept.
        of: whether its numbers are gains ("master", "kind" …), ranks, or shares (of energy, of a way).
        points: in ascending order of gain.
        tokens: how many tokens of the text were judged.
    """

    label: str
    points: tuple[Point, ...]
    tokens: int
    of: Swept = "master"

    @property
    def best(self) -> Point:
        """Where the text is likeliest: the smallest such gain."""
        return max(self.points, key=lambda point: (point.mean_logprob, -point.gain))

    @property
    def turns(self) -> bool:
        """Whether a larger gain than the best was tried, and did not help."""
        return self.best.gain < self.points[-1].gain


def yardstick(axis: Axis, base: Mix) -> Mix:
    """The mix whose reply `curve` judges: every swept fader as loaded, a gain at 1, a rank whole; a crossfade at 1."""
    for fader in sorted(axis.faders):
        base = fader.put(base, math.inf if fader.of == "rank" else 1.0)
    return base


def yardstick_setting(axis: Axis, adapters: Mapping[str, Adapter]) -> int | None:
    """Which setting of an axis is the `yardstick`: its faders as loaded, or the second mix; None where none is.

    Args:
        axis: what is swept.
        adapters: those of the desk: of a rank it is the largest that the adapter has.
    """
    whole = 1.0
    if axis.of == "rank":
        [name] = {fader.adapter for fader in axis.faders if isinstance(fader, Fader)}
        whole = max(target.rank for target in adapters[name].scalable)
    return axis.gains.index(whole) if whole in axis.gains else None


def curve(
    desk: Desk,
    tokenizer: Tokens | None,
    input_ids: Prompt,
    axis: Axis,
    base: Mix,
    *,
    reply: Sequence[int] | None = None,
    replies: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    generation: dict[str, Any] | None = None,
    cancelled: Cancel | None = None,
    locked: bool = False,
) -> Curve:
    """How the reply of the `yardstick` fares at every gain, and what each gain says itself.

    >>> axis = parse_axis("master 0 to 2 in 0.25", desk, Mix())
    >>> [(point.gain, point.perplexity) for point in curve(desk, tokenizer, input_ids, axis, Mix()).points]

    Args:
        desk: of the model that is asked.
        tokenizer: of that model; the engine's own if None.
        input_ids: the prompt: token ids, or a tensor of them, shape (1, tokens).
        axis: what is swept, over at least two gains.
        base: the mix that is swept.
        reply: the token ids that the mix `yardstick` said; if not given, those of `replies` at that setting; failing
            that it is generated, with `seed` and `generation` (64 tokens, greedily, unless told otherwise).
        replies: the token ids that each setting of the axis said, in their order, if they are known.
        cancelled: asked now and then; true calls it off.
        locked: whether the caller holds the model's lock already.

    Raises:
        ValueError: the axis is no line of gains, there is not one reply for each, that reply is empty, or
            see `judge`.
        Cancelled: it was called off.
    """
    gains = _gains(axis)
    if replies is not None and len(replies) != len(gains):
        raise ValueError(f"there are {len(replies)} replies to {len(gains)} gains")
    if reply is None and replies is not None and (at := yardstick_setting(axis, desk.adapters)) is not None:
        reply = replies[at]
    if reply is None:
        column = Column("the yardstick", yardstick(axis, base))
        reply = _said(desk, tokenizer, input_ids, column, seed, generation or GENERATION, cancelled, locked)
    if not reply:
        whose = "with the second mix" if axis.of == "crossfade" else "as loaded"
        raise ValueError(f"{whose} the model says nothing to this prompt, so there is nothing to measure")
    found = _curve(desk, input_ids, reply, axis, base, cancelled, locked)
    if replies is None:
        return found
    own = {
        gain: _own(desk, input_ids, said, mix, cancelled, locked)
        for gain, said, mix in zip(gains, replies, axis.mixes(base), strict=True)
    }
    points = [replace(one, length=own[one.gain][0], own_perplexity=own[one.gain][1]) for one in found.points]
    return replace(found, points=tuple(points))


def mean(curves: Sequence[Curve]) -> Curve:
    """Several texts under the same gains as one: each text counts by its tokens, each reply by its own.

    Raises:
        ValueError: there is no curve, or their gains differ.
    """
    if not curves or len({tuple(point.gain for point in one.points) for one in curves}) != 1:
        raise ValueError("a mean needs curves over the same gains")
    if len(curves) == 1:
        return curves[0]
    tokens = [one.tokens for one in curves]
    points = tuple(_mean_point(some, tokens) for some in zip(*(one.points for one in curves), strict=True))
    return Curve(curves[0].label, points, sum(tokens), curves[0].of)


def _mean_point(points: Sequence[Point], tokens: Sequence[int]) -> Point:
    def of(read: Callable[[Point], float]) -> float:
        return math.fsum(read(one) * count for one, count in zip(points, tokens, strict=True)) / sum(tokens)

    logprob = of(lambda point: point.mean_logprob)
    lengths = [point.length for point in points if point.length is not None]
    own = [(point.length, math.log(point.own_perplexity)) for point in points if point.length and point.own_perplexity]
    said = sum(length for length, _ in own)
    return Point(
        gain=points[0].gain,
        mean_logprob=logprob,
        perplexity=math.exp(-logprob) if logprob > -700 else math.inf,
        divergence=of(lambda point: point.divergence),
        agreement=of(lambda point: point.agreement),
        length=sum(lengths) / len(lengths) if lengths else None,
        own_perplexity=math.exp(min(sum(length * surprise for length, surprise in own) / said, 700)) if said else None,
    )


def likelihood_curve(
    desk: Desk,
    tokenizer: Tokens | None,
    text: str,
    axis: Axis,
    base: Mix,
    *,
    input_ids: Prompt | None = None,
    cancelled: Cancel | None = None,
    locked: bool = False,
) -> Curve:
    """How likely a text of one's own is at every gain: `Curve.best` is where more stops helping.

    Args:
        desk: of the model that is asked.
        tokenizer: of that model; the engine's own if None.
        text: such as the adapter should make likely.
        axis: what is swept, over at least two gains.
        base: the mix that is swept.
        input_ids: the prompt that the text answers; without one the text stands alone, and its first
            token is given, unless the tokenizer puts one in front.
        cancelled: asked now and then; true calls it off.
        locked: whether the caller holds the model's lock already.

    Raises:
        ValueError: the text is too short, or longer than the model's context; the axis is no line of gains.
        Cancelled: it was called off.
    """
    _gains(axis)
    tokens = tokens_of(desk.engine, tokenizer)
    ids = list(tokens.encode(text, add_special_tokens=input_ids is None)) if text.strip() else []
    if input_ids is None:
        input_ids, ids = ids[:1], ids[1:]
    if not ids:
        raise ValueError("the text is too short: write at least a few words")
    return _curve(desk, input_ids, ids, axis, base, cancelled, locked)


def _gains(axis: Axis) -> tuple[float, ...]:
    """The gains of an axis that can be drawn as a line."""
    if axis.each or len(axis.settings) < 2:
        raise ValueError(f"a chart needs one sweep over several gains, like 'master 0 to 2 in 0.25', not {axis.label}")
    return axis.gains


def _curve(
    desk: Desk,
    input_ids: Prompt,
    ids: Sequence[int],
    axis: Axis,
    base: Mix,
    cancelled: Cancel | None,
    locked: bool,
) -> Curve:
    judged = judge(desk, input_ids, ids, axis.mixes(base), desk.base(), cancelled, locked)
    points = [
        Point(gain, one.mean_logprob, one.perplexity, one.divergence, one.agreement)
        for gain, one in zip(axis.gains, judged, strict=True)
    ]
    return Curve(axis.label, tuple(sorted(points, key=lambda point: point.gain)), len(ids), axis.of)


def _said(
    desk: Desk,
    tokenizer: Tokens | None,
    input_ids: Prompt,
    column: Column,
    seed: int,
    generation: dict[str, Any],
    cancelled: Cancel | None,
    locked: bool,
) -> tuple[int, ...]:
    run = compare(desk, tokenizer, input_ids, [column], seed=seed, generation=generation, locked=locked)
    for _ in run:
        if cancelled is not None and cancelled():
            raise Cancelled
    return run.result.columns[0].token_ids


def _own(
    desk: Desk, input_ids: Prompt, said: Sequence[int], mix: Mix, cancelled: Cancel | None, locked: bool
) -> tuple[int, float | None]:
    """How many tokens a mix said, and their perplexity under itself."""
    [judged] = judge(desk, input_ids, said, [mix], mix, cancelled, locked)
    return len(said), judged.perplexity if said else None
