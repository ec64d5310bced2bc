"""How loud anything may be."""

from __future__ import annotations

import torch

from lora_mixer.lora_ops.limits import LOUDEST


def test_the_loudest_is_the_last_number_that_a_model_of_32_bits_can_hold() -> None:
    assert torch.tensor(LOUDEST, dtype=torch.float32).item() == LOUDEST == torch.finfo(torch.float32).max
    assert torch.tensor(LOUDEST * (1 + 2**-24), dtype=torch.float64).to(torch.float32).isinf()
