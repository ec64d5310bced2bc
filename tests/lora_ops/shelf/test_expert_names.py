"""Which parameter of a module of experts an adapter's weights are for."""

from __future__ import annotations

from typing import Any

import pytest

from lora_mixer.lora_ops.shelf.expert_names import expert_names

EXPERTS = "model.layers.0.mlp.experts"
INNER = f"{EXPERTS}.base_layer"


@pytest.mark.parametrize(
    ("paths", "parameters", "named"),
    [
        ({EXPERTS: 48, INNER: 80}, ["experts.gate_up_proj", "experts.down_proj"], ["down_proj", "gate_up_proj"]),
        ({EXPERTS: 80, INNER: 48}, ["gate_up_proj", "down_proj"], ["gate_up_proj", "down_proj"]),
        ({EXPERTS: 48}, ["mlp.experts.down_proj"], ["down_proj"]),
        ({EXPERTS: 48, INNER: 80}, ["experts.down_proj"], None),
        ({EXPERTS: 48}, ["other.down_proj"], None),
        ({EXPERTS: 48}, ["down_proj"], ["down_proj"]),
        ({EXPERTS: 48}, None, None),
    ],
)  # fmt: skip
def test_the_parameter_of_an_experts_weights(paths: dict[str, int], parameters: Any, named: list[str] | None) -> None:
    expected = {path: f"{EXPERTS}.{name}" for path, name in zip(paths, named or [], strict=False)}
    assert expert_names({**paths, "model.layers.0.self_attn.q_proj": 64}, parameters) == expected
