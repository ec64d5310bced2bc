"""A PEFT model in this process as an engine: the only thing that moves its adapters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...mix import Faders, Mix
from ..engine import Ability, NotInRows, Turn, Unsettled, Voice
from .knob import Knob, is_fresh, remember, remembered, turn, turn_rows
from .openmp_threads import let_go
from .playing import Chosen, Playing
from .ranks import Strongest
from .reply_position import Following
from .row_probe import RowProbe
from .settled import unsettled
from .survey import Survey, root, survey

if TYPE_CHECKING:
    from torch import nn

    from ...target import Adapter, Target
    from ..engine import Cancel, Hear, Hold, Tokens
    from ..sampling import Sampling
    from .judging import TextReader

#: Where a model keeps its engine: a second one for the same model must find what was loaded, not what was moved.
_HERE = "_lora_mixer_engine"
#: Where a base model keeps what all engines on it share.
_SHARED = "_lora_mixer_shared"
_SILENT = Faders(on=False)
#: All components are heard: no rank, and no share.
_WHOLE: tuple[int | None, float | None] = (None, None)

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
        #: By name; none before the first look.
        self.adapters: Mapping[str, Adapter] = {}
        self.parameters = 0
        with _MEETING:
            self._shared = vars(base).get(_SHARED) or _Shared(Following(base))
            vars(base)[_SHARED] = self._shared
            vars(model)[_HERE] = self
        self.playing: Playing = Playing(model, self._shared.chosen)
        self._probe = RowProbe(model)
        self._configs: list[tuple[str, Any]] | None = None
        self._merged = 0
        self._targets: list[Target] = []
        self._index: dict[tuple[str, str], int] = {}
        self._rest = Mix()
        self._knobs: list[Knob] = []
        self._met: list[Knob] = []
        #: The components of adapters of which not all are heard, and whether any knob may hold such a part.
        self._strongest: dict[str, Strongest] = {}
        self._in_part = True
        #: Whether adapters are to play that could not be let in yet.
        self._late = False
        #: What the model plays, one mix for all rows or one for each, and where those stand right now.
        self._plays: tuple[Mix, ...] = ()
        self._stands: tuple[Mix, ...] = ()

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
            found, self._configs = self._found()
            if not self._shared.looked:
                self._shared.looked = True
                self.playing.begin()
            met = [knob for _, knob in found.knobs]
            fresh = {knob.adapter for knob in met if is_fresh(knob)}
            remember(met, before=self._met)
            self._met = met
            self._merged = self._count_merged()
            # One adapter's targets after the other's, each with its knob.
            self._targets = [target for adapter in found.adapters.values() for target in adapter.scalable]
            knobs = {(target.adapter, target.name): knob for target, knob in found.knobs}
            self._knobs = [knobs[target.adapter, target.name] for target in self._targets]
            self._index = {(target.adapter, target.name): at for at, target in enumerate(self._targets)}
            self.parameters, self.adapters = found.parameters, found.adapters
            self._in_part, self._stands = True, ()
            self.playing.notice(fresh)
            self._late = False
            self._probe = RowProbe(self.model)
            self._shared.engine = weakref.ref(self)

    def _found(self) -> tuple[Survey, list[tuple[str, Any]]]:
        """What is in the model, and the configs of it, read at a time at which nobody changed it."""
        found, then = None, self._present_configs()
        while True:
            if self.unsettled():
                raise Unsettled("adapters are being loaded or unloaded in this very moment: look again after that")
            now = self._present_configs()
            if found is not None and _same(then, now):
                return found, now
            found, then = survey(self.model, remembered), now

    def unsettled(self) -> bool:
        """Whether another thread is building adapters into the model, or taking some out."""
        return unsettled(self.model)

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since it last looked."""
        if self._configs is None:
            return True
        changed = self._late or self.playing.changed() or not _same(self._configs, self._present_configs())
        return changed or self._count_merged() != self._merged

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

    def _present_configs(self) -> list[tuple[str, Any]]:
        """The very objects, kept: the id of one that is gone may be given to one that is loaded later."""
        return list((getattr(self.model, "peft_config", None) or {}).items())

    def _count_merged(self) -> int:
        return sum(len(knob.layer.merged_adapters) for knob in self._met)

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
        courses = [self._courses(mix, mixes) for mix in mixes]
        differing = [at for at, row in enumerate(zip(*courses, strict=True)) if len(set(row)) > 1]
        if why_not := self._why_not_ranks(mixes):
            return why_not
        playing = {*self.as_loaded, *_named(mixes)}
        heard = [at for at in differing if self._targets[at].adapter in playing]
        return self._probe.why_not([(self._targets[at], self._knobs[at]) for at in heard])

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
        at = self._index.get((target.adapter, target.name))
        if at is None:
            raise ValueError(f"{target.name} of {target.adapter!r} has no scaling here. {target.reason}".rstrip())
        return self._knobs[at]

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
        named = _named(mixes)
        if self.playing.lacks(named):
            # Whoever builds adapters into the model says who plays, too: the faders follow when that is over.
            self._late = self.unsettled()
            if not self._late:
                self.playing.let(named)
        self._plays, self._stands = tuple(mixes), ()
        if any(mix.faded for mix in mixes):
            self._shared.following.start(self._turn)
        else:
            self._shared.following.stop()
        self._turn()

    def _turn(self) -> None:
        """Turns the knobs to where the mixes that play stand at this point of the reply, unless they stand there."""
        with self._shared.writing:
            token = self._shared.following.token
            stands = tuple(mix.at(token) for mix in self._plays)
            if stands == self._stands:
                return
            self._stands = ()  # in case it fails half way
            self._hear_ranks(stands)
            gains = [self._gains(mix, stands) for mix in stands]
            if len(gains) == 1:
                turn(self._knobs, gains[0])
            else:
                turn_rows(self._knobs, gains)
            self._stands = stands

    def _gains(self, mix: Mix, mixes: Sequence[Mix]) -> list[float]:
        adapters = self.adapters.values()
        return [gain for one in adapters for gain in self._faders(one.name, mix, mixes).gains(one.scalable)]

    def _hear_ranks(self, mixes: Sequence[Mix]) -> None:
        """Has so many components of each adapter heard as the mixes say, which agree on it."""
        asked = {name: found for name in self.adapters if (found := self._ranks(name, mixes)) != {_WHOLE}}
        if not asked and not self._in_part:
            return
        self._in_part = True
        before, self._strongest = self._strongest, {}
        for name in self.adapters:
            knobs = [self._knobs[self._index[name, target.name]] for target in self.adapters[name].scalable]
            if name not in asked:
                for knob in knobs:
                    knob.restore_b()
                continue
            known = before.get(name)
            if known is None or known.stale(knobs):
                known = Strongest(knobs, [target.rank for target in self.adapters[name].scalable])
            self._strongest[name] = known
            known.hear(*asked[name].pop())
        self._in_part = bool(asked)

    def _ranks(self, adapter: str, mixes: Sequence[Mix]) -> set[tuple[int | None, float | None]]:
        """How many components of an adapter are heard in those of the mixes that play side by side that let it be."""
        faders = [self._faders(adapter, mix, mixes) for mix in mixes]
        heard = [one for one in faders if one.on] or faders[:1]  # who is off may be back in a moment
        return {_WHOLE if one.whole else (one.rank, one.energy) for one in heard}

    def _why_not_ranks(self, mixes: Sequence[Mix]) -> str:
        for name in self.adapters:
            if len(self._ranks(name, mixes)) > 1:
                return (
                    f"not the same components of {name!r} are heard in all of them, and the others are left out of its "
                    "weights, which the whole batch shares"
                )
        return ""

    def _courses(self, mix: Mix, mixes: Sequence[Mix]) -> list[Any]:
        adapters = self.adapters.values()
        return [course for one in adapters for course in self._faders(one.name, mix, mixes).courses(one.scalable)]

    def _faders(self, adapter: str, mix: Mix, mixes: Sequence[Mix]) -> Faders:
        """Its faders in one of the mixes that play side by side.

        Who does not play as loaded is heard in those alone that name it.
        """
        silent = adapter not in mix.adapters and adapter not in self.as_loaded and adapter in _named(mixes)
        return _SILENT if silent else mix[adapter]

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


def _named(mixes: Iterable[Mix]) -> dict[str, None]:
    """The adapters that one of these mixes names and has on: those are to be heard."""
    return {name: None for mix in mixes for name, faders in mix.adapters.items() if faders.on}


def _same(configs: Sequence[tuple[str, Any]], others: Sequence[tuple[str, Any]]) -> bool:
    return len(configs) == len(others) and all(
        name == other and config is another for (name, config), (other, another) in zip(configs, others, strict=True)
    )
