"""Folding: any mix in an adapter's own tensors and patterns is what the desk plays."""

from __future__ import annotations

import pytest
import torch
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st
from peft.utils.other import get_pattern_key

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.bakery.fold import fold, pattern
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights


@tiny.some
@given(st.data())
def test_any_mix_folds_to_the_deltas_that_the_desk_plays(data: st.DataObject):
    desk = Desk(tiny.two())
    mix = data.draw(tiny.mixes(desk.adapters.values()))
    name = data.draw(st.sampled_from(sorted(desk.adapters)))
    weights = loaded_weights(desk, name)
    desk.apply(mix)
    folded, patterned = fold(weights, mix.gain), pattern(weights, mix.gain)
    for target in desk.adapters[name].scalable:
        live = desk.engine.knob(target).layer.get_delta_weight(name)
        a, b = (folded.tensors[key] for key in weights.pair(target))
        torch.testing.assert_close(b @ a, live, rtol=1e-4, atol=1e-4)
        alpha_key = get_pattern_key(list(patterned.config["alpha_pattern"]), target.name)
        alpha = patterned.config["alpha_pattern"].get(alpha_key, patterned.config["lora_alpha"])
        divisor = target.rank**0.5 if patterned.config["use_rslora"] else target.rank
        assert alpha / divisor == pytest.approx(desk.scaling(target), rel=1e-12, abs=1e-12)
