"""What `impact` is to say, by its definition: one part silenced after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.measure.impact import Impact


def kl(reference: torch.Tensor, other: torch.Tensor) -> float:
    """By the definition, in float64; logits of shape (1, tokens, vocabulary)."""
    wanted, given = reference[0].double().log_softmax(-1), other[0].double().log_softmax(-1)
    return (wanted.exp() * (wanted - given)).sum(-1).mean().item()


def one_by_one(desk: Desk, mix: Mix, what: str, ids: torch.Tensor, **inputs: Any) -> dict[tuple[str, str, Any], float]:
    """What `impact` is to say, by one whole pass after the other."""

    def said(mix: Mix) -> torch.Tensor:
        desk.apply(mix)
        with torch.no_grad():
            return desk.engine.model(input_ids=ids, use_cache=False, **inputs).logits

    reference = said(mix if what == "silenced" else desk.base())
    values = {}
    for adapter in desk.adapters.values():
        groups: dict[tuple[str, Any], set[str]] = {}
        for target in adapter.scalable:
            groups.setdefault(("target", target.name), set()).add(target.name)
            groups.setdefault(("kind", target.kind), set()).add(target.name)
            if target.layer is not None:
                groups.setdefault(("layer", target.layer), set()).add(target.name)
        for key, names in groups.items():
            silent = names if what == "silenced" else adapter.names - names
            faders = mix[adapter.name]
            faders = replace(faders, modules={**faders.modules, **dict.fromkeys(silent, 0.0)})
            others = mix.adapters if what == "silenced" else desk.base().adapters
            heard = adapter.name in desk.heard(mix)  # who does not play cannot be missed
            values[(adapter.name, *key)] = kl(reference, said(Mix({**others, adapter.name: faders}))) if heard else 0.0
    desk.reset()
    return values


def flat(found: Impact) -> dict[tuple[str, str, Any], float]:
    return {
        (adapter, part, name): value
        for part, table in (("target", found.targets), ("kind", found.kinds), ("layer", found.layers))
        for adapter, values in table.items()
        for name, value in values.items()
    }


def assert_same(found: Impact, wanted: dict[tuple[str, str, Any], float], tolerance: float = 1e-5) -> None:
    measured = flat(found)
    assert measured.keys() == wanted.keys()
    for key, value in wanted.items():
        assert measured[key] == pytest.approx(value, rel=2e-3, abs=tolerance), key


values = st.floats(min_value=0, max_value=10)
