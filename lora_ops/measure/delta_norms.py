"""How large the change is that an adapter makes to a weight, worked out from its small matrices.

The Frobenius norm of B A is the root of the sum of (B' B) * (A A'), two matrices of rank x rank: B A is never formed.
Everything here is at a scaling of 1, whatever stands in the layer right now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..engines.peft.knob import DoraKnob, Knob


@dataclass(frozen=True)
class DoraDelta:
    """How a weight's rows change under DoRA (arXiv:2402.09353), at any gain; all of shape (outputs,), in float64.

    At gain g the row W becomes m(g) (W + g D) / |W + g D|, with m(g) = |W| + g (m - |W|) as `DoraKnob` writes it.

    Attributes:
        base: |W|.
        cross: W . D, D being scaling x B A.
        own: |D|.
        magnitude: m, as loaded.
    """

    base: torch.Tensor
    cross: torch.Tensor
    own: torch.Tensor
    magnitude: torch.Tensor

    def norm(self, gain: float) -> float:
        """The norm of what is added to the weight at this gain."""
        longer = 2 * gain * self.cross + gain**2 * self.own**2
        length = (self.base**2 + longer).clamp(min=0).sqrt()
        # (m(g) - length) / length, without the difference of two large numbers
        grown = gain * (self.magnitude - self.base) - longer / (length + self.base)
        more = grown / length
        factor = 1 + more
        squares = (more * self.base) ** 2 + 2 * more * factor * gain * self.cross + (factor * gain * self.own) ** 2
        return float(squares.clamp(min=0).nan_to_num(0.0).sum()) ** 0.5


@torch.no_grad()
def delta(knob: Knob) -> torch.Tensor | DoraDelta:
    """The norm of an adapter's change to one weight at scaling 1, without dimensions; for DoRA, the change at any gain.

    Biases that an adapter adds (`lora_bias`) are no part of the weight, and do not count.
    """
    layer, adapter = knob.layer, knob.adapter
    if isinstance(knob, DoraKnob):
        return _dora(knob)
    if hasattr(layer, "hada_w1_a"):
        return _loha(layer, adapter)
    if hasattr(layer, "lokr_w1"):
        return _lokr(layer, adapter)
    a, b = _pair(knob)
    experts = getattr(layer, "num_experts", 1)
    if experts == 1:
        return _product_norm(b, a)
    # As PEFT lays them out: A of (experts x rank, in), B of (out, rank x experts).
    per_expert_a = a.reshape(experts, -1, a.shape[1])
    per_expert_b = b.reshape(len(b), -1, experts).permute(2, 0, 1)
    return _product_norm(per_expert_b, per_expert_a)


def _pair(knob: Knob) -> tuple[torch.Tensor, torch.Tensor]:
    """A of (rank, in) and B of (out, rank) as loaded, in float32; convolutions flattened."""
    found = knob.matrices()
    assert found is not None, "only LoRA gets here"
    a, b = found
    return a.float().flatten(1), b.float().flatten(1)


def _product_norm(b: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """The norm of b @ a, of one pair of matrices or of all pairs together."""
    return ((b.mT @ b) * (a @ a.mT)).sum().clamp(min=0).sqrt()


def _loha(layer: Any, adapter: str) -> torch.Tensor:
    from peft.tuners.loha.layer import make_weight_cp

    w1a, w1b, w2a, w2b = (
        container[adapter].float() for container in (layer.hada_w1_a, layer.hada_w1_b, layer.hada_w2_a, layer.hada_w2_b)
    )
    if adapter in layer.hada_t1:
        one = torch.tensor(1.0)
        t1, t2 = layer.hada_t1[adapter].float(), layer.hada_t2[adapter].float()
        return torch.linalg.vector_norm(make_weight_cp(t1, w1a, w1b, t2, w2a, w2b, scale=one))
    return torch.linalg.vector_norm((w1a @ w1b) * (w2a @ w2b))


def _lokr(layer: Any, adapter: str) -> torch.Tensor:
    """The norm of a Kronecker product is the product of the norms."""
    if adapter in layer.lokr_w1:
        first = torch.linalg.vector_norm(layer.lokr_w1[adapter].float())
    else:
        first = _product_norm(layer.lokr_w1_a[adapter].float(), layer.lokr_w1_b[adapter].float())
    if adapter in layer.lokr_w2:
        return first * torch.linalg.vector_norm(layer.lokr_w2[adapter].float())
    a, b = layer.lokr_w2_a[adapter].float(), layer.lokr_w2_b[adapter].float()
    if adapter in layer.lokr_t2:
        from peft.tuners.lokr.layer import make_weight_cp

        return first * torch.linalg.vector_norm(make_weight_cp(layer.lokr_t2[adapter].float(), a, b))
    return first * _product_norm(a, b)


def _dora(knob: DoraKnob) -> DoraDelta:
    from peft.utils.integrations import dequantize_module_weight

    layer, adapter = knob.layer, knob.adapter
    a, b = _pair(knob)
    weight = dequantize_module_weight(layer.get_base_layer()).detach()
    # Embeddings and Conv1D keep their outputs in columns.
    columns = adapter in layer.lora_embedding_A or getattr(layer, "fan_in_fan_out", False)
    weight = (weight.T if columns else weight).float().flatten(1).to(a.device)
    scaling = float(knob.loaded)
    own = ((b @ (a @ a.T)) * b).sum(1).clamp(min=0).sqrt() * abs(scaling)
    cross = ((weight @ a.T) * b).sum(1) * scaling
    magnitude = knob.magnitude(1).reshape(-1)
    base = torch.linalg.vector_norm(weight, dim=1)
    return DoraDelta(*(part.double().cpu() for part in (base, cross, own, magnitude)))
