"""Names of tensors as PEFT gives them, whatever a trainer left in them."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st
from peft.utils import get_peft_model_state_dict

from lora_mixer.lora_ops.shelf.adapter_keys import KeysError, peft_keys


@pytest.mark.parametrize(
    "build",
    [tiny.pirate, lambda: tiny.pirate(modules_to_save=["lm_head"]), lambda: tiny.pirate(use_dora=True)],
    ids=["LoRA", "full copies", "DoRA"],
)
@pytest.mark.parametrize("before", ["", "_orig_mod.", "module.", "module._orig_mod."])
def test_what_wrapping_left_in_is_taken_out(build: Any, before: str) -> None:
    model = build()
    clean = list(get_peft_model_state_dict(model, adapter_name="pirate"))
    assert peft_keys(clean).names == {key: key for key in clean} and peft_keys(clean).mended == ()
    found = peft_keys(before + key for key in clean)
    assert list(found.names.values()) == clean
    assert bool(found.mended) == bool(before)


def test_the_adapters_own_name_is_taken_out_and_told() -> None:
    model = tiny.pirate(modules_to_save=["lm_head"])
    live = [name for name, _ in model.named_parameters() if ".pirate" in name]
    found = peft_keys(live)
    assert set(found.names.values()) == set(get_peft_model_state_dict(model, adapter_name="pirate"))
    assert any("'pirate'" in sentence for sentence in found.mended)


def test_two_adapters_in_one_file_and_one_tensor_twice_are_refused() -> None:
    end = "base_model.model.q_proj.lora_A"
    with pytest.raises(KeysError, match=r"several adapters \(one, two\)"):
        peft_keys([f"{end}.one.weight", f"{end}.two.weight"])
    with pytest.raises(KeysError, match="twice"):
        peft_keys([f"{end}.weight", f"{end}.one.weight"])


@given(st.lists(st.text("ab.", min_size=1, max_size=8), unique=True, max_size=4))
def test_any_names_get_names_of_their_own_or_are_refused(keys: list[str]) -> None:
    try:
        found = peft_keys(keys)
    except KeysError:
        return
    assert list(found.names) == keys and len(set(found.names.values())) == len(keys)
