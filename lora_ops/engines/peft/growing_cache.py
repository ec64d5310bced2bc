"""A cache of keys and values that is not copied whole at each token.

transformers' own one joins old and new tensors each time: with sixteen rows that is an eighth of a step.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

#: How many tokens there is room for beyond those that came, and how much of what there is besides.
_ROOM, _SHARE = 64, 4


def growing(cache: Any) -> Any:
    """The same cache, which from now on keeps room for tokens to come; one of another kind is left as it is."""
    if type(cache) is DynamicCache and not getattr(cache, "offloading", False):
        for layer in cache.layers:
            if type(layer) is DynamicLayer:
                layer.__class__ = GrowingLayer
        if cache.layer_class_to_replicate is DynamicLayer:
            cache.layer_class_to_replicate = GrowingLayer
    return cache


class GrowingLayer(DynamicLayer):
    """Holds what `DynamicLayer` holds, as the beginning of larger tensors."""

    keys: torch.Tensor
    values: torch.Tensor

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds keys and values, each of shape (rows, heads, new tokens, features), and answers with all of them."""
        if self.get_seq_length() == 0:
            first: tuple[torch.Tensor, torch.Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return first
        if not hasattr(self, "_rooms"):
            self._rooms = _Room(), _Room()
        self.keys = self._rooms[0].joined(self.keys, key_states)
        self.values = self._rooms[1].joined(self.values, value_states)
        return self.keys, self.values


class _Room:
    """One tensor with room at its end."""

    def __init__(self) -> None:
        self._all = self._used = torch.empty(0)

    def joined(self, held: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """`held` and then `new`, along the tokens."""
        begin = held.shape[-2]
        end = begin + new.shape[-2]
        # Somebody may have cropped, repeated or reordered what is held.
        if held is not self._used or end > self._all.shape[-2]:
            self._all = held.new_empty((*held.shape[:-2], end + _ROOM + end // _SHARE, held.shape[-1]))
            self._all[..., :begin, :] = held
        self._all[..., begin:end, :] = new
        self._used = self._all[..., :end, :]
        return self._used
