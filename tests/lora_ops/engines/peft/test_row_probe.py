"""Whether the rows of a batch are kept apart by a model: found out by asking it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.rows_alone import assert_rows_say_what_they_say_alone
from helpers.tiny import KINDS, Kind, mix_of
from torch import nn

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.engines.engine import NotInRows

NOT_IN_ROWS = [kind for kind in KINDS if not kind.rows]


@pytest.mark.parametrize("kind", NOT_IN_ROWS, ids=str)
def test_what_cannot_run_in_rows_says_why_and_nothing_moves(kind: Kind):
    model = kind.build()
    desk = Desk(model)
    numbers, before = tiny.scalings(model), tiny.fingerprint(model)
    why = desk.why_not_rows([Mix(), desk.base()])
    name, _, reason = why.partition(": ")
    target, _, adapter = name.partition(" ")
    assert target in desk.adapters[adapter.strip("()")].names
    assert len(reason) > 20
    with pytest.raises(NotInRows) as refusal, desk.rows([Mix(), desk.base()]):
        pass
    assert str(refusal.value) == why
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert tiny.fingerprint(model) == before


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: tiny.pirate(use_dora=True), "DoRA rescales the base weight's columns"),
        (tiny.mixed, "LoHa and LoKr: the change goes into the weight"),
        (lambda: tiny.pirate(tiny.gpt_oss(), target_parameters=["experts.down_proj"]), "expert weights: the change"),
        (lambda: tiny.pirate(tiny.mixtral(), target_modules=["q_proj", "gate", "w1", "w2", "w3"]), "batch"),
    ],
    ids=["dora", "loha", "expert parameters", "a mixture of experts"],
)
def test_the_reason_names_what_is_in_the_way(build: Callable[[], Any], reason: str):
    desk = Desk(build())
    assert reason in desk.why_not_rows([Mix(), desk.base()])


def flattening_llama() -> Any:
    """A Llama whose MLP sees all tokens of the batch in one list, as OPT's does in some versions."""
    model = tiny.llama()
    for layer in model.model.layers:
        inner = layer.mlp.forward
        layer.mlp.forward = lambda x, inner=inner: inner(x.flatten(0, 1)).view(x.shape)
    return model


def test_layers_behind_a_flattened_batch_cannot_run_in_rows_and_the_others_can():
    desk = Desk(tiny.pirate(flattening_llama()))
    attention = mix_of(kinds={"q_proj": 0.0, "v_proj": 0.5})
    assert_rows_say_what_they_say_alone(desk, [Mix(), attention])
    why = desk.why_not_rows([Mix(), mix_of(kinds={"up_proj": 0.0})])
    assert (
        why
        == "model.layers.0.mlp.up_proj (pirate): the model flattens the batch before it, so rows cannot be told apart"
    )


def test_opt_runs_in_rows_or_says_why():
    desk = Desk(tiny.pirate(tiny.opt(), target_modules=["q_proj", "v_proj", "fc1", "fc2"]))
    assert_rows_say_what_they_say_alone(desk, [Mix(), mix_of(kinds={"q_proj": 0.0})])
    mixes = [Mix(), desk.base()]
    if why := desk.why_not_rows(mixes):
        assert "fc1 (pirate): the model flattens the batch" in why
    else:
        assert_rows_say_what_they_say_alone(desk, mixes)


def test_four_dimensions_are_not_taken_for_rows():
    model = tiny.pirate(target_modules=["q_proj"])
    for layer in model.base_model.model.model.layers:
        layer.self_attn.q_proj = Unsqueezed(layer.self_attn.q_proj)
    desk = Desk(model)
    assert "self_attn.q_proj.inner (pirate)" in desk.why_not_rows([Mix(), desk.base()])


class Unsqueezed(nn.Module):
    """Gives a layer four dimensions: (rows, tokens, 1, features)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x.unsqueeze(2)).squeeze(2)


def test_a_model_that_takes_no_batch_of_three_says_so():
    model = tiny.pirate()
    inner = model.base_model.model.forward

    def one_row_only(input_ids: torch.Tensor, **kwargs: Any) -> Any:
        if input_ids.shape[0] > 1:
            raise RuntimeError("one at a time, please")
        return inner(input_ids=input_ids, **kwargs)

    model.base_model.model.forward = one_row_only
    desk = Desk(model)
    assert "did not take a batch of three rows (one at a time, please)" in desk.why_not_rows([Mix(), desk.base()])


def test_the_model_is_asked_once_about_each_layer():
    model = tiny.pirate()
    desk = Desk(model)
    calls: list[int] = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    for _ in range(3):
        assert desk.why_not_rows([Mix(), mix_of(kinds={"q_proj": 0.0})]) == ""
    assert len(calls) == 1
    assert desk.why_not_rows([Mix(), desk.base()]) == ""
    assert len(calls) == 2
    assert desk.why_not_rows([Mix(), Mix()]) == ""
    assert len(calls) == 2


def test_an_adapter_that_does_not_play_is_not_in_the_way():
    model = tiny.add(tiny.pirate(), tiny.lora(use_dora=True), "poet")
    model.set_adapter("pirate")
    desk = Desk(model)
    assert_rows_say_what_they_say_alone(desk, [Mix(), desk.base(), mix_of("poet", on=False)])
    assert "DoRA" in desk.why_not_rows([Mix(), mix_of("poet", master=0.5)])
    model.base_model.set_adapter(["pirate", "poet"])
    desk.refresh()
    assert "DoRA" in desk.why_not_rows([Mix(), desk.base()])
