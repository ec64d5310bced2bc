"""Layers in 4 bits: gradients go through all of them, and afterwards they say what they said."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import pirate

from lora_mixer.lora_ops import Desk, Mix, learn
from lora_mixer.lora_ops.engines.lesson import Lesson
from lora_mixer.lora_ops.engines.peft.aims import Likely
from lora_mixer.lora_ops.engines.peft.engine import peft_engine
from lora_mixer.lora_ops.engines.peft.four_bit import unpacked
from lora_mixer.lora_ops.engines.peft.pupil import Pupil

LESSONS = [
    Lesson(tuple(tiny.ids_of(prompt)), tuple(tiny.ids_of(reply)))
    for prompt, reply in [("Ahoy there", "who goes"), ("Hello", "the sea is calm tonight"), ("I", "am")]
]


def test_no_gradient_is_lost_in_layers_of_four_bits():
    desk = Desk(tiny.pirate(tiny.quantised(4)))
    targets = desk.adapters["pirate"].scalable
    pupil, gains = Pupil(peft_engine(desk), targets, Mix(), desk.rows), [1.0] * len(targets)
    pupil.loss(Likely(LESSONS), gains)  # a pass without gradients packs the weights, where the processor can
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, slopes = pupil.slope(Likely(LESSONS), gains)
    assert max(map(abs, slopes)) > 1e-3


@pytest.mark.parametrize("options", [{}, {"bnb_4bit_use_double_quant": True}, {"bnb_4bit_quant_type": "nf4"}], ids=str)
@pytest.mark.parametrize("how", ["done", "raised"])
def test_inside_the_model_says_the_same_and_afterwards_exactly_what_it_said(how: str, options: dict[str, Any]):
    model = pirate(tiny.quantised(4, **options))
    layers: list[Any] = [one for one in model.modules() if type(one).__name__ == "Linear4bit"]
    before, said = [packs(layer) for layer in layers], tiny.logits(model)
    packed = [is_packed(layer) for layer in layers]
    assert layers
    try:
        with unpacked(model):
            assert not any(is_packed(layer) for layer in layers) and not any(packs(layer) for layer in layers)
            # The packed kernel computes in bfloat16. Scales in the wrong place would move what is said by 2.
            assert (tiny.logits(model) - said).abs().max() < 0.5
            if how == "raised":
                raise KeyError("out of luck")
    except KeyError:
        pass
    assert [packs(layer) for layer in layers] == before
    assert [is_packed(layer) for layer in layers] == packed and torch.equal(tiny.logits(model), said)


def test_weights_are_unpacked_to_what_they_were_loaded_as():
    from bitsandbytes.functional import dequantize_4bit

    model = pirate(tiny.quantised(4))
    layers: list[Any] = [one for one in model.modules() if hasattr(getattr(one, "weight", None), "quant_state")]
    loaded = [dequantize_4bit(layer.weight.data, layer.weight.quant_state) for layer in layers]
    assert any(weight.shape[1] > layers[0].weight.quant_state.blocksize for weight in loaded), "a row of two blocks"
    tiny.logits(model)  # packs them, where the processor can
    with unpacked(model):
        for layer, weight in zip(layers, loaded, strict=True):
            found = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
            torch.testing.assert_close(found, weight, rtol=2**-8, atol=0)  # packed scales are in bfloat16


def test_learning_leaves_a_model_in_few_bits_as_it_was():
    desk = Desk(pirate(tiny.quantised(4)))
    said = tiny.logits(desk.engine.model)
    pairs = [("Ahoy", "the sea is calm"), ("Who", "me and the sea"), ("I", "am at sea")]
    learn(desk, tiny.tokenizer(), pairs, over="masters", seed=2, steps=2)
    assert torch.equal(tiny.logits(desk.engine.model), said)


def test_a_model_without_such_layers_is_left_alone():
    model = pirate()
    prints, said = tiny.fingerprint(model), tiny.logits(model)
    with unpacked(model):
        assert tiny.fingerprint(model) == prints and torch.equal(tiny.logits(model), said)


def packs(layer: Any) -> bool:
    """Whether it would pack its weights for the processor's kernel."""
    return bool(getattr(layer, "support_avx512bf16_for_cpu", False))


def is_packed(layer: Any) -> bool:
    return bool(getattr(layer.weight.quant_state, "packing_format_for_cpu", False))
