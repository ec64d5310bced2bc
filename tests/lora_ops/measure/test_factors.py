"""The factors of what a target adds make up what PEFT adds, for every method that has some."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
import torch
from helpers.tiny import KINDS, Kind

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.measure.factors import NoFactors, factors
from lora_mixer.lora_ops.measure.live_factors import live_tensors


def product(factor: Any) -> torch.Tensor:
    """Shape (experts, out, in)."""
    return factor.b.double() if factor.a is None else factor.b.double() @ factor.a.double()


@torch.no_grad()
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "bit" not in kind.name], ids=str)
def test_their_product_is_what_peft_adds_at_scaling_1(kind: Kind) -> None:
    desk = Desk(kind.build())
    for adapter in desk.adapters.values():
        for target in adapter.scalable:
            knob: Any = desk.engine.knob(target)
            if adapter.method == "dora":
                with pytest.raises(NoFactors, match="DoRA"):
                    factors(live_tensors(knob), target.rank)
                continue
            made = [product(factor) for factor in factors(live_tensors(knob), target.rank)]
            wanted = knob.layer.get_delta_weight(adapter.name).double()
            if hasattr(knob.layer, "parameter_name"):
                [found] = made
            else:
                found, wanted = reduce(torch.kron, (one[0] for one in made)), wanted.reshape(len(wanted), -1)
            # PEFT has embeddings, Conv1D and some experts lying the other way.
            ways = [one for one in (found, found.mT) if one.shape == wanted.shape]
            off = min(float((one * target.scaling - wanted).abs().max()) for one in ways)
            assert off < 1e-5 + 1e-4 * float(wanted.abs().max()), target.name


def test_what_is_no_product_of_that_rank_is_told() -> None:
    held = {"lora_A.weight": torch.ones(4, 3), "lora_B.weight": torch.ones(5, 4)}
    for rank in (0, 3):
        with pytest.raises(NoFactors, match=f"no product of rank {rank}"):
            factors(held.get, rank)
    with pytest.raises(NoFactors, match="no pair of A and B"):
        factors({"lora_A.weight": torch.ones(4, 3)}.get, 4)
    with pytest.raises(NoFactors, match="no hada_w1_b"):
        factors({"hada_w1_a": torch.ones(4, 3)}.get, 4)
