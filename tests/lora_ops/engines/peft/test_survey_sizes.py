"""Large models: all targets are found, and one by one."""

from __future__ import annotations

import copy
from typing import Any

from helpers import tiny
from peft import LoraConfig, get_peft_model
from torch import nn

from lora_mixer.lora_ops import Desk


class _Expert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = (nn.Linear(1, 1, bias=False, device="meta") for _ in range(3))


def mixture_of_experts(layers: int, experts: int) -> nn.Module:
    """A stack of experts with LoRA on each of their layers: one is adapted by PEFT, the others are like it."""
    model = nn.Module()
    model.layers = nn.ModuleList([nn.Module()])
    model.layers[0].experts = nn.ModuleList([_Expert()])
    config = LoraConfig(r=1, lora_alpha=2, target_modules=["w1", "w2", "w3"])
    model = get_peft_model(model, config, adapter_name="pirate", low_cpu_mem_usage=True)
    blocks = model.base_model.model.layers
    blocks[0].experts.extend(_like(blocks[0].experts[0]) for _ in range(experts - 1))
    blocks.extend(_like(blocks[0]) for _ in range(layers - 1))
    return model


def _like(module: Any) -> Any:
    """A copy with modules and scalings of its own and the same weights: `deepcopy` would take minutes."""
    twin = copy.copy(module)
    if hasattr(module, "scaling"):
        twin.scaling = dict(module.scaling)
        twin._modules = {**module._modules, "base_layer": copy.copy(module.base_layer)}
    else:
        twin._modules = {name: _like(child) for name, child in module._modules.items()}
    return twin


def test_560_targets_of_80_layers_are_found_and_moved():
    model = tiny.pirate(tiny.llama(num_hidden_layers=80, hidden_size=8, intermediate_size=8))
    desk = Desk(model)
    adapter = desk.adapters["pirate"]
    assert (len(adapter.scalable), len(adapter.layers), len(adapter.kinds)) == (560, 80, 7)
    desk.apply(tiny.mix_of(layers={79: 0.5}, kinds={"q_proj": 3.0}))
    assert sorted(set(tiny.scalings(model))) == [1.0, 2.0, 3.0, 6.0]
    desk.reset()
    assert set(tiny.scalings(model)) == {2.0}


def test_18000_targets_of_a_mixture_of_experts_are_found_and_moved():
    model = mixture_of_experts(layers=47, experts=128)
    desk = Desk(model)
    adapter = desk.adapters["pirate"]
    assert (len(adapter.scalable), len(adapter.layers)) == (47 * 128 * 3, 47)
    assert adapter.targets[-1].name == "layers.46.experts.127.w3"
    desk.apply(tiny.mix_of(layers={46: 0.0}, modules={"layers.3.experts.5.w2": 2.0}))
    moved = tiny.scalings(model)
    assert (moved.count(0.0), moved.count(4.0), len(moved)) == (128 * 3, 1, 47 * 128 * 3)
