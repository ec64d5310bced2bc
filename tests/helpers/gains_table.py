"""The table of panels and gains that Python and the page's script are both held to: `python3 run.py page` writes it.

Every case is a panel as the page sends it, and the gain at which each target of each adapter is then heard, as Python
works it out. The names are as odd as those of people's files may be.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.mix import Mix
from lora_mixer.lora_ops.target import Adapter, Target
from lora_mixer.ui.page.panel import Panel

PATH = Path(__file__).parents[1] / "ui" / "page" / "gains.json"
KINDS = ("q_proj", "down_proj", "__proto__")
LAYERS = (0, 1, 10)
SEED = 20261127
RANDOM_CASES = 60
TOKENS = (0, 1, 7, 20, 40, 41, 90, 1000)


def adapters() -> list[Adapter]:
    """One of two layers' worth of everything, one with experts and targets of no layer, one with a hostile name."""
    return [
        _adapter("pirate", [(f"model.layers.{layer}.{kind}", layer, kind) for layer in LAYERS for kind in KINDS]),
        _adapter(
            "butler",
            [
                *((f"model.layers.{layer}.experts.{n}.w1", layer, "w1") for layer in (0, 3) for n in range(2)),
                ("model.embed_tokens", None, "embed_tokens"),
                ("lm_head", None, "lm_head"),
            ],
        ),
        _adapter("__proto__", [("constructor", 0, "constructor"), ("toString", None, "toString")]),
    ]


def _adapter(name: str, targets: Sequence[tuple[str, int | None, str]]) -> Adapter:
    made = [Target(name, where, layer, kind, 8, 16.0, 2.0, True) for where, layer, kind in targets]
    return Adapter(name, "lora", tuple(made), parameters=1000, share=0.01)


def panels() -> dict[str, dict[str, Any]]:
    """By what each is about."""
    faders = {"pirate": {"on": True, "master": 0.5, "kinds": {"q_proj": 0.25}, "layers": {"1": 2.0}}}
    tenths = {"master": 0.1, "kinds": {"q_proj": 0.1}, "layers": {"0": 0.1}}
    single = {"pirate": {"modules": {"model.layers.1.q_proj": -1.5, "model.layers.0.__proto__": 0.1}}}
    rising = [[0, 0.0], [40, 1.0]]
    fading = {
        "pirate": {"master": 0.7, "fades": {"master": rising}},
        "butler": {
            "kinds": {"w1": 3.0},
            "fades": {"kind:w1": [[5, 0.3], [9, 2.0]], "layer:3": rising, "target:lm_head": [[0, 0.6]]},
        },
    }
    hostile = {"__proto__": {"master": 0.3, "kinds": {"constructor": 0.7}, "modules": {"toString": 0.2}}}
    everything = {**faders, "butler": {"master": 1.1, "modules": {"model.layers.0.experts.1.w1": 0.3}}, **hostile}
    cases: dict[str, dict[str, Any]] = {
        "nothing has moved": {},
        "master, kind and layer multiply": {"mix": {"adapters": faders}},
        "single targets": {"mix": {"adapters": single}},
        "names of JavaScript's own": {"mix": {"adapters": hostile}},
        "a tenth, three times": {"mix": {"adapters": {"pirate": tenths}}},
        "an adapter that is off": {"mix": {"adapters": {"pirate": {"on": False, "master": 2.0}}}},
        "bypassed": {"mix": {"adapters": everything}, "bypass": True},
        "an adapter is muted": {"mix": {"adapters": everything}, "muted": {"adapters": ["pirate"]}},
        "an adapter is soloed": {"mix": {"adapters": everything}, "soloed": {"adapters": ["butler", "__proto__"]}},
        "muted and soloed": {"muted": {"adapters": ["butler"]}, "soloed": {"adapters": ["butler", "pirate"]}},
        "soloed, and not there": {"soloed": {"adapters": ["gone"]}},
        "kinds are muted": {"mix": {"adapters": everything}, "muted": {"kinds": {"pirate": ["q_proj", "__proto__"]}}},
        "kinds are soloed": {"mix": {"adapters": everything}, "soloed": {"kinds": {"pirate": ["down_proj"]}}},
        "a kind is soloed that is not there": {"soloed": {"kinds": {"butler": ["gone"]}}},
        "fades stand where they begin": {"mix": {"adapters": fading}},
        "a kind that fades is muted": {"mix": {"adapters": fading}, "muted": {"kinds": {"butler": ["w1"]}}},
        "only some components are heard": {"mix": {"adapters": {"pirate": {"master": 0.5, "rank": 4, "energy": 0.9}}}},
        "between two mixes": {"mix": {"adapters": {"pirate": {"crossfade": _between(faders["pirate"], tenths, 0.3)}}}},
        "faders above a crossfade, in a crossfade": {
            "mix": {
                "adapters": {
                    "butler": {
                        "kinds": {"w1": 0.3},
                        "crossfade": _between(
                            fading["butler"], {"crossfade": _between({"master": 0.7}, {"layers": {"3": 0.1}}, 0.1)}, 0.7
                        ),
                    }
                }
            },
            "muted": {"kinds": {"butler": ["lm_head"]}},
        },
        "a crossfade that fades": {
            "mix": {"adapters": {"pirate": {"crossfade": _between(faders["pirate"], {}, [[0, 0.3], [40, 1.0]])}}}
        },
        "an adapter that nobody has": {"mix": {"adapters": {"gone": {"master": 0.0}}}},
    }
    dice = random.Random(SEED)
    return cases | {f"at random, {at}": _panel(dice) for at in range(RANDOM_CASES)}


def _between(a: dict[str, Any], b: dict[str, Any], t: Any) -> dict[str, Any]:
    return {"a": a, "b": b, "t": t}


def _panel(dice: random.Random) -> dict[str, Any]:
    there = adapters()

    def some(names: Sequence[Any]) -> list[Any]:
        return [name for name in names if dice.random() < 0.35]

    def gains(names: Sequence[Any]) -> dict[str, float]:
        return {str(name): round(dice.uniform(-2, 3), dice.choice((1, 2, 6))) for name in some(names)}

    def fade() -> list[list[float]]:
        tokens = sorted(dice.sample(range(200), dice.randint(1, 4)))
        return [[token, round(dice.uniform(-1, 2), 2)] for token in tokens]

    def faders(one: Adapter) -> dict[str, Any]:
        keys = ["master", *(f"kind:{kind}" for kind in one.kinds), *(f"layer:{layer}" for layer in one.layers)]
        keys += [f"target:{target.name}" for target in one.targets]
        return {
            "on": dice.random() < 0.85,
            "master": round(dice.uniform(-1, 2), 2),
            "kinds": gains(one.kinds),
            "layers": gains(one.layers),
            "modules": gains([target.name for target in one.targets]),
            "fades": {key: fade() for key in keys if dice.random() < 0.12},
        }

    def marked(likely: float) -> dict[str, Any]:
        names = [one.name for one in there if dice.random() < likely]
        return {"adapters": names, "kinds": {one.name: some(one.kinds) for one in there if dice.random() < 0.5}}

    return {
        "mix": {"adapters": {one.name: faders(one) for one in there if dice.random() < 0.8}},
        "muted": marked(0.15),
        "soloed": marked(0.2),
        "bypass": dice.random() < 0.06,
    }


def heard(panel: dict[str, Any]) -> dict[str, list[float]]:
    """By adapter, the gain of each of its targets."""
    there = adapters()
    mix = Panel.from_dict(panel).effective(there)
    return {one.name: list(mix[one.name].gains(one.targets)) for one in there}


def table() -> dict[str, Any]:
    """All of it."""
    fades = [[[0, 0.0], [40, 1.0], [120, 0.3]], [[7, 0.1], [8, 0.7]], [[20, 1.5]], [[0, 0.3], [1000, -0.6]]]
    return {
        "about": "Written by `python3 run.py page` out of what Python works out; read by pytest and by node --test.",
        "adapters": [_told(one) for one in adapters()],
        "cases": [{"about": about, "panel": panel, "gains": heard(panel)} for about, panel in panels().items()],
        "between": [_halfway(*sides, t) for sides in _sides() for t in (0, 0.3, 0.5, 1)],
        "fades": [
            {"points": points, "gains": [[token, Fade(tuple(map(tuple, points))).gain(token)] for token in TOKENS]}  # type: ignore[arg-type]
            for points in fades
        ],
    }


def _sides() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    dice = random.Random(SEED + 1)
    return [(_panel(dice)["mix"], _panel(dice)["mix"]) for _ in range(RANDOM_CASES // 4)]


def _halfway(a: dict[str, Any], b: dict[str, Any], t: float) -> dict[str, Any]:
    """The gains of all targets between two mixes."""
    mix = Mix.between(Mix.from_dict(a), Mix.from_dict(b), t)
    return {"a": a, "b": b, "t": t, "gains": {one.name: list(mix[one.name].gains(one.targets)) for one in adapters()}}


def _told(adapter: Adapter) -> dict[str, Any]:
    """An adapter as the page is told of it, as far as gains go."""
    at = {kind: index for index, kind in enumerate(adapter.kinds)}
    return {
        "name": adapter.name,
        "kinds": list(adapter.kinds),
        "layers": list(adapter.layers),
        "targets": [[t.name, t.layer, at[t.kind], t.rank, t.alpha, t.scaling] for t in adapter.targets],
    }


def written() -> str:
    """The file's text: a line for each case, so that a change can be read."""
    whole = table()
    lists = {key: ",\n".join(f"  {json.dumps(one)}" for one in value) for key, value in whole.items() if key != "about"}
    body = ",\n".join(f' "{key}": [\n{lines}\n ]' for key, lines in lists.items())
    return f'{{\n "about": {json.dumps(whole["about"])},\n{body}\n}}\n'


def main(argv: list[str]) -> int:
    PATH.write_text(written(), encoding="utf-8")
    return 0
