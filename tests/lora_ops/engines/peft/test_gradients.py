"""Gains as tensors: the numbers of plain gains, gradients that differences confirm, and nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.peft.engine import peft_engine
from lora_mixer.lora_ops.engines.peft.gradients import gains_with_gradients, why_no_gradient

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def _likelihood(model: Any, rows: int = 1) -> torch.Tensor:
    """Of the text itself, a number for each row."""
    ids = IDS.expand(rows, -1)
    logprobs = model(input_ids=ids).logits.double().log_softmax(-1)
    return logprobs[:, :-1].gather(-1, ids[:, 1:, None])[..., 0].sum(1)


def _desk(**more: Any) -> tuple[Any, Desk, list[Any]]:
    model = tiny.pirate(**more).eval()
    desk = Desk(model)
    return model, desk, list(desk.adapters["pirate"].scalable)


def test_the_gradient_of_each_gain_is_what_a_small_move_of_its_fader_says():
    model, desk, targets = _desk()
    model.double()
    desk.refresh()
    mix = Mix({"pirate": Faders(master=0.7)})
    with desk.rows([mix]), gains_with_gradients(peft_engine(desk), targets) as play:
        gains = torch.full((len(targets),), 0.7, dtype=torch.float64, requires_grad=True)
        play(gains)
        (slope,) = torch.autograd.grad(_likelihood(model).sum(), gains)
    for at, target in enumerate(targets):
        step, found = 1e-2, []  # a Llama norms in float32, whatever the weights are
        for gain in (0.7 + step, 0.7 - step):
            desk.apply(Mix({"pirate": Faders(master=0.7, modules={target.name: gain / 0.7})}))
            with torch.no_grad():
                found.append(float(_likelihood(model)))
        assert float(slope[at]) == pytest.approx((found[0] - found[1]) / (2 * step), rel=5e-3, abs=1e-3)


def test_a_row_s_gains_get_the_gradient_of_that_row_alone():
    model, desk, targets = _desk()
    model.double()
    desk.refresh()
    with desk.rows([Mix()]), gains_with_gradients(peft_engine(desk), targets) as play:
        torch.manual_seed(0)
        table = torch.rand((3, len(targets)), dtype=torch.float64).requires_grad_()
        play(table)
        (together,) = torch.autograd.grad(_likelihood(model, 3).sum(), table)
        for row in range(3):
            alone = table[row].detach().requires_grad_()
            play(alone)
            (slope,) = torch.autograd.grad(_likelihood(model).sum(), alone)
            torch.testing.assert_close(slope, together[row])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_model_says_under_a_tensor_what_it_says_under_the_faders(dtype: torch.dtype):
    model, desk, targets = _desk()
    model.to(dtype)
    desk.refresh()
    mix = mix_of(master=0.6, kinds={"q_proj": 2.0}, layers={1: -1.0})
    with desk.rows([mix]), torch.no_grad():
        wanted = model(input_ids=IDS).logits
    with desk.rows([mix]), gains_with_gradients(peft_engine(desk), targets) as play:
        play(torch.tensor(mix["pirate"].gains(targets)))
        said = model(input_ids=IDS).logits
    torch.testing.assert_close(said.detach(), wanted, atol=1e-5 if dtype == torch.float32 else 0.05, rtol=1e-2)


@pytest.mark.parametrize("how", ["done", "raised"])
def test_everything_is_back_to_the_bit_however_the_block_ends(how: str):
    model, desk, targets = _desk()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_A" in name)
    asking = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    numbers, before = tiny.scalings(model), tiny.fingerprint(model)
    try:
        with desk.rows([Mix()]), gains_with_gradients(peft_engine(desk), targets) as play:
            gains = torch.rand((2, len(targets)), requires_grad=True)
            play(gains)
            assert not any(parameter.requires_grad for parameter in model.parameters())
            _likelihood(model, 2).sum().backward()
            if how == "raised":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert gains.grad is not None and gains.grad.abs().max() > 0
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert tiny.fingerprint(model) == before
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == asking
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_no_gradient_reaches_is_refused_by_name_before_anything_moves():
    model, desk, targets = _desk(use_dora=True)
    numbers = tiny.scalings(model)
    assert "DoRA" in why_no_gradient(peft_engine(desk), targets[0])
    with (
        desk.rows([Mix()]),
        pytest.raises(ValueError, match=f"{targets[0].name}.*DoRA"),
        gains_with_gradients(peft_engine(desk), targets),
    ):
        pass
    assert tiny.same_objects(tiny.scalings(model), numbers)
