"""Loudness: the norms that PEFT's own delta weights have, at every gain, for every kind of adapter."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, mix_of, pirate
from hypothesis import given
from hypothesis import strategies as st
from peft.utils.integrations import dequantize_module_weight

from lora_mixer.lora_ops import Desk, Faders, Mix, Target, loudness


@torch.no_grad()
def weights(desk: Desk, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    """The base weight, and what PEFT adds to it right now; float64."""
    layer: Any = desk.engine.knob(target).layer
    base = layer.get_base_layer()
    weight = getattr(base, layer.parameter_name) if hasattr(layer, "parameter_name") else dequantize_module_weight(base)
    weight = weight.detach().double()
    added = layer.get_delta_weight(target.adapter).detach().double()
    magnitude = getattr(layer, "lora_magnitude_vector", {})
    if target.adapter in magnitude:
        whole = weight + added
        # Embeddings and Conv1D keep their outputs in columns
        outputs = 0 if layer.fan_in_fan_out or target.adapter in layer.lora_embedding_A else 1
        factor = magnitude[target.adapter].weight.double() / torch.linalg.vector_norm(whole, dim=outputs)
        added = whole * factor.unsqueeze(outputs) - weight
    return weight, added


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_norms_are_those_of_the_weights_that_peft_makes(kind: Kind):
    desk = Desk(kind.build())
    measured = loudness(desk)
    assert sum(len(louds) for louds in measured.adapters.values()) == kind.targets
    for gain in (1.0, 0.5, -1.5, 0.0):
        mix = Mix({name: Faders(master=gain) for name in desk.adapters})
        desk.apply(mix)
        levels = measured.at(mix)
        again = loudness(desk).at(mix)  # wherever the faders stand, the same
        for name, louds in measured.adapters.items():
            for loud in louds:
                weight, added = weights(desk, loud.target)
                wanted = float(torch.linalg.vector_norm(added) / torch.linalg.vector_norm(weight))
                assert loud.base == pytest.approx(float(torch.linalg.vector_norm(weight)), rel=1e-3), loud.target.name
                assert levels.targets[name][loud.target.name] == pytest.approx(wanted, rel=2e-3, abs=1e-6)
                assert again.targets[name][loud.target.name] == pytest.approx(wanted, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}])
def test_four_bits_after_a_pass_repacked_them(options: dict[str, Any]):
    model = pirate(tiny.quantised(4, **options))
    before = {loud.target: loud.base for loud in loudness(Desk(model)).adapters["pirate"]}
    tiny.logits(model)
    del model.__dict__["_lora_mixer_base_norms"]
    for loud in loudness(Desk(model)).adapters["pirate"]:
        assert loud.base == pytest.approx(before[loud.target], rel=5e-3)


def test_kinds_and_layers_are_taken_as_one_large_weight():
    desk = Desk(pirate())
    measured = loudness(desk)
    mix = mix_of(kinds={"q_proj": 0.5}, layers={1: 2.0})
    levels = measured.at(mix)
    for groups, of in ((levels.kinds, "kind"), (levels.layers, "layer")):
        for group, ratio in groups["pirate"].items():
            members = [loud for loud in measured.adapters["pirate"] if getattr(loud.target, of) == group]
            norm = sum((loud.norm * mix.gain(loud.target)) ** 2 for loud in members) ** 0.5
            base = sum(loud.base**2 for loud in members) ** 0.5
            assert ratio == pytest.approx(norm / base)
    assert list(levels.layers["pirate"]) == [0, 1]


_MEASURED = loudness(Desk(tiny.two()))


@tiny.some
@given(st.floats(min_value=-8, max_value=8), st.booleans())
def test_plain_adapters_are_in_proportion_to_the_gain_and_silent_when_off(gain: float, on: bool):
    levels = _MEASURED.at(Mix({"pirate": Faders(on=on, master=gain)}))
    for loud in _MEASURED.adapters["pirate"]:
        assert loud.ratio is not None
        wanted = abs(gain) * loud.ratio if on else 0.0
        assert levels.targets["pirate"][loud.target.name] == pytest.approx(wanted)
    for loud in _MEASURED.adapters["poet"]:
        assert levels.targets["poet"][loud.target.name] == loud.ratio


def test_weights_that_cannot_be_read_have_no_ratio():
    desk = Desk(pirate())
    layer = desk.engine.knob(desk.adapters["pirate"].targets[0]).layer
    layer.base_layer.weight = torch.nn.Parameter(layer.base_layer.weight.to("meta"), requires_grad=False)
    first, *others = loudness(desk).adapters["pirate"]
    assert first.base is None and first.ratio is None and first.norm > 0
    levels = loudness(desk).at(Mix())
    assert levels.targets["pirate"][first.target.name] is None
    assert levels.kinds["pirate"][first.target.kind] is not None
    assert all(loud.ratio for loud in others)
    json.dumps(levels.to_dict())


def test_base_weights_are_read_once(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(pirate())
    wanted = loudness(desk)
    from lora_mixer.lora_ops.measure import base_norms

    monkeypatch.setattr(base_norms, "_norm", lambda *_: pytest.fail("read again"))
    assert loudness(Desk(desk.engine.model)) == wanted


def test_nothing_is_changed():
    desk = Desk(pirate(tiny.quantised(8)))
    desk.apply(mix_of(master=0.5))
    before, scalings = tiny.fingerprint(desk.engine.model), tiny.scalings(desk.engine.model)
    loudness(desk)
    assert tiny.fingerprint(desk.engine.model) == before
    assert tiny.same_objects(tiny.scalings(desk.engine.model), scalings)
