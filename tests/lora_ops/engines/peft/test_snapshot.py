"""A model that fell apart half way is put together again as it was: the same modules, with nothing hanging on them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny

from lora_mixer.lora_ops.engines.peft.snapshot import Snapshot


def another(model: Any) -> None:
    model.add_adapter("late", tiny.lora(target_modules=["q_proj", "lm_head"]))
    model.base_model.set_adapter(["late"])


def fewer(model: Any) -> None:
    model.delete_adapter("pirate")


def bare(model: Any) -> None:
    model.base_model.unload()


def copied(model: Any) -> None:
    model.add_adapter("late", tiny.lora(target_modules=["q_proj"], modules_to_save=["lm_head"]))


def trained(model: Any) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(not parameter.requires_grad)


@pytest.mark.parametrize("rebuild", [another, fewer, bare, copied, trained])
def test_whatever_peft_did_to_a_model_is_undone(rebuild: Any) -> None:
    model = tiny.two()
    before, scalings, said = tiny.fingerprint(model), tiny.scalings(model), tiny.logits(model)
    configs = dict(model.peft_config)
    kept = Snapshot(model)
    rebuild(model)
    assert tiny.fingerprint(model) != before
    kept.restore()
    assert tiny.fingerprint(model) == before and model.peft_config == configs
    assert tiny.same_objects(tiny.scalings(model), scalings)
    assert torch.equal(tiny.logits(model), said)
