"""From one setting to another on 210 targets: the desk, and every other way that there is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from peft.tuners.lora import LoraLayer

from ..lora_ops import Faders, Mix, Target
from ..lora_ops.engines.peft.engine import PeftEngine
from ..ui.page.panel import Panel
from ..ui.page.studio import Studio
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, KINDS, RANK, Workshop

TITLE = "Another setting for 210 targets"
ABOUT = """\
How long it takes until a model with a rank-16 adapter on 210 targets plays another setting. The desk moves one model;
the other ways, all of them PEFT's own, move another copy of it. Each way is checked to have taken effect."""

APPLY = "`desk.apply(mix)`: the master moved"
EVERY = "`desk.apply(mix)`: every fader moved (7 kinds, 30 layers, 210 targets)"
FRESH = "`desk.apply(Mix.from_dict(data))`: the master moved"
FRESH_EVERY = "`desk.apply(Mix.from_dict(data))`: every fader moved"
MESSAGE = "a message of the page, from JSON to the model: the master moved"
RAW = "writing 210 numbers that are known already"
WALK = "walking the model, PEFT's `set_scale` on each layer"
WEIGHTED = "PEFT's `add_weighted_adapter` and `set_adapter` (a copy of the weights each time)"
RELOAD = "reloading the adapter with a patched `lora_alpha`"

#: Samples of a few milliseconds each: shorter than what the system takes a processor away for.
_CALLS = 30
_ROUNDS, _SLOW_ROUNDS = 60, 15


def measure(shop: Workshop) -> Section:
    """Times every way in turns; ratios are to the desk moving the master."""
    ways = {**_ours(shop), **_theirs(shop)}
    shop.say("setting 210 targets, nine ways in turns")
    times = in_turns(ways, shop.pick(_ROUNDS, 4))
    rows = [(name, ratio(times[name] / times[APPLY]), duration(times[name])) for name in ways]
    table = Table(("way", "times as long as the first", "time"), rows)
    return Section(TITLE, ABOUT, [table], _goals(times))


def _goals(times: dict[str, Series]) -> list[Goal]:
    goals = []
    for other, what, wanted in ((WALK, "`set_scale` walk", 20), (RELOAD, "reload", 1000)):
        faster = times[other] / times[APPLY]
        met = faster.median >= wanted
        goals.append(Goal(f"applying a mix against the {what}", f"{wanted:,} x faster", f"{ratio(faster)} x", met))
    return goals


def _ours(shop: Workshop) -> dict[str, Way]:
    """The desk, called with a mix, with a mix's plain data, and as the page calls it."""
    model, _ = shop.model()
    # What the console asks of a host, but for the chat.
    host: Any = SimpleNamespace(
        model=model,
        engine=PeftEngine(model),
        model_name="",
        lock=threading.Lock(),
        initial_off=(),
        multi_user=False,
        trouble=lambda: None,
    )
    console = Studio(host)
    desk = console.desk()
    assert desk is not None
    targets = desk.adapters[ADAPTER].targets
    assert len(targets) == 210, f"{len(targets)} targets instead of 210"
    master = [Mix({ADAPTER: Faders(master=gain)}) for gain in (0.5, 1.5)]
    every = [_every_fader(targets, gain) for gain in (0.5, 1.5)]

    def from_data(data: dict[str, Any]) -> None:
        desk.apply(Mix.from_dict(data))

    def from_page(message: str) -> None:
        console.move(Panel.from_dict(json.loads(message)["panel"]))

    def moved() -> None:
        assert all(desk.scaling(target) != target.scaling for target in targets), "a mix was not applied"

    def way(move: Callable[[Any], None], positions: list[Any]) -> Way:
        turn = cycle(positions)
        return Way(lambda: move(next(turn)), _CALLS, desk.reset, moved)

    return {
        APPLY: way(desk.apply, master),
        EVERY: way(desk.apply, every),
        FRESH: way(from_data, [mix.to_dict() for mix in master]),
        FRESH_EVERY: way(from_data, [mix.to_dict() for mix in every]),
        MESSAGE: way(from_page, [json.dumps({"panel": Panel(mix).to_dict()}) for mix in master]),
    }


def _every_fader(targets: Sequence[Target], gain: float) -> Mix:
    layers = {target.layer: gain for target in targets if target.layer is not None}
    modules = {target.name: gain for target in targets}
    return Mix({ADAPTER: Faders(True, gain, dict.fromkeys(KINDS, gain), layers, modules)})


def _theirs(shop: Workshop) -> dict[str, Way]:
    """The other ways, on a model of their own."""
    peft = _Peft(shop.model()[0], shop.adapter())
    rounds = shop.pick(_SLOW_ROUNDS, 2)
    return {
        RAW: Way(peft.write, 10 * _CALLS, tidy=peft.check),
        WALK: Way(peft.walk, tidy=peft.check),
        WEIGHTED: Way(peft.add_weighted, tidy=peft.drop_weighted, rounds=rounds),
        RELOAD: Way(peft.reload, tidy=peft.check_reloaded, rounds=rounds),
    }


class _Peft:
    """PEFT's ways to another scale; each asks for one that the model does not have yet."""

    def __init__(self, model: Any, folder: Path) -> None:
        self._model, self._folder = model, folder
        self._layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        self._scalings = [layer.scaling for layer in self._layers]
        self._scales = cycle(0.5 + step / 97 for step in range(97))
        self._scale = 1.0

    def write(self) -> None:
        scale = self._next()
        for scaling in self._scalings:
            scaling[ADAPTER] = scale

    def walk(self) -> None:
        scale = self._next()
        for module in self._model.modules():
            if isinstance(module, LoraLayer):
                module.set_scale(ADAPTER, scale)

    def check(self) -> None:
        assert self._layers[0].active_adapters == [ADAPTER]
        assert all(scaling[ADAPTER] == self._scale for scaling in self._scalings), "a scale did not arrive"

    def add_weighted(self) -> None:
        self._model.add_weighted_adapter([ADAPTER], [self._next()], "louder", combination_type="linear")
        self._model.set_adapter("louder")

    def drop_weighted(self) -> None:
        assert self._layers[0].active_adapters == ["louder"]
        self._model.set_adapter(ADAPTER)
        self._model.delete_adapter("louder")

    def reload(self) -> None:
        self._patch_alpha(self._next() * RANK)
        self._model.delete_adapter(ADAPTER)
        self._model.load_adapter(str(self._folder), ADAPTER)
        self._model.set_adapter(ADAPTER)

    def check_reloaded(self) -> None:
        self.check()
        self._patch_alpha(RANK)
        for layer in self._layers:  # what `set_scale` multiplies
            layer.lora_alpha[ADAPTER] = RANK

    def _next(self) -> float:
        self._scale = next(self._scales)
        return self._scale

    def _patch_alpha(self, alpha: float) -> None:
        path = self._folder / "adapter_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**config, "lora_alpha": alpha}), encoding="utf-8")
