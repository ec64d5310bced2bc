"""Knobs: the only code that writes a gain, and always a way back to the very bits that were loaded."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, some
from hypothesis import given
from hypothesis import strategies as st
from peft.tuners.lora import dora

from lora_mixer.lora_ops.engines.peft.knob import DoraKnob, Knob, turn, turn_rows
from lora_mixer.lora_ops.engines.peft.survey import survey


def knobs_of(model: torch.nn.Module) -> list[Knob]:
    return [knob for _, knob in survey(model).knobs]


def layer_input(knob: Knob) -> torch.Tensor:
    torch.manual_seed(1)
    if hasattr(knob.layer.get_base_layer(), "num_embeddings"):
        return torch.randint(0, 200, (3, 4))
    return torch.randn(3, 4, knob.layer.in_features)


@torch.no_grad()
def output(knob: Knob, x: torch.Tensor) -> torch.Tensor:
    return knob.layer(x)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_one_puts_the_very_object_back_that_was_loaded(kind: Kind):
    model = kind.build()
    loaded = tiny.scalings(model)
    knobs = knobs_of(model)
    for gain in (0.0, 0.3, -2.0, 1.0 / 3.0):
        turn(knobs, [gain] * len(knobs))
        assert not tiny.same_objects(tiny.scalings(model), loaded)
    turn(knobs, [1.0] * len(knobs))
    assert tiny.same_objects(tiny.scalings(model), loaded)


@given(gain=tiny.gains)
@some
def test_a_knob_writes_the_loaded_scaling_times_the_gain(gain: float):
    [knob, *_] = knobs_of(tiny.pirate(alpha_pattern={"q_proj": 3.3}))
    loaded = knob.loaded
    knob.set(gain)
    assert knob.now() == (loaded if gain == 1 else loaded * gain)
    assert knob.now() is knob.written
    assert knob.loaded is loaded


LINEAR = ["LoRA on Linear", "LoRA on Embedding", "LoRA on Conv1D", "LoRA with biases", "LoRA on 4-bit", "LoHa", "LoKr"]


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("gain", [0.5, 2.0, -1.0])
def test_what_an_adapter_adds_grows_with_its_gain(name: str, gain: float):
    knob = knobs_of(next(kind for kind in KINDS if kind.name == name).build())[0]
    x = layer_input(knob)
    full = output(knob, x)
    knob.set(0.0)
    base = output(knob, x)
    knob.set(gain)
    assert not torch.equal(full, base)
    torch.testing.assert_close(output(knob, x), base + gain * (full - base), rtol=1e-4, atol=1e-4)


def test_what_two_adapters_add_adds_up():
    first, second = knobs_of(tiny.two())[:2]  # both in the first q_proj
    assert first.layer is second.layer
    x = layer_input(first)

    def at(one: float, other: float) -> torch.Tensor:
        turn([first, second], [one, other])
        return output(first, x)

    base = at(0.0, 0.0)
    torch.testing.assert_close(at(0.7, -1.5) - base, (at(0.7, 0.0) - base) + (at(0.0, -1.5) - base))


# DoRA


def dora_reference(knob: Knob, x: torch.Tensor, gain: float) -> torch.Tensor:
    """DoRA as its paper writes it, with magnitude and low-rank part moved by the gain: m V / |V|, V = W + g s B A."""
    weight = knob.layer.get_base_layer().weight.detach()
    magnitude = knob.layer.lora_magnitude_vector[knob.adapter].weight.detach()
    a, b = (getattr(knob.layer, part)[knob.adapter].weight.detach() for part in ("lora_A", "lora_B"))
    norm = weight.norm(dim=1)
    direction = weight + gain * knob.loaded * b @ a
    moved = norm + gain * (magnitude - norm)
    return x @ (moved[:, None] * direction / direction.norm(dim=1, keepdim=True)).T


@given(gain=st.floats(-3, 3))
@some
def test_a_dora_knob_moves_magnitude_and_direction_together(gain: float):
    knob = knobs_of(tiny.pirate(use_dora=True))[0]
    assert isinstance(knob, DoraKnob)
    x = layer_input(knob)
    expected = dora_reference(knob, x, gain)
    knob.set(gain)
    torch.testing.assert_close(output(knob, x), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_silent_dora_knob_is_the_base_layer_to_the_bit(dtype: torch.dtype):
    model = tiny.pirate(tiny.llama().to(dtype), use_dora=True).to(dtype)
    for knob in knobs_of(model):
        x = layer_input(knob).to(dtype)
        knob.set(0.0)
        with torch.no_grad():
            assert torch.equal(output(knob, x), knob.layer.base_layer(x))


def test_a_dora_magnitude_comes_back_bit_for_bit():
    knobs = knobs_of(tiny.pirate(use_dora=True))
    vectors = [knob.layer.lora_magnitude_vector["pirate"].weight for knob in knobs]
    loaded = [(vector, vector.data_ptr(), vector.detach().clone()) for vector in vectors]
    for gain in (0.0, 0.7, 3.0, 0.0, 1.0):
        turn(knobs, [gain] * len(knobs))
    for knob, (vector, where, values) in zip(knobs, loaded, strict=True):
        assert knob.layer.lora_magnitude_vector["pirate"].weight is vector
        assert vector.data_ptr() == where
        assert torch.equal(vector, values)


def test_a_dora_knob_forgets_what_peft_has_cached(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dora, "ENABLE_DORA_CACHING", True, raising=False)
    knob = knobs_of(tiny.pirate(use_dora=True))[0]
    x = layer_input(knob)
    for gain in (1.0, 0.4, 0.0):
        expected = dora_reference(knobs_of(tiny.pirate(use_dora=True))[0], x, gain)
        knob.set(gain)
        torch.testing.assert_close(output(knob, x), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.0])
def test_a_magnitude_that_is_loaded_into_the_place_of_another_is_the_new_one(gain: float):
    knob = knobs_of(tiny.pirate(use_dora=True))[0]
    vector = knob.layer.lora_magnitude_vector["pirate"]
    base = knob.layer.get_base_layer()
    knob.set(gain)
    fresh = torch.full_like(vector.weight, 3.0)
    vector.load_state_dict({"weight": fresh})
    knob.set(1.0)
    assert torch.equal(vector.weight, fresh)
    x = layer_input(knob)
    knob.set(0.0)
    assert torch.equal(output(knob, x), base(x))
    knob.set(1.0)
    assert torch.equal(vector.weight, fresh)


def test_a_dora_knob_follows_a_model_that_is_moved_to_another_dtype():
    model = tiny.pirate(use_dora=True)
    knob = knobs_of(model)[0]
    knob.set(0.5)
    model.to(torch.float64)
    x = layer_input(knob).double()
    knob.set(0.0)
    assert torch.equal(output(knob, x), knob.layer.base_layer(x))
    knob.set(1.0)
    assert knob.layer.lora_magnitude_vector["pirate"].weight.dtype == torch.float64
    torch.testing.assert_close(output(knob, x), dora_reference(knob, x, 1.0))


def test_a_silent_dora_knob_over_a_row_of_zeros_is_the_base_layer_too():
    model = tiny.with_a_row_of_zeros()
    knobs = knobs_of(model)
    as_loaded = [output(knob, layer_input(knob)) for knob in knobs]
    for _ in range(2):
        for knob, loaded in zip(knobs, as_loaded, strict=True):
            x = layer_input(knob)
            knob.set(0.0)
            assert torch.equal(output(knob, x), knob.layer.base_layer(x))
            for gain in (0.5, -2.0):
                knob.set(gain)
                torch.testing.assert_close(output(knob, x), dora_reference_at(knob, x, gain), rtol=1e-3, atol=1e-3)
            knob.set(0.0)
            knob.set(1.0)
            assert torch.equal(output(knob, x), loaded)


def dora_reference_at(knob: Knob, x: torch.Tensor, gain: float) -> torch.Tensor:
    """The reference, from the magnitude as loaded, which the knob has moved."""
    assert isinstance(knob, DoraKnob)
    moved = knob.layer.lora_magnitude_vector[knob.adapter].weight
    there = moved.data
    moved.data = knob.magnitude(1.0)
    try:
        return dora_reference(knob, x, gain)
    finally:
        moved.data = there


def test_a_magnitude_that_is_loaded_over_a_silent_one_with_a_row_of_zeros_is_heard():
    knob = next(knob for knob in knobs_of(tiny.with_a_row_of_zeros()) if "q_proj" not in str(knob.layer))
    vector, x = knob.layer.lora_magnitude_vector["pirate"], layer_input(knob)
    knob.set(0.0)
    vector.load_state_dict({"weight": torch.full_like(vector.weight, 3.0)})
    knob.set(1.0)
    torch.testing.assert_close(output(knob, x), dora_reference(knob, x, 1.0), rtol=1e-3, atol=1e-3)


# Rows


def test_rows_that_differ_get_a_tensor_and_rows_that_agree_a_number():
    first, second, *_ = knobs_of(tiny.pirate())
    turn_rows([first, second], [[0.5, 1.0], [0.5, 3.0], [0.5, 0.0]])
    assert first.now() == 1.0 and isinstance(first.now(), float)
    assert second.now().shape == (3, 1, 1)
    assert second.now().flatten().tolist() == [2.0, 6.0, 0.0]


def test_rows_that_agree_on_one_keep_the_very_object_that_was_loaded():
    knob = knobs_of(tiny.pirate())[0]
    loaded = knob.loaded
    turn_rows([knob], [[1.0], [1.0]])
    assert knob.now() is loaded


def test_row_tensors_have_the_dtype_of_their_weights():
    model = tiny.pirate()
    first, second, *_ = knobs_of(model)
    second.layer.to(torch.bfloat16)
    turn_rows([first, second], [[1.0, 1.0], [0.0, 0.0]])
    assert (first.now().dtype, second.now().dtype) == (torch.float32, torch.bfloat16)


def test_a_plain_number_follows_rows():
    knob = knobs_of(tiny.pirate())[0]
    turn_rows([knob], [[0.0], [2.0]])
    knob.set(1.0)
    assert knob.now() is knob.loaded


def test_gains_and_knobs_must_be_as_many():
    knobs = knobs_of(tiny.pirate())
    with pytest.raises(ValueError, match="zip"):
        turn(knobs, [1.0])
    with pytest.raises(ValueError, match="zip"):
        turn_rows(knobs, [[1.0], [1.0]])
