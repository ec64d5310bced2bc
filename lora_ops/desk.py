"""What holds a mix against an engine that plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from .engines.engine import Cancelled
from .mix import Faders, Mix
from .mix_check import check_mix, check_names

if TYPE_CHECKING:
    from .engines.engine import Cancel, Engine, Reader, Turn
    from .fade import Fade
    from .target import Adapter, Target

_SILENT = Faders(on=False)


class Lock(Protocol):
    """A `threading.Lock`, or what behaves like one."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...

    def release(self) -> None: ...


class Desk:
    """A mixing desk for the adapters of one model.

    Finding the adapters changes nothing; `apply` has the engine play a mix. On a PEFT model the next forward pass
    obeys, in the middle of a generation too, and at rest it costs nothing: no hooks, no wrapped modules, no copied
    weights. A new desk on the same model takes over from the one before, which is not to be used any more.

    >>> desk = Desk(model)
    >>> desk.apply(Mix({"pirate": Faders(master=0.5)}))    # half as loud, from the next token on
    >>> desk.reset()                                        # as loaded, bit for bit

    Args:
        model: an engine; or a `PeftModel`, or a transformers model that adapters were injected into, which stands for
            the PEFT engine of it.
        lock: what whoever generates holds; `rows` takes it. Without one, nothing is locked.
    """

    def __init__(self, model: Any, lock: Lock | None = None) -> None:
        self.engine: Engine = model if hasattr(type(model), "why_not_rows") else _peft(model)
        self._lock = lock
        self._mix = Mix()
        with self.engine.changing():
            self.engine.refresh()
            self.engine.desk = self
            self.engine.play(self._mix)

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """What the engine holds, by name."""
        return self.engine.adapters

    @property
    def parameters(self) -> int:
        """How many numbers the base model holds; 0 where nobody knows."""
        return self.engine.parameters

    @property
    def mix(self) -> Mix:
        """Where the faders stand. While rows are in use the model plays something else; it comes back here."""
        return self._mix

    def refresh(self) -> None:
        """Looks again: adapters that were loaded since get their faders, those that are gone lose them.

        What was met before keeps the as-loaded scaling that was read then.

        Raises:
            Unsettled: somebody is changing the engine's adapters in this moment; everything is as it was.
        """
        with self.engine.changing():
            self.engine.refresh()
            self._mix = Mix({name: faders for name, faders in self._mix.adapters.items() if self._fits(name, faders)})
            self.engine.play(self._mix)

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since this desk last looked (`refresh` does)."""
        return self.engine.outdated()

    def apply(self, mix: Mix) -> None:
        """Puts the faders where `mix` says; whoever generates next hears it. While rows are in use: after them.

        Faders that fade follow every reply that is generated from then on, by whomever, and one that is under way.

        Raises:
            ValueError: the mix names an adapter, kind, layer or target that is not there, or its gains multiply to
                more than a number can hold; nothing is moved then.
        """
        self.check(mix)
        with self.engine.changing():
            self.engine.play(mix)
            self._mix = mix

    def reset(self) -> None:
        """Everything as loaded, bit for bit, with the same adapters active. While rows are in use: after them."""
        self.apply(Mix())

    def base(self) -> Mix:
        """The mix in which every adapter is off: what the base model says, but for targets that cannot be scaled."""
        return Mix({name: Faders(on=False) for name in self.adapters})

    def as_loaded(self) -> Mix:
        """What is heard as loaded, in so many words: adapters that do not play then are off in it."""
        return Mix({name: _SILENT for name in self.adapters if name not in self.chosen})

    def between(self, a: Mix, b: Mix, t: float | Fade) -> Mix:
        """As `Mix.between`, where an adapter that a mix does not name, and that does not play as loaded, is off in it.

        Raises:
            ValueError: t is not from 0 to 1, or not the same components of an adapter are heard under both.
        """
        silent = self.as_loaded().adapters
        one, other = (Mix({**silent, **mix.adapters}) for mix in (a, b))
        return Mix.between(one, other, t)

    @property
    def chosen(self) -> Sequence[str]:
        """The adapters that whoever loaded them has play."""
        return self.engine.as_loaded

    def heard(self, mix: Mix | None = None) -> list[str]:
        """The adapters that are heard under this mix (without one: now), however loud.

        Those are the ones that whoever loaded them has play, and the ones that the mix names, unless it has them off.
        """
        mix = self._mix if mix is None else mix
        names = {*self.chosen, *mix.adapters}
        return [name for name in self.adapters if name in names and mix[name].on]

    def scaling(self, target: Target) -> Any:
        """What multiplies the adapter's output at `target` right now: a number, or one per row while rows are in use.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        return self.engine.scaling(target)

    def check(self, mix: Mix) -> None:
        """Refuses a mix that names what is not there, or whose gains multiply to more than a number can hold.

        Raises:
            ValueError: naming the first thing that this model does not have, and what it has instead; or the target.
        """
        check_mix(mix, self.adapters)
        if any(not faders.whole for faders in mix.adapters.values()) and (reason := self.engine.why_not("rank")):
            raise ValueError(reason)
        if mix.faded and (reason := self.engine.why_not("fades")):
            raise ValueError(reason)

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
        self.engine.check_free()
        with self._held(cancelled), self.engine.alone():
            yield

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot run as rows of one batch, naming what is in the way; empty when they can.

        The first time it may run the model on a few tokens: hold the lock, or use `rows`, which says the same.

        Raises:
            RuntimeError: rows are in use.
        """
        return self.engine.why_not_rows(mixes)

    @contextmanager
    def rows(
        self, mixes: Sequence[Mix], cancelled: Callable[[], bool] | None = None, locked: bool = False
    ) -> Iterator[Turn]:
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
        self.engine.check_free()
        with nullcontext() if locked else self._held(cancelled), self.engine.rows(mixes) as turn:
            yield turn

    def reader(
        self, prompt: Sequence[int], cancelled: Cancel | None = None, locked: bool = False, keep: bool = False
    ) -> Reader:
        """Judges texts after a prompt; the lock is held whenever the engine reads. Args as those of `Engine.reader`."""
        held = partial(self.rows, cancelled=cancelled, locked=locked)
        return self.engine.reader(prompt, cancelled or _never, held, keep)

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

    def _fits(self, name: str, faders: Faders) -> bool:
        try:
            self.check(Mix({name: faders}))
        except ValueError:
            return False
        return True


def _peft(model: Any) -> Engine:
    from .engines.peft.engine import PeftEngine

    return PeftEngine.of(model)


def _never() -> bool:
    return False
