"""Adapters and targets as facts: kinds, layers, names."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from lora_mixer.lora_ops import Adapter, Target
from lora_mixer.lora_ops.target import kind_of, layer_of


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("model.layers.3.self_attn.q_proj", 3),
        ("model.layers.11.mlp.experts.7.w1", 11),
        ("model.layers.2.mlp.experts.gate_up_proj", 2),
        ("model.decoder.layers.4.fc1", 4),
        ("model.language_model.layers.5.self_attn.q_proj", 5),
        ("language_model.model.layers.6.mlp.down_proj", 6),
        ("transformer.h.12.attn.c_attn", 12),
        ("transformer.blocks.7.ffn.up_proj", 7),
        ("gpt_neox.layers.8.attention.query_key_value", 8),
        ("backbone.layers.9.mixer.in_proj", 9),
        ("decoder.block.1.layer.0.SelfAttention.q", 1),
        ("decoder.block.1.layer.1.EncDecAttention.k", 1),
        ("model.decoder.layers.2.encoder_attn.k_proj", 2),
        ("layers.0", 0),
        ("lm_head", None),
        ("model.embed_tokens", None),
        ("transformer.wte", None),
        ("model.encoder.layers.2.self_attn.q_proj", None),
        ("encoder.block.0.layer.0.SelfAttention.q", None),
        ("model.vision_tower.vision_model.encoder.layers.3.self_attn.q_proj", None),
        ("vision_model.transformer.layers.3.self_attn.q_proj", None),
        ("model.visual.blocks.3.attn.qkv", None),
        ("visual.blocks.3.attn.qkv", None),
        ("audio_tower.layers.3.fc1", None),
        ("image_encoder.layers.3.fc1", None),
        ("multi_modal_projector.layers.0.linear", None),
        ("model.connector.perceiver_resampler.layers.0.mlp", None),
        ("model.mm_layers.count", None),
        ("players.3.q_proj", None),
    ],
)
def test_the_layer_is_the_index_of_the_decoder_block(name: str, layer: int | None):
    assert layer_of(name) == layer


@pytest.mark.parametrize(
    ("name", "kind"),
    [("model.layers.3.self_attn.q_proj", "q_proj"), ("lm_head", "lm_head"), ("a.experts.gate_up_proj", "gate_up_proj")],
)
def test_the_kind_is_the_last_part_of_the_name(name: str, kind: str):
    assert kind_of(name) == kind


def made(name: str, scalable: bool = True) -> Target:
    return Target("pirate", name, layer_of(name), kind_of(name), 4, 8.0, 2.0, scalable, "" if scalable else "merged")


def test_an_adapter_lists_what_has_a_fader():
    adapter = Adapter(
        "pirate",
        "lora",
        (
            made("model.embed_tokens"),
            made("model.layers.10.v_proj"),
            made("model.layers.2.q_proj"),
            made("model.layers.2.v_proj"),
            made("model.layers.4.k_proj", scalable=False),
        ),
        parameters=100,
        share=0.1,
    )
    assert [target.name for target in adapter.scalable] == [target.name for target in adapter.targets[:4]]
    assert adapter.kinds == ("embed_tokens", "v_proj", "q_proj")
    assert adapter.layers == (2, 10)
    assert "model.layers.4.k_proj" not in adapter.names
    assert len(adapter.names) == 4
    assert adapter.largest_scaling == 2.0
    assert replace(adapter, targets=adapter.targets[4:]).largest_scaling == 0.0


def test_targets_and_adapters_cannot_be_changed():
    target = made("lm_head")
    with pytest.raises(FrozenInstanceError):
        target.scaling = 3.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Adapter("pirate", "lora", (target,), 1, 0.1).name = "poet"  # type: ignore[misc]
