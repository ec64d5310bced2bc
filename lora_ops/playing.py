"""Which of the loaded adapters PEFT lets take part at all: its set of active adapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from peft import PeftModel
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer

if TYPE_CHECKING:
    from torch import nn


class Playing:
    """The set of active adapters of one model, and the way back to the one it was loaded with.

    An adapter that is loaded but not active adds nothing, wherever its faders stand.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._as_loaded = self._expected = self.names()

    def names(self) -> tuple[str, ...]:
        """The adapters that take part right now, in the order in which PEFT adds them."""
        holder = self._tuner or (self._model if isinstance(self._model, PeftModel) else self._layer())
        return tuple(getattr(holder, "active_adapters", ()))

    def only(self, names: Iterable[str]) -> None:
        """Lets these adapters take part and no others; unlike PEFT's `set_adapter`, nothing becomes trainable.

        Raises:
            ValueError: no names, or a name that is not loaded.
        """
        names = list(dict.fromkeys(names))
        loaded = self._loaded()
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
        self._expected = self.names()

    def notice(self) -> None:
        """A set that somebody else chose since is the one to come back to."""
        if (names := self.names()) != self._expected:
            self._as_loaded = self._expected = names

    def restore(self) -> None:
        """Back to the adapters that were active as loaded, but for those that are gone."""
        there = [name for name in self._as_loaded if name in self._loaded()]
        if there and self.names() != tuple(there):
            self.only(there)

    def _loaded(self) -> Iterable[str]:
        return getattr(self._model, "peft_config", {})

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
