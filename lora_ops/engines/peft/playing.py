"""Which of the loaded adapters PEFT lets take part at all: its set of active adapters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peft import PeftModel
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper

if TYPE_CHECKING:
    from torch import nn


def adapters_in(model: nn.Module) -> list[str]:
    """The adapters that are in `model`, in the order of loading; names that stand in `peft_config` alone are none.

    Whoever unloads adapters may leave their names behind. What acts on the prompt sits in no layer. It can be asked
    while another thread builds adapters in: then it names those that are there so far.
    """
    there: dict[str, None] = dict.fromkeys(getattr(model, "prompt_encoder", ()))
    for module in _modules(model):
        if isinstance(module, BaseTunerLayer):
            there.update(dict.fromkeys(module._get_available_adapters()))
        elif isinstance(module, AuxiliaryTrainingWrapper):
            there.update(dict.fromkeys(getattr(module, "modules_to_save", ())))
    known = getattr(model, "peft_config", None) or {}
    return [*(name for name in known if name in there), *sorted(name for name in there if name not in known)]


def _modules(model: nn.Module) -> Iterator[nn.Module]:
    """As `model.modules()`, which fails when a module comes or goes meanwhile."""
    seen: set[int] = set()
    stack = [model]
    while stack:
        module = stack.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            stack += [child for child in list(module._modules.values())[::-1] if child is not None]


@dataclass
class Chosen:
    """Who takes part, as far as is remembered of a model, whichever object around it is asked.

    Attributes:
        as_loaded: whom whoever loaded the adapters chose.
        expected: whom the desk chose last: another set was chosen by somebody else.
    """

    as_loaded: tuple[str, ...]
    expected: tuple[str, ...]


class Playing:
    """The set of active adapters of one model, and the way back to the one it was loaded with.

    An adapter that is loaded but not active adds nothing, wherever its faders stand.
    """

    def __init__(self, model: nn.Module, chosen: Chosen | None = None) -> None:
        self._model = model
        self.chosen = chosen or Chosen(self.names(), self.names())

    def begin(self) -> None:
        """Who takes part at this moment is who was loaded to take part."""
        self.chosen.as_loaded = self.chosen.expected = self.names()

    @property
    def as_loaded(self) -> tuple[str, ...]:
        """The adapters that whoever loaded them has take part."""
        return self.chosen.as_loaded

    def names(self) -> tuple[str, ...]:
        """The adapters that take part right now, in the order in which PEFT adds them."""
        holder = self._tuner or (self._model if isinstance(self._model, PeftModel) else self._layer())
        return tuple(getattr(holder, "active_adapters", ()))

    def changed(self) -> bool:
        """Whether somebody else chose who takes part."""
        return self.names() != self.chosen.expected

    def only(self, names: Iterable[str]) -> None:
        """Lets these adapters take part and no others; unlike PEFT's `set_adapter`, nothing becomes trainable.

        Raises:
            ValueError: no names, or a name that is not loaded.
        """
        names = list(dict.fromkeys(names))
        loaded = adapters_in(self._model)
        if not names:
            raise ValueError("name at least one adapter to play")
        if missing := [name for name in names if name not in loaded]:
            raise ValueError(f"not loaded: {', '.join(missing)}; loaded are {', '.join(loaded)}")
        trainable = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        if self._tuner is not None:
            self._tuner.set_adapter(names)
            if isinstance(self._model, PeftModel):
                self._model.active_adapter = names[0]  # PEFT looks its config up at each forward pass
        else:
            for module in self._model.modules():
                if isinstance(module, BaseTunerLayer):
                    module.set_adapter(names)
        for parameter in self._model.parameters():
            parameter.requires_grad_(False)
        for parameter in trainable:
            parameter.requires_grad_(True)
        self.chosen.expected = self.names()

    def notice(self, fresh: Collection[str] = ()) -> None:
        """A set that somebody else chose since is the one to come back to.

        Args:
            fresh: adapters that were loaded since: that one of them takes part was nobody's choice here, even where an
                adapter of that name took part before.
        """
        if self.changed() or not {*self.chosen.expected, *self.chosen.as_loaded}.isdisjoint(fresh):
            self.begin()

    def lacks(self, names: Collection[str]) -> bool:
        """Whether others take part than those that did as loaded, and these."""
        return set(self.names()) != {*self.as_loaded, *names}

    def let(self, names: Collection[str]) -> None:
        """Lets those take part that did as loaded, and these; adapters that are gone are not missed.

        Raises:
            ValueError: PEFT refuses to let them take part together; who does is as before.
        """
        there = adapters_in(self._model)
        wanted = [*(name for name in self.as_loaded if name in there)]
        wanted += [name for name in there if name in names and name not in wanted]
        before = self.names()
        if not wanted or before == tuple(wanted):
            return
        try:
            self.only(wanted)
        except (ValueError, RuntimeError) as error:
            self.only([name for name in before if name in there])
            raise ValueError(f"PEFT does not play {' and '.join(wanted)} together: {error}") from error

    def restore(self) -> None:
        """Back to the adapters that were active as loaded, but for those that are gone."""
        self.let(())

    @property
    def _tuner(self) -> Any | None:
        """What PEFT keeps the set in: `PeftModel.set_adapter` takes one name only, the tuner inside it several.

        None where adapters were injected without one: then the layers alone know.
        """
        tuner = getattr(self._model, "base_model", None)
        return tuner if isinstance(tuner, BaseTuner) else None

    def _layer(self) -> BaseTunerLayer | None:
        return next((module for module in self._model.modules() if isinstance(module, BaseTunerLayer)), None)


@contextmanager
def only(playing: Playing, names: Iterable[str]) -> Iterator[None]:
    """Inside the block only these adapters take part; afterwards those that did before."""
    before = playing.names()
    playing.only(names)
    try:
        yield
    finally:
        if before:
            playing.only(before)
