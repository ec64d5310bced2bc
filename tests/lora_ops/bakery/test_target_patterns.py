"""Config fields match exactly the targets that they are for."""

from __future__ import annotations

from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st
from peft.utils.other import get_pattern_key

from lora_mixer.lora_ops.bakery.target_patterns import patterns
from lora_mixer.lora_ops.target import Target

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
