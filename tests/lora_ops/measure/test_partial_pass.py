"""Passes that begin in the middle of a model: as right as whole ones, and fewer blocks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.silencing import assert_same, flat, one_by_one
from helpers.tiny import pirate, prompt

from lora_mixer.lora_ops import Desk, Mix, impact


def test_lower_layers_run_once():
    desk = Desk(pirate(tiny.llama(num_hidden_layers=6)))
    runs: list[int] = []
    for layer in desk.engine.model.base_model.model.model.layers:
        layer.mlp.register_forward_hook(lambda _, inputs, __: runs.append(len(inputs[0])))
    impact(desk, prompt(), parts=["target"], rows=7)
    probe = 6 * 3  # rows of the pass that shows whether rows are kept apart
    passes_of_one = 6 + 1  # the reference, and one from the end
    assert sum(runs) == probe + passes_of_one + 7 * sum(range(1, 7))


def test_a_model_that_cannot_start_in_the_middle_runs_from_its_beginning():
    desk = Desk(pirate())
    layers = desk.engine.model.base_model.model.model.layers
    seen: list[torch.Tensor] = []
    layers[0].register_forward_hook(lambda _, __, out: seen.append(out[0] if isinstance(out, tuple) else out))

    def whispers(_: Any, inputs: Any, output: Any) -> Any:  # the last block hears what the first one was given
        return output + seen[-1].flip(-1) if isinstance(output, torch.Tensor) else output

    first = layers[0].self_attn.q_proj
    first.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    layers[1].mlp.register_forward_pre_hook(lambda _, inputs: (inputs[0] + seen.pop(-2),))
    found = impact(desk, prompt(), parts=["target", "layer"])
    assert found.why_not_resumed
    wanted = {key: value for key, value in one_by_one(desk, Mix(), "silenced", prompt()).items() if key[1] != "kind"}
    assert_same(found, wanted)


def test_blocks_that_give_something_unknown_are_not_skipped(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(pirate())
    wanted = flat(impact(desk, prompt()))
    block = desk.engine.model.base_model.model.model.layers[0]
    forward = type(block).forward

    class Odd(torch.Tensor):
        pass

    from lora_mixer.lora_ops.measure import partial_pass as resuming

    def refuse(output: Any, rows: int) -> Any:
        raise resuming._Unknown("a block of this model gives an Odd")

    monkeypatch.setattr(resuming, "_copied", refuse)
    found = impact(desk, prompt())
    assert "gives an Odd" in found.why_not_resumed
    assert flat(found) == pytest.approx(wanted, abs=1e-5)
    assert type(block).forward is forward and "forward" not in vars(block)
