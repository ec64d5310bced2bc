"""Keeps the desk of whatever model the host has at the moment, and the panel that stands on it.

One console serves all pages that are open: there is one model, so there is one set of faders.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from ...hosts.protocol import Trouble
from ...lora_ops.engines.calls import ServerError
from ...lora_ops.engines.engine import Sends, Unsettled
from ...lora_ops.fade import Fade
from ...lora_ops.mix import Faders, Mix
from .crossfader import Crossfader
from .experiments import Experiments
from .panel import Panel
from .trouble import told

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Desk
    from ...lora_ops.engines.engine import Engine
    from ...lora_ops.engines.standing import Standing

DEFAULT_RANGE = (0.0, 2.0)
_OFF = Faders(on=False)
_UNSETTLED = Trouble("Adapters are being loaded", "Their faders are here as soon as they are in the model.")
_LOG = logging.getLogger(__name__)


class Stoppable(Protocol):
    """Something that runs, and can be asked to end."""

    def stop(self) -> None: ...


class Console:
    """The model's side of the page: the desk, and where its controls stand. `Studio` has the page's parts besides.

    Args:
        host: where the model comes from.
        fader_range: how far the drawn faders go; typed numbers may be any.
    """

    def __init__(self, host: Host, fader_range: tuple[float, float] = DEFAULT_RANGE) -> None:
        self.host = host
        self.panel = Panel()
        #: What the one fader between two mixes is between, once somebody has chosen that.
        self.crossfader: Crossfader | None = None
        self.fader_range = checked_range(*fader_range)
        #: Grows whenever something that a page shows has changed.
        self.revision = 0
        #: Grows whenever other adapters are loaded, or others of them play.
        self.loaded = 0
        self._lock = threading.RLock()
        # Weak: the engine keeps its desk, the model its engine, and all go together when the host unloads it.
        self._desk: weakref.ref[Desk] | None = None
        #: The base model that it was a desk of, adapters aside.
        self._base: weakref.ref[Any] | None = None
        self._model_name = ""
        self._trouble: Trouble | None = None
        self._running: list[Stoppable] = []
        self._started = False
        self.experiments = Experiments(host)
        #: Asked where the faders of adapters stand that have just been loaded; what it does not name is as loaded.
        self.on_adapters: Callable[[Desk, Sequence[str]], Mapping[str, Faders]] = lambda desk, names: {}
        #: The profile that was put on the desk last, and the one that was put back by itself.
        self.profile = self.restored = ""
        self._stood: Mix | None = None
        self._seen: set[str] = set()
        self._chosen: dict[str, Faders] = {}
        #: Adapters that are off because the host loaded them without having them play.
        self._not_chosen: set[str] = set()
        self._standing: Standing | None = None
        #: How many hands are on the model that are not ours: it is left alone then.
        self._hands = 0
        #: Whether somebody was changing the model when the desk was last asked for.
        self.unsettled = False

    def desk(self) -> Desk | None:
        """The desk of the host's present model, with the panel's faders applied; None when nothing can be mixed.

        While somebody builds adapters into that model nothing of it is looked at: a desk that is there stays as it is.
        """
        with self._lock:
            desk = self._desk() if self._desk else None
            model, engine = self.host.model, self.host.engine
            self.unsettled = model is not None and (self._hands > 0 or (engine is not None and engine.unsettled()))
            trouble = None if self.unsettled else self.host.trouble()
            if self.unsettled:
                desk, trouble = (desk, None) if desk and desk.engine is engine else (None, _UNSETTLED)
            elif trouble is not None:
                model = None
            elif engine is not None:
                desk, trouble = self._settled(desk, engine)
            if trouble != self._trouble:
                self._trouble = trouble
                self.revision += 1
            if model is None:
                self._desk = desk = None
                self._seen.clear()
            if self._standing is not (standing := self._stands(desk)):
                self._standing = standing
                self.revision += 1
            return desk

    def _stands(self, desk: Desk | None) -> Standing | None:
        """What became of the mix on the desk, where it is played elsewhere."""
        return desk.engine.standing if desk is not None and isinstance(desk.engine, Sends) else None

    @property
    def standing(self) -> Standing | None:
        """The same, as of when the desk was last asked for."""
        return self._standing

    def serve_strongest(self) -> None:
        """Has a mix whose rank the server does not take played with its strongest components.

        Raises:
            ValueError: nothing of the kind is in the way.
        """
        desk, standing = self.desk(), self._standing
        if desk is None or standing is None or standing.most_rank is None or not isinstance(desk.engine, Sends):
            raise ValueError("no rank is in the way any more")
        desk.engine.serve_at_most(standing.most_rank)

    @property
    def trouble(self) -> Trouble | None:
        """Why there is no desk, as of when it was last asked for."""
        return self._trouble

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """While the host changes adapters by its own ways all is as loaded; moves are remembered, and applied after.

        What it makes of what it finds, a blend for instance, is then of what was loaded, and not of where faders stand.
        """
        with self._lock:
            desk = self.desk()
            self._hands += 1
            if desk is not None:
                desk.reset()
        try:
            yield
        finally:
            with self._lock:
                self._hands -= 1
                if not self._hands and (desk := self.desk()) is not None:
                    self._put_back(desk)

    def _settled(self, desk: Desk | None, engine: Engine) -> tuple[Desk | None, Trouble | None]:
        """The desk of an engine, made or brought up to date; or what it was, and why it is none of this engine."""
        here = desk if desk is not None and desk.engine is engine else None
        try:
            if here is None:
                return self._meet(engine), None
            if here.outdated():
                here.refresh()
                self._put_back(here)
        except Unsettled:
            self.unsettled = True
            return here, None if here is not None else _UNSETTLED
        except ServerError as error:
            return here, Trouble("What plays the model does not answer", told(error))
        return here, None

    def move(self, panel: Panel) -> None:
        """Puts every control where `panel` says; the next token obeys.

        Raises:
            ValueError: there is nothing to mix, or the panel names what is not there; nothing is moved then.
        """
        with self._lock:
            desk = self.desk()
            if desk is None:
                raise ValueError("there is no adapter to mix any more")
            desk.check(panel.mix)
            panel = replace(panel, mix=self._in_so_many_words(desk, panel.mix.adapters))
            if not self._hands:
                desk.apply(panel.effective(desk.adapters.values()))
            self.panel = panel
            # Last: a page that asks in this moment must not take the old panel for the new revision.
            self.revision += 1

    def fade_between(self, crossfader: Crossfader) -> None:
        """Has the one fader between two mixes be between these; it moves nothing yet."""
        with self._lock:
            self.crossfader = crossfader
            self.revision += 1

    def crossfade(self, panel: Panel, t: float | Fade) -> None:
        """Puts the faders between the crossfader's two mixes, and all other controls where `panel` says.

        With a fade for t they go from the one to the other while a reply is written.

        Raises:
            ValueError: nobody has chosen two mixes, or one of them fits no more; nothing is moved then.
        """
        with self._lock:
            desk, fader = self.desk(), self.crossfader
            if desk is None or fader is None:
                raise ValueError("there are no two mixes to fade between: choose them first")
            self.move(replace(panel, mix=desk.between(fader.a.mix, fader.b.mix, t)))
            over, t = (str(t), t.gain(0)) if isinstance(t, Fade) else ("", t)
            self.crossfader = replace(fader, t=t, stood=self.panel.mix, over=over)
            self.revision += 1

    def seat(self, gains: Mapping[str, float]) -> None:
        """Where the masters of adapters stand that have just been loaded, before anything is generated with them.

        A gain of 1 is no choice: then it is what `on_adapters` says, or as loaded; or where they stood, if they went
        with a model that was unloaded whole, by an idle timer perhaps, and has been loaded again.
        """
        with self._lock:
            self._seen.difference_update(gains)
            engine = self.host.engine
            anew = self._base is not None and (engine is None or self._base() is not engine.base)
            self._chosen = {name: Faders(master=gain) for name, gain in gains.items() if gain != 1 or not anew}
            try:
                desk = self.desk()
                if desk is not None and not self._seen.issuperset(gains):
                    self._put_back(desk)
            finally:
                self._chosen = {}

    def stands_at(self, profile: str) -> None:
        """Remembers that the faders stand where this profile has them."""
        self.profile, self._stood, self.restored = profile, self.panel.mix, ""
        self.revision += 1

    @property
    def moved_since(self) -> bool:
        """Whether a fader was moved since a profile was put on the desk."""
        return self.panel.mix != self._stood

    def set_range(self, least: float, most: float) -> None:
        """How far the drawn faders go.

        Raises:
            ValueError: the two are no range that holds 0 and 1.
        """
        self.fader_range = checked_range(least, most)
        self.revision += 1

    def play_sources(self) -> None:
        """Plays the adapters that the host blended into one as adapters of their own, each with its faders.

        Raises:
            ValueError: there is no blend.
        """
        desk, sources = self.desk(), self.host.merged_sources()
        if desk is None or not sources:
            raise ValueError("the host has not blended any adapters")
        self._switch(desk, set(sources))

    def play_blend(self) -> None:
        """Plays what the host had chosen to play."""
        if (desk := self.desk()) is not None:
            self._switch(desk, set(desk.chosen))

    def plays_apart(self, desk: Desk, sources: Collection[str]) -> bool:
        """Whether somebody has those of these adapters play that the host does not."""
        return any(self.panel.mix[name].on for name in sources if name not in desk.chosen)

    def _switch(self, desk: Desk, on: set[str]) -> None:
        """Has these adapters play and no others; their faders stay where they are."""
        mix = self.panel.mix
        adapters = {name: replace(mix[name], on=name in on) for name in desk.adapters}
        self.move(replace(self.panel, mix=Mix({**mix.adapters, **adapters})))

    def refresh(self) -> None:
        """Looks at the model again, and has every page do so."""
        with self._lock:
            if (desk := self.desk()) is not None:
                desk.refresh()
                self._put_back(desk)
            self.revision += 1

    @property
    def comparing(self) -> bool:
        """Whether a comparison holds the model, so that moves wait."""
        return bool(self._running)

    @contextmanager
    def comparison(self, run: Stoppable) -> Iterator[None]:
        """Around a comparison: pages are told that moves wait until it ends."""
        with self._lock:
            self._running.append(run)
            self.revision += 1
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(run)
                self.revision += 1

    def stop_comparing(self) -> None:
        """Stops the comparison that is running; what it said stays."""
        for run in self._running:
            run.stop()
        if self._running:
            self.host.stop()

    def _meet(self, engine: Engine) -> Desk:
        from ...lora_ops import Desk

        desk = Desk(engine, self.host.lock)
        self._desk = weakref.ref(desk)
        self._base = weakref.ref(engine.base)
        same_model = self.host.model_name == self._model_name
        self._model_name = self.host.model_name
        if not self._started:
            self._started = True
            self.panel = Panel(Mix({name: Faders(on=False) for name in self.host.initial_off}))
        elif not same_model:
            self.panel = Panel()
        self._put_back(desk)
        return desk

    def _put_back(self, desk: Desk) -> None:
        """Applies the panel to a model that has changed, as far as it still fits; what does not is as loaded."""
        untouched = {name for name in self._not_chosen if self.panel.mix[name] == _OFF}
        stood = {name: faders for name, faders in self.panel.mix.adapters.items() if name not in untouched}
        stand = {**stood, **self._newly(desk)}
        tried = {name: _as_far_as_it_fits(desk, name, faders) for name, faders in stand.items()}
        fitting = {name: faders for name, faders in tried.items() if faders is not None}
        mix = self._in_so_many_words(desk, fitting)
        self.panel = Panel(mix, self.panel.muted, self.panel.soloed, self.panel.bypass)
        if self.restored:
            self.stands_at(self.restored)
        desk.apply(self.panel.effective(desk.adapters.values()))
        self.loaded += 1
        self.revision += 1

    def _in_so_many_words(self, desk: Desk, stand: Mapping[str, Faders]) -> Mix:
        """These faders, with those adapters off that they do not speak of and the host has not play: so a page shows
        them, and whoever switches one on has it play."""
        mix = Mix({**desk.as_loaded().adapters, **stand})
        self._not_chosen = {name for name in desk.as_loaded().adapters if mix[name] == _OFF}
        return mix

    def _newly(self, desk: Desk) -> dict[str, Faders]:
        """Where the adapters stand that were not there before: the gain that was chosen, or else as they are kept."""
        fresh = [name for name in desk.adapters if name not in self._seen]
        self._seen = set(desk.adapters)
        if not fresh:
            return {}
        louder = {name: faders for name, faders in self._chosen.items() if faders.master != 1}
        try:
            kept = dict(self.on_adapters(desk, [name for name in fresh if name not in louder]))
        except (OSError, ValueError, RuntimeError) as error:
            # A profile that cannot be read must not keep an adapter from playing.
            _LOG.warning("no profile was put back: %s", error)
            kept = {}
        return {**self._chosen, **kept, **louder}


def checked_range(least: float, most: float) -> tuple[float, float]:
    """The range of drawn faders.

    Raises:
        ValueError: not two finite numbers with 0 and 1 between them.
    """
    if not (isfinite(least) and isfinite(most) and least <= 0 and most >= 1):
        raise ValueError(f"faders must go from 0 or less to 1 or more, not from {least} to {most}")
    return float(least), float(most)


def range_from(settings: Mapping[str, Any]) -> tuple[float, float]:
    """The range that the host's settings ask for; the usual one if what they say is no range."""
    try:
        return checked_range(float(settings["fader_min"]), float(settings["fader_max"]))
    except (KeyError, TypeError, ValueError):
        return DEFAULT_RANGE


def _as_far_as_it_fits(desk: Desk, name: str, faders: Faders) -> Faders | None:
    """Where the faders of an adapter can stand on this desk: an engine may lack ranks or fades, and play all else."""
    whole = replace(faders, rank=None, energy=None)
    tries = (faders, whole, replace(faders, fades={}), replace(whole, fades={}), whole.at(0))
    return next((one for one in tries if _fits(desk, name, one)), None)


def _fits(desk: Desk, name: str, faders: Faders) -> bool:
    try:
        desk.check(Mix({name: faders}))
    except ValueError:
        return False
    return True
