"""What plays a mix, seen from above: numbers, tuples and text. No torch in here.

A desk, a comparison or a score asks an engine through this protocol alone, so that a mix can be played by a PEFT model
in this process, by a server, or by whatever is written next. What an engine lacks is told by `why_not`, in a sentence
for people, before anybody runs into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..mix import Mix
    from ..target import Adapter, Target
    from .sampling import Sampling
    from .standing import Standing

#: What an engine may be able to do, or not:
#:
#: - `live`: whoever generates next, by whatever way, hears the mix that is on the desk;
#: - `mid_reply`: a reply that is under way hears it from its next token on;
#: - `rows`: several mixes run together, as rows of one batch;
#: - `fades`: gains that change over a reply;
#: - `rank`: only the strongest components of what a target adds are heard;
#: - `scores`: how likely a text is under a mix, token by token;
#: - `divergence`: how far two mixes' whole distributions are from each other;
#: - `weights`: the adapters' own numbers: loudness, bakes of what is loaded;
#: - `impact`: what silencing a target does to a text, target by target;
#: - `learn`: how a text's likelihood changes with every gain, so that gains can be learned;
#: - `load`: adapters come and go while it runs.
Ability = Literal[
    "live", "mid_reply", "rows", "fades", "rank", "scores", "divergence", "weights", "impact", "learn", "load"
]

#: Asked now and then; true calls off what is under way.
Cancel = Callable[[], bool]
#: Told which generated token the next forward pass works out; 0 is the first.
Turn = Callable[[int], None]


class NotInRows(ValueError):
    """These mixes or these generation settings cannot run as rows of one batch; the message says which, and why."""


class Unsettled(RuntimeError):
    """Adapters are being built into the model, or taken out of it, in another thread: look again when that is over."""


class Cancelled(Exception):
    """The wait for the model's lock was called off, or what was under way."""


@dataclass(frozen=True)
class Voice:
    """A mix, and what its dice are seeded with."""

    mix: Mix
    seed: int


@dataclass(frozen=True)
class Token:
    """The next token of a reply; `last` if the settings end the reply with it (its length, a criterion of theirs)."""

    id: int
    last: bool = False


#: Told the next token of each voice that has one, by its index; answers, for every voice, whether it wants no more.
Hear = Callable[[Mapping[int, Token]], Sequence[bool]]


@dataclass(frozen=True)
class Judgement:
    """How one mix judges one text.

    Attributes:
        logprobs: the natural logarithm of each token's probability.
        divergence: the mean over the tokens of KL(reference || this mix), in nats: how far the mix is from the one that
            it is held against. NaN for a text without tokens, and where the engine cannot tell.
        agreement: the share of the tokens that are this mix's likeliest choice. NaN for a text without tokens.
    """

    logprobs: tuple[float, ...]
    divergence: float
    agreement: float

    @property
    def perplexity(self) -> float:
        """exp of the mean surprise: 1 if every token was certain. NaN for a text without tokens."""
        mean = self.mean_logprob
        return math.exp(-mean) if mean > -700 else math.inf if mean < 0 else math.nan

    @property
    def mean_logprob(self) -> float:
        """The mean over the tokens; NaN for a text without tokens."""
        return math.fsum(self.logprobs) / len(self.logprobs) if self.logprobs else math.nan


class Tokens(Protocol):
    """Text into token ids and back. A tokenizer of transformers is one."""

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> Sequence[int]: ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = ...) -> str: ...


class Reader(Protocol):
    """Judges texts after one prompt; what it has read of that may be remembered for the next text."""

    def judge(self, text: Sequence[int], mixes: Sequence[Mix], reference: Mix) -> list[Judgement]:
        """How each of a few mixes judges a text of at least one token.

        Raises:
            ValueError: prompt and text are longer than the context.
            Cancelled: it was called off.
        """

    def forget(self) -> None:
        """Gives back the memory that the prompt takes."""


class Engine(Protocol):
    """What holds adapters and plays mixes of them.

    An engine has one mix at rest, which whoever generates hears (`play`); rows and judgements are exceptions for as
    long as they last, after which it is back at rest. It locks nothing: whoever calls `rows`, `say` or a `Reader` holds
    the lock of whoever generates.
    """

    #: As people call it: "PEFT", "llama.cpp", "vLLM".
    name: str
    #: The desk that stands on it: the engine keeps it, so that both go together.
    desk: Any

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """The adapters that it holds, by name."""

    @property
    def parameters(self) -> int:
        """How many numbers the base model holds; 0 where nobody knows."""

    @property
    def base(self) -> Any:
        """The same object as long as it is the same base model, whatever adapters come and go."""

    @property
    def tokens(self) -> Tokens | None:
        """Its tokenizer, if it knows one."""

    @property
    def context(self) -> int | None:
        """How many tokens its context holds, prompt and reply together; None where nobody says."""

    @property
    def as_loaded(self) -> Sequence[str]:
        """The adapters that whoever loaded them has play."""

    def why_not(self, what: Ability) -> str:
        """Why it cannot do this, in a sentence for people; empty if it can."""

    def differs(self, what: Ability) -> str:
        """How it does this otherwise than a model in this process, in a sentence for people; empty if it does not."""

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these very mixes cannot run as rows of one batch; empty if they can. It may run the model to find out."""

    def unsettled(self) -> bool:
        """Whether somebody is changing its adapters in this very moment."""

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since it last looked."""

    def refresh(self) -> None:
        """Looks again.

        Raises:
            Unsettled: somebody is changing its adapters at this moment; everything is as it was.
        """

    def play(self, mix: Mix) -> None:
        """Whoever generates next hears this; while rows are in use, after them.

        Raises:
            ValueError: it cannot be played; what was played before still is.
        """

    def scaling(self, target: Target) -> Any:
        """What multiplies the adapter's output at a target right now: a number, or one for each row in use."""

    def changing(self) -> AbstractContextManager[None]:
        """While the block lasts nobody else looks for adapters or moves a fader."""

    def check_free(self) -> None:
        """Refuses what would wait for ever.

        Raises:
            RuntimeError: this very thread has rows in use.
        """

    def alone(self) -> AbstractContextManager[None]:
        """`changing`, and no rows are in use.

        Raises:
            RuntimeError: rows are in use.
        """

    def rows(self, mixes: Sequence[Mix]) -> AbstractContextManager[Turn]:
        """Row i of every batch runs `mixes[i]`, until the block ends; one mix alone is for any batch.

        What the block is given is for a loop that knows which token the next pass works out.

        Raises:
            NotInRows: they cannot run in rows.
            RuntimeError: rows are in use.
        """

    def ends(self, sampling: Sampling) -> Sequence[int]:
        """The token ids that end a reply under these settings."""

    def limit(self, sampling: Sampling) -> int | None:
        """How many tokens a reply may have under these settings, if they say so."""

    def say(self, prompt: Sequence[int], voices: Sequence[Voice], sampling: Sampling, hear: Hear, turn: Turn) -> None:
        """Has every voice go on from a prompt, all at once, inside of `rows`; each as it would alone.

        Raises:
            NotInRows: these settings need a loop of their own; nothing has been said.
        """

    def let_go(self) -> None:
        """The calling thread computes nothing more for now: what it keeps ready for that may go."""

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether an error that came out of it, or of the host's own way of generating, says that memory is full."""

    def give_back(self) -> None:
        """Gives memory back that nobody refers to any more; to be called when such an error is forgotten."""

    def reader(self, prompt: Sequence[int], cancelled: Cancel, held: Hold, keep: bool) -> Reader:
        """Judges texts after a prompt.

        Args:
            prompt: the token ids before the texts; at least one.
            cancelled: asked before each pass; true calls it off.
            held: how to hold rows of mixes meanwhile: `Desk.rows`, lock and all.
            keep: whether more than one text follows, so that the prompt is worth remembering.
        """


@runtime_checkable
class Sends(Protocol):
    """What an engine has besides that sends a mix away before it is heard: that takes a while, and may be refused."""

    @property
    def standing(self) -> Standing:
        """What became of the mix at rest."""

    def serve_at_most(self, rank: int | None) -> None:
        """Has mixes of a larger rank played with their strongest components alone; None has all of them whole."""


#: Runs mixes as rows, with the lock: what `Desk.rows` answers.
Hold = Callable[[Sequence["Mix"]], AbstractContextManager[Turn]]
