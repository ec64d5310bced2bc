"""A cache that grows in steps holds what transformers' own holds."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import tiny
from transformers import DynamicCache

from lora_mixer.lora_ops.engines.peft.growing_cache import growing


@pytest.mark.parametrize("tokens", [1, 3, 200])
def test_a_growing_cache_holds_what_transformers_own_holds(tokens: int):
    config = tiny.llama().config
    own, ours = DynamicCache(config=config), growing(DynamicCache(config=config))
    torch.manual_seed(0)
    for step in range(40):
        new = tokens if step == 0 else 1
        for layer in (0, 1):
            pair = torch.rand(2, 3, 2, new, 4).unbind()
            for one, other in zip(own.update(*pair, layer), ours.update(*pair, layer), strict=True):
                assert torch.equal(one, other)
        if step in (10, 11):
            for cache in (own, ours):
                cache.reorder_cache(torch.tensor([1, 1, 0]))
        if step == 20:
            for cache in (own, ours):
                cache.batch_select_indices(torch.tensor([0, 2]))
                cache.batch_repeat_interleave(2)
                for layer in cache.layers:
                    layer.keys, layer.values = layer.keys[:1, :, :-1], layer.values[:1, :, :-1]
            own, ours = copy.deepcopy(own), copy.deepcopy(ours)
            own, ours = (cache if cache.batch_repeat_interleave(3) is None else cache for cache in (own, ours))
    assert own.get_seq_length() == ours.get_seq_length() == tokens + 38


def test_other_caches_are_left_as_they_are():
    for cache in (None, object(), ((torch.ones(1),),)):
        assert growing(cache) is cache
