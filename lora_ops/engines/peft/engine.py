"""A PEFT model in this process as an engine: the only thing that moves its adapters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...mix import Mix
from ..engine import Ability, NotInRows, Turn, Voice
from .inventory import Inventory
from .mix_player import MixPlayer, named
from .openmp_threads import let_go
from .playing import Chosen, Playing
from .reply_position import Following
from .row_probe import RowProbe
from .survey import root

if TYPE_CHECKING:
    from torch import nn

    from ...target import Adapter, Target
    from ..engine import Cancel, Hear, Hold, Tokens
    from ..sampling import Sampling
    from .judging import TextReader
    from .knob import Knob

#: Where a model keeps its engine: a second one for the same model must find what was loaded, not what was moved.
_HERE = "_lora_mixer_engine"
#: Where a base model keeps what all engines on it share.
_SHARED = "_lora_mixer_shared"
_IN_USE = "rows of this model are in use: wait until they end"


#: Two threads that meet a model at the same time share what they find.
_MEETING = threading.Lock()


@dataclass
class _Shared:
    """What all engines of a model share, whichever object around it they were made for; the base model keeps it."""

    following: Following
    #: Who takes part; nobody knows before it was looked at.
    chosen: Chosen = field(default_factory=lambda: Chosen((), ()))
    looked: bool = False
    writing: threading.RLock = field(default_factory=threading.RLock)
    #: The thread that has rows in use.
    rows_of: int | None = None
    #: The engine that took over last. Weak: it belongs to its model object, which the base model outlives.
    engine: weakref.ref[PeftEngine] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of a model, or one that is saved whole and loaded again, comes without."""
        return type(None), ()


class PeftEngine:
    """Plays mixes on one model, by writing `layer.scaling` in place: the next forward pass obeys.

    Finding the adapters changes nothing. At rest it costs nothing: no hooks, no wrapped modules, no copied weights. A
    mix with fades is the exception: as long as it plays, one hook on the model notices how far a reply is. Members as
    `engines.engine.Engine` tells them.

    Args:
        model: a `PeftModel`, or a transformers model that adapters were injected into.
        tokens: its tokenizer, if it is known.
    """

    name = "PEFT"

    def __init__(self, model: nn.Module, tokens: Tokens | None = None) -> None:
        base = root(model)
        self.model = model
        self.tokens = tokens
        self.desk: Any = None
        with _MEETING:
            self._shared = vars(base).get(_SHARED) or _Shared(Following(base))
            vars(base)[_SHARED] = self._shared
            vars(model)[_HERE] = self
        self.playing: Playing = Playing(model, self._shared.chosen)
        self._inventory = Inventory(model)
        self._player = MixPlayer(self._inventory, self.playing)
        self._probe = RowProbe(model)
        self._rest = Mix()
        #: Whether adapters are to play that could not be let in yet.
        self._late = False

    @classmethod
    def of(cls, model: nn.Module, tokens: Tokens | None = None) -> PeftEngine:
        """The engine of a model: the one that it has, or a new one, which has not looked at it yet."""
        engine: PeftEngine | None = vars(model).get(_HERE)
        if engine is None:
            return cls(model, tokens)
        engine.tokens = tokens if tokens is not None else engine.tokens
        return engine

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copy of a model comes without an engine."""

    def __reduce__(self) -> tuple[Any, ...]:
        """So does a model that is saved whole and loaded again."""
        return type(None), ()

    # What there is

    def refresh(self) -> None:
        """Looks again, and takes over. What was met before keeps the as-loaded scaling that was read then."""
        with self._shared.writing:
            fresh = self._inventory.look()
            if not self._shared.looked:
                self._shared.looked = True
                self.playing.begin()
            self._player.doubt()
            self.playing.notice(fresh)
            self._late = False
            self._probe = RowProbe(self.model)
            self._shared.engine = weakref.ref(self)

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """By name; none before the first look."""
        return self._inventory.adapters

    @property
    def parameters(self) -> int:
        """How many numbers the base model holds; 0 before the first look."""
        return self._inventory.parameters

    def unsettled(self) -> bool:
        """Whether another thread is building adapters into the model, or taking some out."""
        return self._inventory.unsettled()

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since it last looked."""
        return self._inventory.changed() or self._late or self.playing.changed()

    @property
    def base(self) -> nn.Module:
        """The model inside of what PEFT has put around it."""
        return root(self.model)

    @property
    def as_loaded(self) -> tuple[str, ...]:
        """The adapters that whoever loaded them has play."""
        return self.playing.as_loaded

    @property
    def context(self) -> int | None:
        """How many tokens the model's context holds; None where its config does not say."""
        config: Any = getattr(root(self.model), "config", None)
        if hasattr(config, "get_text_config"):
            config = config.get_text_config()
        for name in ("max_position_embeddings", "n_positions"):
            if isinstance(tokens := getattr(config, name, None), int) and tokens > 0:
                return tokens
        return None

    # What it can do

    def why_not(self, what: Ability) -> str:
        """Nothing is in its way; what certain mixes or settings cannot is told where they are asked for."""
        return ""

    def differs(self, what: Ability) -> str:
        """It is what others are held against."""
        return ""

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot run as rows of one batch, naming what is in the way; empty when they can.

        The first time it runs the model on a few tokens: nobody else may be generating.

        Raises:
            RuntimeError: rows are in use.
        """
        if self._shared.rows_of is not None:
            raise RuntimeError(_IN_USE)
        return self._player.why_not_ranks(mixes) or self._probe.why_not(self._player.differing(mixes))

    # Playing

    def play(self, mix: Mix) -> None:
        """The next forward pass hears this; while rows are in use it is done after them.

        Faders that fade follow every reply that is generated from then on, by whomever, and one that is under way.
        """
        with self._shared.writing:
            before, self._rest = self._rest, mix
            try:
                self._settle()
            except BaseException:
                self._rest = before
                self._settle()
                raise

    def scaling(self, target: Target) -> Any:
        """What multiplies the adapter's output at `target` right now: a number, or one per row while rows are in use.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        knob = self.knob(target)
        if self._rest.faded:
            self._turn()  # a reply that is over is only noticed when somebody looks
        return knob.now()

    def knob(self, target: Target) -> Knob:
        """What moves `target`, and knows its PEFT layer: to look at, and not to turn.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        return self._inventory.knob(target)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While the block lasts nobody else looks for adapters or moves a fader."""
        with self._shared.writing:
            yield

    def check_free(self) -> None:
        """Refuses what would wait for this very thread, for ever."""
        if self._shared.rows_of == threading.get_ident():
            raise RuntimeError(_IN_USE)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """As `changing`, and refused while rows are in use."""
        with self._shared.writing:
            if self._shared.rows_of is not None:
                raise RuntimeError(_IN_USE)
            try:
                yield
            finally:
                let_go()

    @contextmanager
    def rows(self, mixes: Sequence[Mix]) -> Iterator[Turn]:
        """Row i of every batch runs `mixes[i]`, until the block ends, each following the fades of its own mix."""
        shared = self._shared
        if why_not := self.why_not_rows(mixes):
            raise NotInRows(why_not)
        try:
            with shared.writing:
                shared.rows_of = threading.get_ident()
                shared.following.stop()
                self._play(mixes)
            yield shared.following.tell
        finally:
            with shared.writing:
                shared.rows_of = None
                shared.following.stop()
                (shared.engine and shared.engine() or self)._settle()
            let_go()

    def _settle(self) -> None:
        """Brings the model to where the faders stand; rows in use do that when they end."""
        if self._shared.rows_of is None:
            self._play([self._rest])

    def _play(self, mixes: Sequence[Mix]) -> None:
        """Has the model play this, and follow replies for as long as something in it fades."""
        heard = named(mixes)
        if self.playing.lacks(heard):
            # Whoever builds adapters into the model says who plays, too: the faders follow when that is over.
            self._late = self.unsettled()
            if not self._late:
                self.playing.let(heard)
        self._player.take(mixes)
        if any(mix.faded for mix in mixes):
            self._shared.following.start(self._turn)
        else:
            self._shared.following.stop()
        self._turn()

    def _turn(self) -> None:
        """Turns the knobs to where the mixes that play stand at this point of the reply, unless they stand there."""
        with self._shared.writing:
            self._player.turn(self._shared.following.token)

    # Generating and reading

    def ends(self, sampling: Sampling) -> list[int]:
        """The ids that end a reply: those that the settings name, else those of the model."""
        from .decoding import end_ids

        return end_ids(self.model, sampling.to_dict())

    def limit(self, sampling: Sampling) -> int | None:
        """How many tokens a reply may have by the settings, else by the model's own."""
        from .decoding import setting

        limit = setting(self.model, sampling.to_dict(), "max_new_tokens")
        return int(limit) if limit else None

    def say(self, prompt: Sequence[int], voices: Sequence[Voice], sampling: Sampling, hear: Hear, turn: Turn) -> None:
        """Has every voice go on from a prompt in one batch, in transformers' own loop."""
        from .decoding import decode

        decode(self.model, self.tensor(prompt), [voice.seed for voice in voices], sampling.to_dict(), hear, turn)

    def reader(self, prompt: Sequence[int], cancelled: Cancel, held: Hold, keep: bool) -> TextReader:
        """Judges texts after a prompt, each in as few passes as memory holds."""
        from .judging import TextReader

        return TextReader(self.model, self.tensor(prompt), cancelled, held, keep, self.context)

    def tensor(self, token_ids: Sequence[int]) -> Any:
        """Token ids on the model's device, shape (1, tokens)."""
        import torch

        return torch.tensor([list(token_ids)], device=self.device)

    @property
    def device(self) -> Any:
        """Where the model's first weights are: its prompts go there."""
        return next(self.model.parameters()).device

    def let_go(self) -> None:
        """Ends the calling thread's team of helpers, so that those of another thread need not share processors."""
        let_go()

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether this error says that memory is full, on whatever device."""
        from .memory import out_of_memory

        return out_of_memory(error)

    def give_back(self) -> None:
        """Gives what nobody refers to any more back to the model's device."""
        from .memory import give_back

        give_back(self.device)


def peft_engine(desk: Any) -> PeftEngine:
    """The engine of a desk, for what works on a PEFT model's own weights and passes.

    Raises:
        ValueError: the desk stands on another engine; the message says what that cannot do.
    """
    engine = desk.engine
    if not isinstance(engine, PeftEngine):
        raise ValueError(engine.why_not("weights") or f"{engine.name} does not give its weights away")
    return engine
