"""Rows: each row of a batch runs a mix of its own, says what that mix says alone, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.rows_alone import alone, assert_rows_say_what_they_say_alone
from helpers.tiny import KINDS, Kind, mix_of, some
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix

IN_ROWS = [kind for kind in KINDS if kind.rows]


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


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_mixes_that_agree_run_in_rows_whatever_the_method(kind: Kind):
    desk = Desk(kind.build())
    mix = Mix({name: Faders(master=0.5) for name in desk.adapters})
    assert desk.why_not_rows([mix, mix]) == ""
    with desk.rows([mix, mix]):
        together = tiny.logits(desk.engine.model, tiny.prompt(rows=2))
    torch.testing.assert_close(together[1:], alone(desk, mix, tiny.prompt()), rtol=1e-4, atol=1e-4)


def test_rows_need_a_mix():
    with pytest.raises(ValueError, match="at least one mix"), Desk(tiny.pirate()).rows([]):
        pass
