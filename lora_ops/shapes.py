"""Shapes: ready-made curves over depth, and over what a target belongs to, as faders of one adapter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from .mix import AS_LOADED, Faders
from .target import Adapter, Target

_Key = TypeVar("_Key")

#: Parts of a module's path that say what it belongs to. The last one that says anything counts.
_ATTENTION = re.compile(
    r"(?:self|cross|enc|dec)?_?(?:attn|attention|selfattention|encdecattention|attn_output|mixer_attn)s?|[qkvo]_proj"
    r"|qkv(?:_proj)?|c_attn|query|key|value|query_key_value|out_proj|wqkv|w[qkvo]|in_proj_qkv"
)
_MLP = re.compile(
    r"mlps?|feed_?forward|ffn?|densereludense|block_sparse_moe|moe|experts?|shared_experts?|gate_proj|up_proj|down_proj"
    r"|gate_up_proj|fc[12]|c_fc|w[123]|wi(?:_[01])?|wo|dense_h_to_4h|dense_4h_to_h"
)
#: Modules that stand before the first layer, and after the last.
_FIRST = re.compile(r"(?:embed_?\w*|wte|wpe|tok_embeddings|word_embeddings|shared)")


@dataclass(frozen=True)
class Shape:
    """A curve that can be put on an adapter.

    Attributes:
        name: what it is called in files and calls: "fade_in".
        title: what it is called on a page.
        about: what it does, in a sentence.
        gain: of a target, from how deep it sits: 0 at the first layer, 1 at the last.
    """

    name: str
    title: str
    about: str
    gain: Callable[[Target, float], float]


def belongs_to(target: Target) -> str:
    """What a target belongs to, by the names in its path: "attention", "mlp", or neither ("").

    >>> belongs_to(target)    # model.layers.3.self_attn.o_proj
    'attention'
    """
    parts = [part.casefold() for part in target.name.split(".")]
    for part in reversed(parts[:-1]):  # what it sits in says more than its own name: c_proj, out_proj, wo are in both
        if _MLP.fullmatch(part):
            return "mlp"
        if _ATTENTION.fullmatch(part):
            return "attention"
    own = parts[-1]
    return "attention" if _ATTENTION.fullmatch(own) else "mlp" if _MLP.fullmatch(own) else ""


def _third(depth: float) -> float:
    return 1.0 if 1 / 3 <= depth <= 2 / 3 else 0.0


_ALL = (
    Shape("as_loaded", "As loaded", "Every fader at 1.", lambda target, depth: 1.0),
    Shape("fade_in", "Fade in", "Silent in the first layer, as loaded in the last.", lambda target, depth: depth),
    Shape("fade_out", "Fade out", "As loaded in the first layer, silent in the last.", lambda target, depth: 1 - depth),
    Shape("middle", "Middle only", "The middle third of the layers alone.", lambda target, depth: _third(depth)),
    Shape(
        "attention",
        "Attention only",
        "What belongs to attention alone.",
        lambda target, depth: float(belongs_to(target) == "attention"),
    ),
    Shape(
        "mlp", "MLP only", "What belongs to the MLP alone.", lambda target, depth: float(belongs_to(target) == "mlp")
    ),
)

#: The shapes by name, in the order to show them.
SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in _ALL}


def shape(name: str, adapter: Adapter, faders: Faders = AS_LOADED) -> Faders:
    """The faders of `adapter` in a shape: its kinds, layers and targets are set, or stand at 1.

    >>> desk.apply(Mix({"pirate": shape("fade_in", desk.adapters["pirate"])}))

    Args:
        name: of one of `SHAPES`.
        adapter: what the shape is put on.
        faders: where its faders stand now: its master, its fade and whether it is on stay as they are.

    Raises:
        ValueError: there is no such shape.
    """
    if name not in SHAPES:
        raise ValueError(f"there is no shape {name!r}; there is {', '.join(SHAPES)}")
    gain = SHAPES[name].gain
    depths = _depths(adapter)
    gains = {target.name: round(gain(target, depths[target.name]), 4) for target in adapter.scalable}
    kinds, layers, modules = _as_few(adapter, gains)
    fades = {key: fade for key, fade in faders.fades.items() if key == "master"}
    return replace(faders, kinds=kinds, layers=layers, modules=modules, fades=fades, crossfade=None)


def _depths(adapter: Adapter) -> dict[str, float]:
    """How deep each target sits. One layer alone is in the middle; what is in none stands before or after them all."""
    layers = adapter.layers
    at = {layer: place / (len(layers) - 1) if len(layers) > 1 else 0.5 for place, layer in enumerate(layers)}
    outside = {target.name: 0.0 if _FIRST.fullmatch(target.kind) else 1.0 for target in adapter.scalable}
    return {
        target.name: at[target.layer] if target.layer is not None else outside[target.name]
        for target in adapter.scalable
    }


def _as_few(
    adapter: Adapter, gains: Mapping[str, float]
) -> tuple[dict[str, float], dict[int, float], dict[str, float]]:
    """The same gains with as few faders as they need: by kind where a kind is alike, else by layer, else one by one."""
    kinds: dict[str, float] = {}
    layers: dict[int, float] = {}
    modules: dict[str, float] = {}
    if all(gain == 1 for gain in gains.values()):
        return kinds, layers, modules
    by_kind = _alike((target.kind, gains[target.name]) for target in adapter.scalable)
    by_layer = _alike((target.layer, gains[target.name]) for target in adapter.scalable if target.layer is not None)
    if by_kind is not None:
        kinds = {kind: gain for kind, gain in by_kind.items() if gain != 1}
    elif by_layer is not None:
        layers = {layer: gain for layer, gain in by_layer.items() if gain != 1}
        modules = {t.name: gains[t.name] for t in adapter.scalable if t.layer is None and gains[t.name] != 1}
    else:
        whole = {kind for kind in adapter.kinds if all(gains[t.name] == 0 for t in adapter.scalable if t.kind == kind)}
        kinds = dict.fromkeys(sorted(whole), 0.0)
        modules = {t.name: gains[t.name] for t in adapter.scalable if t.kind not in whole and gains[t.name] != 1}
    return kinds, layers, modules


def _alike(pairs: Iterable[tuple[_Key, float]]) -> dict[_Key, float] | None:
    """The one gain of each key; None if one of them has several."""
    found: dict[_Key, float] = {}
    for key, gain in pairs:
        if found.setdefault(key, gain) != gain:
            return None
    return found
