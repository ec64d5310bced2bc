"""What is in a PEFT model: its adapters as they were found when somebody last looked, and a knob for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..engine import Unsettled
from .knob import Knob, is_fresh, remember, remembered
from .settled import unsettled
from .survey import Survey, survey

if TYPE_CHECKING:
    from torch import nn

    from ...target import Adapter, Target

_Configs = list[tuple[str, Any]]


class Inventory:
    """The adapters of a model, and what moves them. Looking changes nothing.

    Args:
        model: a `PeftModel`, or a transformers model that adapters were injected into.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        #: By name; none before the first look.
        self.adapters: Mapping[str, Adapter] = {}
        #: How many numbers the base model holds.
        self.parameters = 0
        #: The targets that have a scaling, one adapter's after the other's, and the knob of each.
        self.targets: Sequence[Target] = ()
        self.knobs: Sequence[Knob] = ()
        self._index: dict[tuple[str, str], int] = {}
        self._met: list[Knob] = []
        self._configs: _Configs | None = None
        self._merged = 0

    def look(self) -> set[str]:
        """Looks again; what was met before keeps the as-loaded scaling that was read then.

        Returns:
            The adapters of which something is met for the first time.

        Raises:
            Unsettled: another thread is building adapters into the model, or taking some out.
        """
        found, self._configs = self._settled()
        met = [knob for _, knob in found.knobs]
        fresh = {knob.adapter for knob in met if is_fresh(knob)}
        remember(met, before=self._met)
        self._met, self._merged = met, _count_merged(met)
        knobs = {(target.adapter, target.name): knob for target, knob in found.knobs}
        self.targets = [target for adapter in found.adapters.values() for target in adapter.scalable]
        self.knobs = [knobs[target.adapter, target.name] for target in self.targets]
        self._index = {(target.adapter, target.name): at for at, target in enumerate(self.targets)}
        self.parameters, self.adapters = found.parameters, found.adapters
        return fresh

    def changed(self) -> bool:
        """Whether adapters were loaded, removed or merged since it last looked, or it never did."""
        if self._configs is None or not _same(self._configs, self._present_configs()):
            return True
        return _count_merged(self._met) != self._merged

    def unsettled(self) -> bool:
        """Whether another thread is building adapters into the model, or taking some out."""
        return unsettled(self._model)

    def knob(self, target: Target) -> Knob:
        """What moves `target`.

        Raises:
            ValueError: there is no such target, or it has no scaling.
        """
        at = self._index.get((target.adapter, target.name))
        if at is None:
            raise ValueError(f"{target.name} of {target.adapter!r} has no scaling here. {target.reason}".rstrip())
        return self.knobs[at]

    def knobs_of(self, adapter: str) -> list[Knob]:
        """What moves an adapter's targets, in their order."""
        return [self.knobs[self._index[adapter, target.name]] for target in self.adapters[adapter].scalable]

    def _settled(self) -> tuple[Survey, _Configs]:
        """What is in the model, and the configs of it, read at a time at which nobody changed it."""
        found, then = None, self._present_configs()
        while True:
            if self.unsettled():
                raise Unsettled("adapters are being loaded or unloaded in this very moment: look again after that")
            now = self._present_configs()
            if found is not None and _same(then, now):
                return found, now
            found, then = survey(self._model, remembered), now

    def _present_configs(self) -> _Configs:
        """The very objects, kept: the id of one that is gone may be given to one that is loaded later."""
        return list((getattr(self._model, "peft_config", None) or {}).items())


def _count_merged(knobs: Sequence[Knob]) -> int:
    return sum(len(knob.layer.merged_adapters) for knob in knobs)


def _same(configs: _Configs, others: _Configs) -> bool:
    return len(configs) == len(others) and all(
        name == other and config is another for (name, config), (other, another) in zip(configs, others, strict=True)
    )
