"""Rows: each row of a batch runs a mix of its own, says what that mix says alone, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, mix_of, some
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.engine import NotInRows

IN_ROWS = [kind for kind in KINDS if kind.rows]
NOT_IN_ROWS = [kind for kind in KINDS if not kind.rows]


def some_mixes(desk: Desk) -> list[Mix]:
    """As loaded, the base, and one for which every fader of the first adapter is moved."""
    adapter = next(iter(desk.adapters.values()))
    every = Faders(
        master=0.6,
        kinds={adapter.kinds[0]: 1.7},
        layers=dict.fromkeys(adapter.layers[:1], -0.5),
        modules={adapter.scalable[-1].name: 0.25},
    )
    return [Mix(), desk.base(), Mix({adapter.name: every}), Mix({name: Faders(master=2.0) for name in desk.adapters})]


def alone(desk: Desk, mix: Mix, ids: torch.Tensor) -> torch.Tensor:
    desk.apply(mix)
    try:
        return tiny.logits(desk.engine.model, ids)
    finally:
        desk.reset()


def assert_rows_say_what_they_say_alone(desk: Desk, mixes: list[Mix], rtol: float = 1e-4, atol: float = 1e-4) -> None:
    ids = tiny.prompt()
    with desk.rows(mixes):
        together = tiny.logits(desk.engine.model, ids.repeat(len(mixes), 1))
    for row, mix in zip(together, mixes, strict=True):
        expected = alone(desk, mix, ids)[0]
        torch.testing.assert_close(row, expected, rtol=rtol, atol=atol)
        if row.dtype == torch.float32:
            assert row.argmax(-1).tolist() == expected.argmax(-1).tolist()


@pytest.mark.parametrize("kind", [kind for kind in IN_ROWS if "8-bit" not in kind.name], ids=str)
def test_each_row_says_what_its_mix_says_alone(kind: Kind):
    desk = Desk(kind.build())
    assert_rows_say_what_they_say_alone(desk, some_mixes(desk))


def test_each_row_says_the_same_in_8_bits_without_outliers():
    desk = Desk(tiny.pirate(tiny.quantised(8, llm_int8_threshold=0.0)))
    assert_rows_say_what_they_say_alone(desk, some_mixes(desk))


@pytest.mark.parametrize(
    "build",
    [tiny.bfloat16, lambda: tiny.pirate(tiny.quantised(8)), lambda: tiny.pirate(tiny.quantised(4, torch.bfloat16))],
    ids=["bfloat16", "8-bit, where the outliers of one row are those of all", "4-bit in bfloat16"],
)
def test_each_row_says_nearly_the_same_in_low_precision(build: Callable[[], Any]):
    desk = Desk(build())
    ids = tiny.prompt()
    mixes = some_mixes(desk)
    with desk.rows(mixes):
        together = tiny.logits(desk.engine.model, ids.repeat(len(mixes), 1)).float()
    expected = torch.cat([alone(desk, mix, ids) for mix in mixes]).float()
    for at, row in enumerate(together):
        away = (expected - row).abs().mean(dim=(1, 2))
        others = torch.cat([away[:at], away[at + 1 :]])
        assert away[at] < 0.1 * others.min()


@given(data=st.data())
@some
def test_rows_of_any_mixes_say_what_each_says_alone(data: st.DataObject):
    desk = _two()
    mixes = data.draw(st.lists(tiny.mixes(desk.adapters.values(), st.floats(-2, 2)), min_size=1, max_size=4))
    assert_rows_say_what_they_say_alone(desk, mixes, rtol=1e-3, atol=1e-3)


@cache
def _two() -> Desk:
    return Desk(tiny.two())


def test_the_base_row_is_the_base_model_to_the_bit_of_a_batch():
    model = tiny.two()
    desk = Desk(model)
    ids = tiny.prompt(rows=2)
    with desk.rows([Mix(), desk.base()]):
        together = tiny.logits(model, ids)
    assert torch.equal(together[1], tiny.base_logits(model, ids)[1])
    assert torch.equal(together[0], tiny.logits(model, ids)[0])


def test_one_mix_is_for_a_batch_of_any_size():
    for build in (tiny.two, lambda: tiny.pirate(use_dora=True)):
        model = build()
        desk = Desk(model)
        with desk.rows([desk.base()]):
            for rows in (1, 3):
                assert torch.equal(
                    tiny.logits(model, tiny.prompt(rows=rows)), tiny.base_logits(model, tiny.prompt(rows=rows))
                )


def test_targets_whose_rows_agree_keep_a_number():
    desk = Desk(tiny.pirate())
    with desk.rows([mix_of(kinds={"q_proj": 0.5}), mix_of(kinds={"q_proj": 0.25})]):
        for target in desk.adapters["pirate"].targets:
            assert isinstance(desk.scaling(target), torch.Tensor) is (target.kind == "q_proj")


# What cannot run in rows


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


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_mixes_that_agree_run_in_rows_whatever_the_method(kind: Kind):
    desk = Desk(kind.build())
    mix = Mix({name: Faders(master=0.5) for name in desk.adapters})
    assert desk.why_not_rows([mix, mix]) == ""
    with desk.rows([mix, mix]):
        together = tiny.logits(desk.engine.model, tiny.prompt(rows=2))
    torch.testing.assert_close(together[1:], alone(desk, mix, tiny.prompt()), rtol=1e-4, atol=1e-4)


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


def test_rows_need_a_mix():
    with pytest.raises(ValueError, match="at least one mix"), Desk(tiny.pirate()).rows([]):
        pass
