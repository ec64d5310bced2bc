"""What holds a mix against a live model, and the only thing that moves its adapters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .following import Following
from .knob import Knob, is_fresh, remember, remembered, turn, turn_rows
from .mix import Faders, Mix
from .mix_check import check_mix, check_names
from .playing import Chosen, Playing
from .rows import NotInRows, RowProbe
from .settled import Unsettled, unsettled
from .survey import Survey, root, survey
from .target import Adapter, Target

if TYPE_CHECKING:
    from torch import nn

#: Where a model keeps its desk: a second desk on the same model must find what was loaded, not what was moved.
_HERE = "_lora_mixer_desk"
#: Where a base model keeps what all desks on it share.
_SHARED = "_lora_mixer_shared"
_SILENT = Faders(on=False)

_IN_USE = "rows of this model are in use: wait until they end"


class Lock(Protocol):
    """A `threading.Lock`, or what behaves like one."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...

    def release(self) -> None: ...


class Cancelled(Exception):
    """The wait for the model's lock was called off."""


@dataclass
class _Shared:
    """What all desks of a model share, whichever object around it they were made for; the base model keeps it."""

    chosen: Chosen
    following: Following
    writing: threading.RLock = field(default_factory=threading.RLock)
    #: The thread that has rows in use.
    rows_of: int | None = None
    #: The desk that took over last. Weak: it belongs to its model object, which the base model outlives.
    desk: weakref.ref[Desk] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of a model, or one that is saved whole and loaded again, comes without a desk."""
        return type(None), ()


class Desk:
    """A mixing desk for the adapters of one model.

    Finding the adapters changes nothing; `apply` writes `layer.scaling` in place, so the next forward pass obeys, in
    the middle of a generation too. At rest the desk costs nothing: no hooks, no wrapped modules, no copied weights.
    A mix with fades is the exception: as long as it is on the desk, one hook on the model notices how far a reply is.
    A new desk on the same model takes over from the one before, which is not to be used any more.

    >>> desk = Desk(model)
    >>> desk.apply(Mix({"pirate": Faders(master=0.5)}))    # half as loud, from the next token on
    >>> desk.reset()                                        # as loaded, bit for bit

    Args:
        model: a `PeftModel`, or a transformers model that adapters were injected into.
        lock: what whoever generates holds; `rows` takes it. Without one, nothing is locked.
    """

    def __init__(self, model: nn.Module, lock: Lock | None = None) -> None:
        base = root(model)
        shared: _Shared | None = vars(base).get(_SHARED)
        self.model = model
        self._lock = lock
        self._shared = shared or _Shared(Playing(model).chosen, Following(base))
        self.playing: Playing = Playing(model, self._shared.chosen)
        self._mix = Mix()
        self._knobs: list[Knob] = []
        self._met: list[Knob] = []
        #: Whether adapters are to play that could not be let in yet.
        self._late = False
        #: What the model plays, one mix for all rows or one for each, and where those stand right now.
        self._plays: tuple[Mix, ...] = ()
        self._stands: tuple[Mix, ...] = ()
        with self._shared.writing:
            self._look()
            vars(base)[_SHARED] = self._shared
            vars(model)[_HERE] = self
            self._shared.desk = weakref.ref(self)
            self.reset()

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copy of a model comes without a desk."""

    def __reduce__(self) -> tuple[Any, ...]:
        """So does a model that is saved whole and loaded again."""
        return type(None), ()

    def refresh(self) -> None:
        """Looks again: adapters that were loaded since get their faders, those that are gone lose them.

        What was met before keeps the as-loaded scaling that was read then.

        Raises:
            Unsettled: another thread is building adapters into the model; everything is as it was.
        """
        with self._shared.writing:
            self._look()
            self._mix = Mix({name: faders for name, faders in self._mix.adapters.items() if self._fits(name, faders)})
            self._settle()

    def _look(self) -> None:
        found, self._configs = self._found()
        met = [knob for _, knob in found.knobs]
        fresh = {knob.adapter for knob in met if is_fresh(knob)}
        remember(met, before=self._met)
        self._met = met
        self._merged = self._count_merged()
        #: One adapter's targets after the other's, each with its knob.
        self._targets = [target for adapter in found.adapters.values() for target in adapter.scalable]
        knobs = {(target.adapter, target.name): knob for target, knob in found.knobs}
        self._knobs = [knobs[target.adapter, target.name] for target in self._targets]
        self._index = {(target.adapter, target.name): at for at, target in enumerate(self._targets)}
        #: How many numbers the base model holds.
        self.parameters: int = found.parameters
        self.adapters: dict[str, Adapter] = found.adapters
        self.playing.notice(fresh)
        self._late = False
        self._probe = RowProbe(self.model)

    def _found(self) -> tuple[Survey, list[tuple[str, Any]]]:
        """What is in the model, and the configs of it, read at a time at which nobody changed it."""
        found, then = None, self._present_configs()
        while True:
            if unsettled(self.model):
                raise Unsettled("adapters are being loaded or unloaded in this very moment: look again after that")
            now = self._present_configs()
            if found is not None and _same(then, now):
                return found, now
            found, then = survey(self.model, remembered), now

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since this desk last looked (`refresh` does)."""
        changed = self._late or self.playing.changed() or not _same(self._configs, self._present_configs())
        return changed or self._count_merged() != self._merged

    @property
    def mix(self) -> Mix:
        """Where the faders stand. While rows are in use the model plays something else; it comes back here."""
        return self._mix

    def apply(self, mix: Mix) -> None:
        """Puts the faders where `mix` says; the next forward pass obeys. While rows are in use it is done after them.

        Faders that fade follow every reply that is generated from then on, by whomever, and one that is under way.

        Raises:
            ValueError: the mix names an adapter, kind, layer or target that is not there, or its gains multiply to
                more than a number can hold; nothing is moved then.
        """
        self.check(mix)
        with self._shared.writing:
            before, self._mix = self._mix, mix
            try:
                self._settle()
            except BaseException:
                self._mix = before
                self._settle()
                raise

    def reset(self) -> None:
        """Everything as loaded, bit for bit, with the same adapters active. While rows are in use: after them."""
        with self._shared.writing:
            self._mix = Mix()
            self._settle()

    def base(self) -> Mix:
        """The mix in which every adapter is off: what the base model says, but for targets that cannot be scaled."""
        return Mix({name: Faders(on=False) for name in self.adapters})

    def as_loaded(self) -> Mix:
        """What is heard as loaded, in so many words: adapters that do not play then are off in it."""
        return Mix({name: _SILENT for name in self.adapters if name not in self.playing.as_loaded})

    def heard(self, mix: Mix | None = None) -> list[str]:
        """The adapters that are heard under this mix (without one: now), however loud.

        Those are the ones that whoever loaded them has play, and the ones that the mix names, unless it has them off.
        """
        mix = self._mix if mix is None else mix
        names = {*self.playing.as_loaded, *mix.adapters}
        return [name for name in self.adapters if name in names and mix[name].on]

    def scaling(self, target: Target) -> Any:
        """What multiplies the adapter's output at `target` right now: a number, or one per row while rows are in use.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        knob = self.knob(target)
        if self._mix.faded:
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

    def check(self, mix: Mix) -> None:
        """Refuses a mix that names what is not there, or whose gains multiply to more than a number can hold.

        Raises:
            ValueError: naming the first thing that this model does not have, and what it has instead; or the target.
        """
        check_mix(mix, self.adapters)

    def check_adapters(self, names: Iterable[str]) -> None:
        """Refuses names of adapters that are not there.

        Raises:
            ValueError: naming the first, and what there is instead.
        """
        check_names(names, self.adapters)

    @contextmanager
    def alone(self, cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Holds the lock, and lets nobody else look for adapters or move a fader until the block ends.

        For what loads an adapter for a moment, or reads all of the model at one mix.

        Raises:
            RuntimeError: rows are in use already, and no lock to wait for, or by this very thread.
            Cancelled: the wait was called off.
        """
        if self._shared.rows_of == threading.get_ident():
            raise RuntimeError(_IN_USE)  # waiting for the lock would never end
        with self._held(cancelled), self._shared.writing:
            if self._shared.rows_of is not None:
                raise RuntimeError(_IN_USE)
            yield

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot run as rows of one batch, naming what is in the way; empty when they can.

        The first time it runs the model on a few tokens: hold the lock, or use `rows`, which says the same.

        Raises:
            RuntimeError: rows are in use.
        """
        if self._shared.rows_of is not None:
            raise RuntimeError(_IN_USE)
        courses = [self._courses(mix, mixes) for mix in mixes]
        differing = [at for at, row in enumerate(zip(*courses, strict=True)) if len(set(row)) > 1]
        playing = {*self.playing.as_loaded, *_named(mixes)}
        heard = [at for at in differing if self._targets[at].adapter in playing]
        return self._probe.why_not([(self._targets[at], self._knobs[at]) for at in heard])

    @contextmanager
    def rows(
        self, mixes: Sequence[Mix], cancelled: Callable[[], bool] | None = None, locked: bool = False
    ) -> Iterator[Callable[[int], None]]:
        """Row i of every batch runs `mixes[i]`, until the block ends; one mix alone is for any batch.

        Holds the lock. Faders that are moved meanwhile are remembered; however the block ends, they are applied.
        Each row follows the fades of its own mix. What the block is given is for a loop that knows the generated token
        that the next forward pass works out (0 is the first): called with it, faders stand there, and the desk does
        not look for itself any more.

        Args:
            mixes: as many as the batch has rows.
            cancelled: asked while waiting for the lock; true calls the wait off.
            locked: whether the caller holds the lock already, so that it is not taken.

        Raises:
            ValueError: no mix, or a mix names what is not there.
            NotInRows: they cannot run in rows; the message says why.
            RuntimeError: rows are in use already, and no lock to wait for, or by this very thread.
            Cancelled: the wait was called off.
        """
        if not mixes:
            raise ValueError("rows need at least one mix")
        for mix in mixes:
            self.check(mix)
        shared = self._shared
        if shared.rows_of == threading.get_ident():
            raise RuntimeError(_IN_USE)  # waiting for the lock would never end
        with nullcontext() if locked else self._held(cancelled):
            if why_not := self.why_not_rows(mixes):
                raise NotInRows(why_not)
            try:
                with shared.writing:
                    shared.rows_of = threading.get_ident()
                    self._shared.following.stop()
                    self._play(mixes)
                yield self._shared.following.tell
            finally:
                with shared.writing:
                    shared.rows_of = None
                    self._shared.following.stop()
                    (shared.desk and shared.desk() or self)._settle()

    @contextmanager
    def _held(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        lock = self._lock
        if lock is None:
            yield
            return
        while not lock.acquire(timeout=0.1):
            if cancelled is not None and cancelled():
                raise Cancelled
        try:
            yield
        finally:
            lock.release()

    def _present_configs(self) -> list[tuple[str, Any]]:
        """The very objects, kept: the id of one that is gone may be given to one that is loaded later."""
        return list((getattr(self.model, "peft_config", None) or {}).items())

    def _count_merged(self) -> int:
        return sum(len(knob.layer.merged_adapters) for knob in self._met)

    def _settle(self) -> None:
        """Brings the model to where the faders stand; rows in use do that when they end."""
        if self._shared.rows_of is None:
            self._play([self._mix])

    def _play(self, mixes: Sequence[Mix]) -> None:
        """Has the model play this, and follow replies for as long as something in it fades."""
        named = _named(mixes)
        if self.playing.lacks(named):
            # Whoever builds adapters into the model says who plays, too: the faders follow when that is over.
            self._late = unsettled(self.model)
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
            gains = [self._gains(mix, stands) for mix in stands]
            if len(gains) == 1:
                turn(self._knobs, gains[0])
            else:
                turn_rows(self._knobs, gains)
            self._stands = stands

    def _gains(self, mix: Mix, mixes: Sequence[Mix]) -> list[float]:
        adapters = self.adapters.values()
        return [gain for one in adapters for gain in self._faders(one.name, mix, mixes).gains(one.scalable)]

    def _courses(self, mix: Mix, mixes: Sequence[Mix]) -> list[Any]:
        adapters = self.adapters.values()
        return [course for one in adapters for course in self._faders(one.name, mix, mixes).courses(one.scalable)]

    def _faders(self, adapter: str, mix: Mix, mixes: Sequence[Mix]) -> Faders:
        """Its faders in one of the mixes that play side by side.

        Who does not play as loaded is heard in those alone that name it.
        """
        silent = adapter not in mix.adapters and adapter not in self.playing.as_loaded and adapter in _named(mixes)
        return _SILENT if silent else mix[adapter]

    def _fits(self, name: str, faders: Faders) -> bool:
        try:
            self.check(Mix({name: faders}))
        except ValueError:
            return False
        return True


def _named(mixes: Iterable[Mix]) -> dict[str, None]:
    """The adapters that one of these mixes names and has on: those are to be heard."""
    return {name: None for mix in mixes for name, faders in mix.adapters.items() if faders.on}


def _same(configs: Sequence[tuple[str, Any]], others: Sequence[tuple[str, Any]]) -> bool:
    return len(configs) == len(others) and all(
        name == other and config is another for (name, config), (other, another) in zip(configs, others, strict=True)
    )
