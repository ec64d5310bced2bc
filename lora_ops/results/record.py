"""What is kept of an experiment: plain, immutable data that is checked whenever it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import uuid4

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from ..lab.reply import Finish
from .fields import AnyMix, Index, Many, Seconds, Seed, Settings, Table, Text, Time, TokenId, now, plain_settings

if TYPE_CHECKING:
    from ..lab.column import Column, Result
    from ..lab.score import Scores
    from ..target import Adapter

Verdict = Literal["left", "right", "tie", "bad"]
Source = Literal["blind", "chat"]

_STRICT = ConfigDict(extra="forbid")


def _at_least_one(columns: tuple[ColumnRecord, ...]) -> tuple[ColumnRecord, ...]:
    if not columns:
        raise ValueError("there must be at least 1 column")
    return columns


class RecordsError(ValueError):
    """The table of experiments, or an experiment in it, cannot be read or written; the message names it, and why."""


@dataclass(frozen=True, config=_STRICT)
class AdapterRecord:
    """An adapter that was loaded.

    Attributes:
        rank: the largest of its targets' ranks, 0 where the method has none.
        alpha: of a target with that rank.
        hash: of its files, as far as it is known.
    """

    name: Text
    method: Text = ""
    rank: Index = 0
    alpha: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    hash: Text = ""


@dataclass(frozen=True, config=_STRICT)
class ColumnRecord:
    """One of the things compared."""

    label: Text
    mix: AnyMix


@dataclass(frozen=True, config=_STRICT)
class ReplyRecord:
    """What one column said in one trial; the fields are those of `ColumnResult`."""

    text: Text
    token_ids: Many[TokenId] = ()
    finish: Finish = ""
    seconds: Seconds = 0.0


@dataclass(frozen=True, config=_STRICT)
class ScoresRecord:
    """How each mix judges each text: row i is column i's mix, column j is what column j said.

    Attributes:
        perplexity: of text j under mix i.
        divergence: how far mix i is from the mix that wrote text j: the mean of KL(mix j || mix i) over its positions.
        agreement: the share of text j's tokens that are mix i's likeliest choice; empty if it was not kept.
        logprobs: of each token of text j under mix i; empty if they were not kept.
        pieces: text j token by token, for showing how likely each was; empty if they were not kept.
    """

    perplexity: Table
    divergence: Table
    agreement: Table = ()
    logprobs: Many[Table] = ()
    pieces: Many[Many[Text]] = ()

    @classmethod
    def of(cls, scores: Scores, pieces: Iterable[Iterable[str]] = ()) -> ScoresRecord:
        """What came of a scoring, and, as far as they are to be shown, the texts token by token."""
        return cls(
            perplexity=scores.perplexity,
            divergence=scores.divergence,
            agreement=scores.agreement,
            logprobs=scores.logprobs,
            pieces=tuple(tuple(text) for text in pieces),
        )


@dataclass(frozen=True, config=_STRICT)
class MessageRecord:
    """One message of a chat."""

    role: Text
    content: Text


@dataclass(frozen=True, config=_STRICT)
class TrialRecord:
    """One question with one seed, asked of all columns.

    Attributes:
        prompt: the whole text that the model was given.
        replies: one for each column of the experiment, in its order.
        question: which question of the experiment it is, from 0; trials that share it differ in their seed.
        label: the question for people: what was asked, without the template around it.
        messages: the question as a chat; empty if it was plain text.
        seconds: from the first prompt token to the last reply token.
        note: how it ran, for people: in how many batches, why not in one.
    """

    prompt: Text
    seed: Seed
    replies: Many[ReplyRecord]
    question: Index = 0
    label: Text = ""
    messages: Many[MessageRecord] = ()
    seconds: Seconds = 0.0
    note: Text = ""
    scores: ScoresRecord | None = None

    @classmethod
    def of(
        cls,
        result: Result,
        prompt: str,
        *,
        question: int = 0,
        label: str = "",
        messages: Iterable[Mapping[str, str]] = (),
        scores: ScoresRecord | None = None,
    ) -> TrialRecord:
        """What came of a comparison."""
        return cls(
            prompt=prompt,
            seed=result.seed,
            replies=tuple(ReplyRecord(c.text, tuple(c.token_ids), c.finish, c.seconds) for c in result.columns),
            question=question,
            label=label,
            messages=tuple(MessageRecord(str(m["role"]), str(m["content"])) for m in messages),
            seconds=result.seconds,
            note="; ".join(dict.fromkeys(note for note in (result.why_not_batched, result.note) if note)),
            scores=scores,
        )


@dataclass(frozen=True, config=_STRICT)
class Vote:
    """Which of two columns was better in one trial.

    Attributes:
        trial: its place in the experiment, from 0.
        left: the column that stood on the left, from 0.
        right: the column that stood on the right.
        verdict: "left" or "right" is better, "tie", or "bad": both are.
        blind: whether labels and sides were hidden until the vote.
        source: a session of votes ("blind"), or a turn of the chat that was answered twice ("chat").
    """

    trial: Index
    left: Index
    right: Index
    verdict: Verdict
    blind: bool = True
    source: Source = "blind"
    time: Time = field(default_factory=now)


@dataclass(frozen=True, config=_STRICT)
class Duel:
    """A vote together with the mixes that it was about."""

    left: AnyMix
    right: AnyMix
    verdict: Verdict
    left_label: Text = ""
    right_label: Text = ""
    blind: bool = True
    source: Source = "blind"
    time: Time = field(default_factory=now)
    model: Text = ""
    experiment: int | None = None


@dataclass(frozen=True, config=_STRICT)
class Record:
    """An experiment as it is kept.

    Attributes:
        model: the name of the model.
        columns: what was compared.
        host: the name of the host.
        adapters: what was loaded.
        settings: of the generation; see `plain_settings`.
        trials: in the order in which they ran.
        votes: in the order in which they were cast.
        time: when it began.
        uid: tells it from every other experiment, also after export and import.
        id: its number in the table that it was loaded from.

    Raises:
        ValueError: a field is wrong, a trial has not one reply a column, or a vote names what there is not.
    """

    model: Text
    columns: Annotated[Many[ColumnRecord], AfterValidator(_at_least_one)]
    host: Text = ""
    adapters: Many[AdapterRecord] = ()
    settings: Settings = field(default_factory=dict)
    trials: Many[TrialRecord] = ()
    votes: Many[Vote] = ()
    time: Time = field(default_factory=now)
    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = field(default_factory=lambda: uuid4().hex)
    id: int | None = field(default=None, compare=False)

    @model_validator(mode="after")
    def _fits(self) -> Record:
        for at, trial in enumerate(self.trials):
            check_trial(trial, len(self.columns), f"trials.{at}")
        for at, vote in enumerate(self.votes):
            check_vote(vote, len(self.columns), len(self.trials), f"votes.{at}")
        return self

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        *,
        model: str,
        host: str = "",
        adapters: Iterable[Adapter] = (),
        hashes: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Record:
        """The record of an experiment that begins now: no trials yet.

        Args:
            columns: what is compared.
            model: its name.
            host: its name.
            adapters: `desk.adapters.values()`.
            hashes: of the adapters' files, by adapter name, as far as they are known.
            settings: keyword arguments of transformers' `generate`; see `plain_settings`.
        """
        hashes = hashes or {}
        return cls(
            model=model,
            columns=tuple(ColumnRecord(column.label, column.mix) for column in columns),
            host=host,
            adapters=tuple(_adapter(adapter, hashes.get(adapter.name, "")) for adapter in adapters),
            settings=plain_settings(settings or {}),
        )

    def and_trial(self, trial: TrialRecord) -> Record:
        """This record with one more trial."""
        return replace(self, trials=(*self.trials, trial))

    def and_vote(self, vote: Vote) -> Record:
        """This record with one more vote."""
        return replace(self, votes=(*self.votes, vote))

    @property
    def duels(self) -> list[Duel]:
        """The votes, each with its mixes."""
        return [duel(vote, self.columns, self.model, self.id) for vote in self.votes]


def duel(vote: Vote, columns: Sequence[ColumnRecord], model: str = "", experiment: int | None = None) -> Duel:
    """A vote together with the mixes that it was about."""
    left, right = columns[vote.left], columns[vote.right]
    return Duel(
        left=left.mix,
        right=right.mix,
        verdict=vote.verdict,
        left_label=left.label,
        right_label=right.label,
        blind=vote.blind,
        source=vote.source,
        time=vote.time,
        model=model,
        experiment=experiment,
    )


def check_trial(trial: TrialRecord, columns: int, where: str = "the trial") -> None:
    """Refuses a trial that does not fit an experiment of so many columns.

    Raises:
        ValueError: there is not one reply, or not one row and column of scores, for each of them.
    """
    if len(trial.replies) != columns:
        raise ValueError(f"{where}: {len(trial.replies)} replies for {columns} columns; there must be one for each")
    if trial.scores is not None:
        check_scores(trial.scores, columns, f"{where}.scores")


def check_scores(scores: ScoresRecord, columns: int, where: str = "the scores") -> None:
    """Refuses scores that do not fit an experiment of so many columns.

    Raises:
        ValueError: a table has not one row and one column for each of them.
    """
    for name in ("perplexity", "divergence", "agreement", "logprobs"):
        table = getattr(scores, name)
        square = len(table) == columns and all(len(row) == columns for row in table)
        if not square and not (name in ("agreement", "logprobs") and not table):
            raise ValueError(f"{where}.{name}: must have a row and a column for each of the {columns} columns")
    if scores.pieces and len(scores.pieces) != columns:
        raise ValueError(f"{where}.pieces: must have the tokens of each of the {columns} columns' texts, or of none")
    for row in scores.logprobs if scores.pieces else ():
        if [len(text) for text in row] != [len(pieces) for pieces in scores.pieces]:
            raise ValueError(f"{where}.logprobs: must have a number for each token in `pieces`")


def check_vote(vote: Vote, columns: int, trials: int, where: str = "the vote") -> None:
    """Refuses a vote that names a trial or a column that there is not.

    Raises:
        ValueError: which it is.
    """
    if vote.trial >= trials:
        raise ValueError(f"{where}: there is no trial {vote.trial}: the experiment has {trials}, counted from 0")
    for side in (vote.left, vote.right):
        if side >= columns:
            raise ValueError(f"{where}: there is no column {side}: the experiment has {columns}, counted from 0")
    if vote.left == vote.right:
        raise ValueError(f"{where}: column {vote.left} stands on both sides")


def _adapter(adapter: Adapter, files_hash: str) -> AdapterRecord:
    loudest = max(adapter.targets, key=lambda target: target.rank, default=None)
    rank, alpha = (loudest.rank, loudest.alpha) if loudest is not None else (0, 0.0)
    return AdapterRecord(adapter.name, adapter.method, rank, alpha, files_hash)
