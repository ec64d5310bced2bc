"""What holds a mix against a live model, and the only thing that moves its adapters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .knob import Knob, turn, turn_rows
from .mix import Faders, Mix
from .playing import Playing
from .rows import RowProbe
from .survey import survey
from .target import Adapter, Target

if TYPE_CHECKING:
    from torch import nn

#: Where a model keeps its desk: a second desk on the same model must find what was loaded, not what was moved.
_HERE = "_lora_mixer_desk"


class Cancelled(Exception):
    """The wait for the model's lock was called off."""


class Desk:
    """A mixing desk for the adapters of one model.

    Finding the adapters changes nothing; `apply` writes `layer.scaling` in place, so the next forward pass obeys, in
    the middle of a generation too. At rest the desk costs nothing: no hooks, no wrapped modules, no copied weights.

    >>> desk = Desk(model)
    >>> desk.apply(Mix({"pirate": Faders(master=0.5)}))    # half as loud, from the next token on
    >>> desk.reset()                                        # as loaded, bit for bit

    Args:
        model: a `PeftModel`, or a transformers model that adapters were injected into.
        lock: what whoever generates holds; `rows` takes it. Without one, nothing is locked.
    """

    def __init__(self, model: nn.Module, lock: threading.Lock | None = None) -> None:
        previous: Desk | None = model.__dict__.get(_HERE)
        if previous is not None:
            previous.reset()
        self.model = model
        self._lock: AbstractContextManager[Any] = lock or nullcontext()
        self._writing = threading.RLock()
        self._rows_in_use = False
        self._mix = Mix()
        self._known: dict[tuple[int, str], Knob] = {}
        self.playing = Playing(model)
        self.refresh()
        model.__dict__[_HERE] = self

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copy of a model comes without a desk."""

    def __reduce__(self) -> tuple[Any, ...]:
        """So does a model that is saved whole and loaded again."""
        return type(None), ()

    def refresh(self) -> None:
        """Looks again: adapters that were loaded since get their faders, those that are gone lose them.

        What was met before keeps the as-loaded scaling that was read then.
        """
        with self._writing:
            found = survey(self.model)
            fresh = [(target, self._remembered(target, knob)) for target, knob in found.knobs]
            self._known = {(id(knob.layer), knob.adapter): knob for _, knob in fresh}
            self._targets = [_as_loaded(target, knob) for target, knob in fresh]
            self._knobs = [knob for _, knob in fresh]
            self._index = {(target.adapter, target.name): at for at, target in enumerate(self._targets)}
            #: How many numbers the base model holds.
            self.parameters: int = found.parameters
            self.adapters: dict[str, Adapter] = _with_targets(found.adapters, self._targets)
            self.playing.notice()
            self._seen = self._fingerprint()
            self._probe = RowProbe(self.model)
            self._mix = Mix({name: faders for name, faders in self._mix.adapters.items() if self._fits(name, faders)})
            self._settle()

    def outdated(self) -> bool:
        """Whether adapters were loaded, removed, merged or switched since this desk last looked (`refresh` does)."""
        return self._fingerprint() != self._seen

    @property
    def mix(self) -> Mix:
        """Where the faders stand. While rows are in use the model plays something else; it comes back here."""
        return self._mix

    def apply(self, mix: Mix) -> None:
        """Puts the faders where `mix` says; the next forward pass obeys. While rows are in use it is done after them.

        Raises:
            ValueError: the mix names an adapter, kind, layer or target that is not there; nothing is moved then.
        """
        self.check(mix)
        with self._writing:
            self._mix = mix
            self._settle()

    def reset(self) -> None:
        """Everything as loaded, bit for bit, with the same adapters active."""
        with self._writing:
            self.playing.restore()
            self.apply(Mix())

    def base(self) -> Mix:
        """The mix in which every adapter is off: what the base model says."""
        return Mix({name: Faders(on=False) for name in self.adapters})

    def scaling(self, target: Target) -> Any:
        """What multiplies the adapter's output at `target` right now: a number, or one per row while rows are in use.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        at = self._index.get((target.adapter, target.name))
        if at is None:
            raise ValueError(f"{target.name} of {target.adapter!r} has no scaling here. {target.reason}".rstrip())
        return self._knobs[at].now()

    def check(self, mix: Mix) -> None:
        """Refuses a mix that names what is not there.

        Raises:
            ValueError: naming the first thing that this model does not have, and what it has instead.
        """
        for name, faders in mix.adapters.items():
            if name not in self.adapters:
                raise ValueError(_unknown("adapter", name, self.adapters, "this model"))
            adapter = self.adapters[name]
            for word, asked, there in (
                ("kind", faders.kinds, adapter.kinds),
                ("layer", faders.layers, adapter.layers),
                ("target", faders.modules, adapter.names),
            ):
                for one in asked:
                    if one not in there:
                        raise ValueError(_unknown(word, one, there, f"adapter {name!r}"))

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot run as rows of one batch, naming what is in the way; empty when they can."""
        gains = [self._gains(mix) for mix in mixes]
        differing = [at for at, row in enumerate(zip(*gains, strict=True)) if len(set(row)) > 1]
        return self._probe.why_not([(self._targets[at], self._knobs[at]) for at in differing])

    @contextmanager
    def rows(self, mixes: Sequence[Mix], cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Row i of every batch runs `mixes[i]`, until the block ends; one mix alone is for any batch.

        Holds the lock. Faders that are moved meanwhile are remembered; however the block ends, they are applied.

        Args:
            mixes: as many as the batch has rows.
            cancelled: asked while waiting for the lock; true calls the wait off.

        Raises:
            ValueError: a mix names what is not there, or they cannot run in rows (`why_not_rows` says why).
            Cancelled: the wait was called off.
        """
        if not mixes:
            raise ValueError("rows need at least one mix")
        for mix in mixes:
            self.check(mix)
        with self._held(cancelled):
            if why_not := self.why_not_rows(mixes):
                raise ValueError(f"these mixes cannot run in one batch: {why_not}")
            with self._writing:
                self._rows_in_use = True
            try:
                turn_rows(self._knobs, [self._gains(mix) for mix in mixes])
                yield
            finally:
                with self._writing:
                    self._rows_in_use = False
                    self._settle()

    @contextmanager
    def _held(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        lock = self._lock
        if cancelled is None or not hasattr(lock, "acquire"):
            with lock:
                yield
            return
        while not lock.acquire(timeout=0.1):
            if cancelled():
                raise Cancelled
        try:
            yield
        finally:
            lock.release()

    def _fingerprint(self) -> tuple[Any, ...]:
        configs = getattr(self.model, "peft_config", None) or {}
        merged = sum(len(knob.layer.merged_adapters) for knob in self._knobs)
        return tuple((name, id(config)) for name, config in configs.items()), self.playing.names(), merged

    def _settle(self) -> None:
        """Brings the model to where the faders stand; rows in use do that when they end."""
        if not self._rows_in_use:
            turn(self._knobs, self._gains(self._mix))

    def _gains(self, mix: Mix) -> list[float]:
        faders = {name: mix[name] for name in self.adapters}
        return [faders[target.adapter].gain(target) for target in self._targets]

    def _remembered(self, target: Target, knob: Knob) -> Knob:
        """The knob met earlier on the same weights; weights loaded anew under the same name are a new meeting."""
        known = self._known.get((id(knob.layer), target.adapter))
        if known is not None and (known.weight is knob.weight or known.now() is known.written):
            return known
        return knob

    def _fits(self, name: str, faders: Faders) -> bool:
        try:
            self.check(Mix({name: faders}))
        except ValueError:
            return False
        return True


def _as_loaded(target: Target, knob: Knob) -> Target:
    """The target with the scaling it was loaded with, whatever stands in the layer by now."""
    loaded = float(knob.loaded)
    return target if target.scaling == loaded else replace(target, scaling=loaded)


def _with_targets(adapters: dict[str, Adapter], targets: Sequence[Target]) -> dict[str, Adapter]:
    loaded = {(target.adapter, target.name): target for target in targets}
    return {
        name: replace(adapter, targets=tuple(loaded.get((name, t.name), t) for t in adapter.targets))
        for name, adapter in adapters.items()
    }


def _unknown(word: str, asked: Any, there: Any, owner: str) -> str:
    names = [str(name) for name in there]
    close = get_close_matches(str(asked), names, n=3) or names[:8]
    listed = ", ".join(close) + (" …" if len(names) > len(close) else "")
    return f"{owner} has no {word} {asked!r}; it has {listed}" if names else f"{owner} has no {word} {asked!r}"
