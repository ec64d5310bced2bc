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
from lora_mixer.lora_ops.bakery.target_patterns import patterns
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights
from lora_mixer.lora_ops.target import Target


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


_paths = st.lists(
    st.lists(
        st.sampled_from(["a", "b", "a.b", "q_proj", "layers.1", "layers.11", "x+y", "1"]), min_size=1, max_size=4
    ).map(".".join),
    min_size=1,
    max_size=12,
    unique=True,
)


@tiny.some
@given(_paths, st.data())
def test_patterns_match_their_own_targets_alone_whatever_their_order(names: list[str], data: st.DataObject):
    values = {name: data.draw(st.sampled_from([None, 1, 2])) for name in names}
    targets = [Target("x", name, None, name.rpartition(".")[2], 4, 4, 1.0, True) for name in names]
    found = patterns({name: value for name, value in values.items() if value}, targets)
    order = data.draw(st.permutations(sorted(found)))
    for name in names:
        assert {key: found[key] for key in order}.get(get_pattern_key(order, name)) == values[name]
