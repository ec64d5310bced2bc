"""Logits in the same memory again and again are the logits that the model's own head gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from torch import nn

from lora_mixer.lora_ops.measure.buffers import SameMemory


@pytest.mark.parametrize("build", [tiny.llama, tiny.pirate, tiny.bfloat16], ids=["base", "adapter", "bfloat16"])
def test_logits_are_the_same_and_stand_in_one_place(build: Any) -> None:
    model = build()
    rows = [tiny.prompt(rows=rows) for rows in (3, 1, 3)]
    with torch.no_grad():
        wanted = [model(input_ids=ids).logits for ids in rows]
        memory = SameMemory(model)
        with memory.logits():
            found = [(logits := model(input_ids=ids).logits, logits.clone()) for ids in rows]
        after = model(input_ids=rows[0]).logits
    for one, (_, copy) in zip(wanted, found, strict=True):
        torch.testing.assert_close(copy, one)
    assert len({logits.data_ptr() for logits, _ in found}) == 1, "no fresh memory is asked for"
    assert after.data_ptr() != found[0][0].data_ptr() and torch.equal(after, wanted[0])


def test_what_it_cannot_be_sure_of_is_left_to_the_model() -> None:
    model = tiny.llama()
    ids = tiny.prompt()
    with SameMemory(model).logits():
        assert model(input_ids=ids).logits.requires_grad, "with gradients the model's own way is taken"
    for other in (nn.Linear(2, 2), tiny.pirate(target_modules=["lm_head"])):
        with SameMemory(other).logits():
            pass
    adapted = tiny.pirate(target_modules=["lm_head"])
    wanted = tiny.logits(adapted)
    with SameMemory(adapted).logits():
        assert torch.equal(tiny.logits(adapted), wanted)
