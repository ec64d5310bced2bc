"""Names that PEFT takes, whatever a folder is called."""

from __future__ import annotations

from pathlib import Path

import torch
from helpers import tiny
from helpers.saved import saved
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.peft.loading import change_adapters
from lora_mixer.lora_ops.shelf.peft_name import peft_name


def test_names_that_peft_takes(tmp_path: Path) -> None:
    pirate = saved(tmp_path)
    fresh = tiny.logits(PeftModel.from_pretrained(tiny.llama(), str(pirate), adapter_name="pirate"))
    for name in ("v1.5 best/checkpoint-10", "keys", "training", "a/b", "lora"):
        allowed = peft_name(name)
        model = change_adapters(tiny.llama(), {allowed: pirate})
        assert list(Desk(model).adapters) == [allowed]
        assert torch.equal(tiny.logits(model), fresh)
    assert peft_name("v1.5", ["v1_5"]) == "v1_5-2"
    assert peft_name("pirate") == "pirate"


@given(st.text(max_size=12), st.integers(0, 4))
def test_no_name_has_a_dot_and_none_is_given_twice(name: str, times: int) -> None:
    taken: list[str] = []
    for _ in range(times + 1):
        taken.append(peft_name(name, taken))
    assert len(set(taken)) == len(taken) and all(one and "." not in one for one in taken)
