"""What the exported page shows, worked out from a record; how it looks is in `templates`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, isfinite, log10

from ..lab.difference import Piece, first_difference, words
from ..mix import Faders, Mix, heard
from .record import MessageRecord, Record, ReplyRecord, ScoresRecord, TrialRecord
from .tally import Pair, Rate, Standing, Tally, identity

#: What HTML has no place for; a browser would drop or change it.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENDS = {"length": "cut at the length limit", "stopped": "stopped"}


def shown(text: str) -> str:
    """A text without what HTML has no place for."""
    return _CONTROL.sub("\ufffd", text)


def letter(column: int) -> str:
    """A, B, … for the columns in their order.

    >>> letter(0), letter(15), letter(27)
    ('A', 'P', 'AB')
    """
    return (letter(column // 26 - 1) if column >= 26 else "") + chr(ord("A") + column % 26)


def in_words(mix: Mix) -> list[str]:
    """What a mix does, a line for each adapter that is not as loaded.

    >>> in_words(Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})}))
    ['pirate × 0.5 · q_proj × 0']
    """
    lines = [line for name, faders in mix.adapters.items() if (line := _faders(name, faders))]
    return lines or ["as loaded"]


def _faders(name: str, faders: Faders) -> str:
    if not faders.on:
        return f"{name} off"
    fades = faders.fades
    parts = [f"master follows {fades['master']}" if "master" in fades else f"× {faders.master:g}"]
    parts += [f"{kind} × {gain:g}" for kind, gain in faders.kinds.items() if f"kind:{kind}" not in fades]
    by_gain: dict[float, list[int]] = {}
    for layer, gain in faders.layers.items():
        if f"layer:{layer}" not in fades:
            by_gain.setdefault(gain, []).append(layer)
    parts += [f"{_layers(layers)} × {gain:g}" for gain, layers in by_gain.items()]
    targets = [(target, gain) for target, gain in faders.modules.items() if f"target:{target}" not in fades]
    if len(targets) > 3:
        parts.append(f"{len(targets)} targets of their own")
    else:
        parts += [f"{target} × {gain:g}" for target, gain in targets]
    parts += [] if faders.whole else [heard(faders)]
    parts += [f"{key.replace(':', ' ')} follows {fade}" for key, fade in fades.items() if key != "master"]
    if (between := faders.crossfade) is not None:
        one, other = (_faders("", side).strip() or "as loaded" for side in (between.a, between.b))
        parts.append(f"crossfade from ({one}) to ({other}) at {between.stand}")
    return "" if parts == ["× 1"] else f"{name} {' · '.join(parts)}"


def _layers(layers: Sequence[int]) -> str:
    """Layer numbers with neighbours drawn together.

    >>> _layers([3, 0, 1, 2, 7])
    'layers 0–3, 7'
    """
    runs = []
    for _, run in groupby(enumerate(sorted(layers)), lambda pair: pair[1] - pair[0]):
        members = [layer for _, layer in run]
        runs.append(str(members[0]) if len(members) == 1 else f"{members[0]}–{members[-1]}")
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(runs)}"


def number(value: float) -> str:
    """A number in as many digits as say something.

    >>> number(0.12345), number(12.345), number(1234.5), number(float("inf"))
    ('0.123', '12.3', '1,234', '∞')
    """
    if not isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "–"
    size = abs(value)
    return (
        f"{value:,.0f}"
        if size >= 1000
        else f"{value:.1f}"
        if size >= 10
        else f"{value:.2f}"
        if size >= 1
        else f"{value:.3f}"
    )


def percent(share: float) -> str:
    """A share of 1 in per cent.

    >>> percent(0.5), percent(0.034), percent(0.00002)
    ('50 %', '3.4 %', '< 0.1 %')
    """
    if not isfinite(share):
        return "–"
    return "< 0.1 %" if 0 < share < 0.001 else f"{share * 100:.{0 if share >= 0.1 or share == 0 else 1}f} %"


@dataclass(frozen=True)
class ColumnView:
    """A column, wherever it is named."""

    index: int
    letter: str
    name: str  # empty when it is the letter
    hue: int
    mix: list[str]
    is_reference: bool


@dataclass(frozen=True)
class Token:
    """A token of a reply, and how likely it was under the reference's mix (0 to 1) and, in words, under all."""

    text: str
    surprise: float
    title: str


@dataclass(frozen=True)
class ReplyView:
    """What one column said."""

    column: ColumnView
    text: str
    pieces: list[Piece]
    tokens: list[Token]
    notes: list[str]
    leaves: str


@dataclass(frozen=True)
class Cell:
    """A number of a table, and how dark its ground is, 0 to 1."""

    text: str
    depth: float


@dataclass(frozen=True)
class TrialView:
    """One question with one seed."""

    seed: int
    notes: list[str]
    replies: list[ReplyView]
    divergence: list[list[Cell]]
    perplexity: list[list[Cell]]


@dataclass(frozen=True)
class QuestionView:
    """A question and all trials of it."""

    number: int
    title: str
    messages: list[MessageRecord]
    prompt: str
    trials: list[TrialView]


@dataclass(frozen=True)
class StandingView:
    """A line of the ranking."""

    place: int
    column: ColumnView
    standing: Standing
    rate: Rate
    certain: str
    strength: str


class Page:
    """All that the page shows.

    Args:
        record: the experiment.
        reference: the column that the others are compared with, from 0.
        votes: what they add up to.
        votes_problem: why that is not known; empty if it is.
    """

    def __init__(self, record: Record, reference: int, votes: Tally, votes_problem: str) -> None:
        self.record = record
        self.votes = votes
        self.votes_problem = votes_problem
        self.columns = [_column(record, at, at == reference) for at in range(len(record.columns))]
        self.reference = self.columns[reference]
        self.questions = [
            self._question(number, list(trials))
            for number, (_, trials) in enumerate(groupby(_in_order(record.trials), lambda trial: trial.question), 1)
        ]
        self.scored = any(trial.scores is not None for trial in record.trials)
        self.spelled = any(trial.scores is not None and trial.scores.pieces for trial in record.trials)
        self.tokens = sum(len(reply.token_ids) for trial in record.trials for reply in trial.replies)
        self.seconds = sum(trial.seconds for trial in record.trials)
        self.seeds = len({trial.seed for trial in record.trials})

    @property
    def title(self) -> str:
        """For the browser's tab."""
        return f"{' · '.join(shown(column.label) for column in self.record.columns[:4])} — {shown(self.record.model)}"

    @property
    def when(self) -> str:
        """The day and the time, UTC."""
        return f"{self.record.time:%Y-%m-%d %H:%M} UTC"

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Of the generation, in words. What else is kept among them (a sweep, what a session asks) is no setting."""
        settings = self.record.settings.items()
        return [(shown(str(key)), shown(str(value))) for key, value in settings if not isinstance(value, dict)]

    @property
    def standings(self) -> list[StandingView]:
        """The ranking; each mix under the first column that plays it."""
        first = {id(standing): _of_mix(self.record, self.columns, standing) for standing in self.votes.standings}
        return [
            StandingView(
                place=standing.place,
                column=first[id(standing)],
                standing=standing,
                rate=standing.rate,
                certain=_certain(standing.rate),
                strength=f"{standing.strength:+.2f}".replace("-", "−"),
            )
            for standing in self.votes.standings
        ]

    @property
    def groups(self) -> int:
        """Into how many groups that never met the mixes fall."""
        return len({standing.group for standing in self.votes.standings})

    @property
    def pairs(self) -> list[tuple[ColumnView, ColumnView, Pair, str]]:
        """Who did how against whom."""
        views = self.standings
        return [
            (views[pair.one].column, views[pair.other].column, pair, _certain(pair.rate)) for pair in self.votes.pairs
        ]

    def _question(self, number: int, trials: list[TrialRecord]) -> QuestionView:
        first = trials[0]
        return QuestionView(
            number=number,
            title=shown(first.label or (first.messages[-1].content if first.messages else first.prompt)),
            messages=[MessageRecord(shown(message.role), shown(message.content)) for message in first.messages],
            prompt=shown(first.prompt),
            trials=[self._trial(trial) for trial in trials],
        )

    def _trial(self, trial: TrialRecord) -> TrialView:
        said = trial.replies[self.reference.index]
        return TrialView(
            seed=trial.seed,
            notes=[f"{trial.seconds:.1f} s"] * bool(trial.seconds) + [shown(trial.note)] * bool(trial.note),
            replies=[self._reply(column, trial.replies[column.index], said, trial.scores) for column in self.columns],
            divergence=_cells(trial.scores.divergence if trial.scores else ()),
            perplexity=_cells(trial.scores.perplexity if trial.scores else ()),
        )

    def _reply(
        self, column: ColumnView, reply: ReplyRecord, reference: ReplyRecord, scores: ScoresRecord | None
    ) -> ReplyView:
        text, other = shown(reply.text), shown(reference.text)
        notes = [f"{len(reply.token_ids)} tokens"] if reply.token_ids else []
        if reply.seconds and reply.token_ids:
            notes.append(f"{len(reply.token_ids) / reply.seconds:.1f}/s")
        if scores is not None:
            notes.append(f"perplexity {number(scores.perplexity[column.index][column.index])}")
        notes += [_ENDS[reply.finish]] if reply.finish in _ENDS else []
        return ReplyView(
            column=column,
            text=text,
            pieces=[Piece(text, False)] if column.is_reference else words(text, other),
            tokens=self._tokens(column.index, scores),
            notes=notes,
            leaves="" if column.is_reference else _leaves(reply, reference, self.reference.letter),
        )

    def _tokens(self, column: int, scores: ScoresRecord | None) -> list[Token]:
        if scores is None or not scores.pieces or not scores.logprobs:
            return []
        tokens = []
        for at, piece in enumerate(scores.pieces[column]):
            chances = [exp(min(0.0, scores.logprobs[mix][column][at])) for mix in range(len(self.columns))]
            lines = [f"{view.letter}: {percent(chances[view.index])}" for view in self.columns]
            tokens.append(Token(shown(piece), _surprise(chances[self.reference.index]), "\n".join(lines)))
        return tokens


def _column(record: Record, at: int, is_reference: bool) -> ColumnView:
    label = shown(record.columns[at].label)
    return ColumnView(
        index=at,
        letter=letter(at),
        name="" if label == letter(at) else label,
        hue=round(230 + at * 137.5) % 360,  # the golden angle: neighbours never look alike
        mix=[shown(line) for line in in_words(record.columns[at].mix)],
        is_reference=is_reference,
    )


def _in_order(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Question after question, in the order in which they first came."""
    order = list(dict.fromkeys(trial.question for trial in trials))
    return sorted(trials, key=lambda trial: order.index(trial.question))


def _of_mix(record: Record, columns: Sequence[ColumnView], standing: Standing) -> ColumnView:
    return next(
        columns[at] for at, column in enumerate(record.columns) if identity(column.mix) == identity(standing.mix)
    )


def _leaves(reply: ReplyRecord, reference: ReplyRecord, name: str) -> str:
    if not reply.token_ids or not reference.token_ids:
        return f"the same as {name}" if reply.text == reference.text else ""
    at = first_difference(reply.token_ids, reference.token_ids)
    return f"the same as {name}" if at is None else f"leaves {name} at token {at + 1}"


def _certain(rate: Rate) -> str:
    """What a sign test says, for people."""
    if rate.share is None:
        return "nobody chose a side"
    return f"p = {rate.p_value:.3f}" if rate.p_value >= 0.001 else "p < 0.001"


def _surprise(chance: float) -> float:
    """0 for a token that had to come, 1 for one in a thousand and rarer."""
    return 1.0 if chance <= 0.001 else round(-log10(chance) / 3, 3) + 0.0


def _cells(table: Sequence[Sequence[float]]) -> list[list[Cell]]:
    """Numbers with a ground that is the darker the larger they are."""
    finite = [value for row in table for value in row if isfinite(value)]
    least, most = min(finite, default=0.0), max(finite, default=0.0)
    span = (most - least) or 1.0
    return [
        [Cell(number(value), round((value - least) / span, 3) if isfinite(value) else 1.0) for value in row]
        for row in table
    ]
