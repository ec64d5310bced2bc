"""Shapes: curves over depth, and over what targets belong to."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny

from lora_mixer.lora_ops import Desk, Fade, Faders, Mix
from lora_mixer.lora_ops.shapes import SHAPES, belongs_to, shape
from lora_mixer.lora_ops.target import Adapter, Target, kind_of, layer_of


def adapter(*names: str) -> Adapter:
    targets = [Target("pirate", name, layer_of(name), kind_of(name), 4, 8.0, 2.0, True) for name in names]
    return Adapter("pirate", "lora", tuple(targets), 0, 0.0)


def deep(layers: int) -> Adapter:
    return adapter(
        *(f"model.layers.{at}.{kind}" for at in range(layers) for kind in ("self_attn.q_proj", "mlp.up_proj"))
    )


def gains(faders: Faders, of: Adapter) -> dict[str, float]:
    return dict(zip((t.name for t in of.scalable), faders.gains(of.scalable), strict=True))


def over_depth(name: str, layers: int) -> list[float]:
    of = deep(layers)
    by_name = gains(shape(name, of), of)
    both = [
        {by_name[f"model.layers.{at}.{kind}"] for kind in ("self_attn.q_proj", "mlp.up_proj")} for at in range(layers)
    ]
    assert all(len(one) == 1 for one in both)
    return [one.pop() for one in both]


def test_curves_over_depth() -> None:
    assert over_depth("fade_in", 5) == [0, 0.25, 0.5, 0.75, 1]
    assert over_depth("fade_out", 5) == [1, 0.75, 0.5, 0.25, 0]
    assert over_depth("middle", 7) == [0, 0, 1, 1, 1, 0, 0]
    assert over_depth("middle", 30) == [0] * 10 + [1] * 10 + [0] * 10
    assert over_depth("as_loaded", 3) == [1, 1, 1]
    assert over_depth("middle", 1) == [1]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("model.layers.3.self_attn.o_proj", "attention"),
        ("model.layers.3.mlp.gate_proj", "mlp"),
        ("transformer.h.0.attn.c_proj", "attention"),
        ("transformer.h.0.mlp.c_proj", "mlp"),
        ("model.decoder.layers.1.self_attn.out_proj", "attention"),
        ("model.decoder.layers.1.fc1", "mlp"),
        ("model.layers.0.block_sparse_moe.experts.3.w1", "mlp"),
        ("model.layers.0.mlp.experts.gate_up_proj", "mlp"),
        ("model.layers.0.mlp.shared_expert.down_proj", "mlp"),
        ("decoder.block.2.layer.0.SelfAttention.o", "attention"),
        ("decoder.block.2.layer.1.DenseReluDense.wo", "mlp"),
        ("gpt_neox.layers.5.attention.query_key_value", "attention"),
        ("gpt_neox.layers.5.mlp.dense_4h_to_h", "mlp"),
        ("transformer.h.1.self_attention.dense", "attention"),
        ("model.layers.0.feed_forward.w2", "mlp"),
        ("model.layers.0.attention.wo", "attention"),
        ("model.layers.0.attention.wqkv", "attention"),
        ("q_proj", "attention"),
        ("model.embed_tokens", ""),
        ("lm_head", ""),
        ("backbone.layers.0.mixer.in_proj", ""),
    ],
)
def test_what_belongs_where(name: str, what: str) -> None:
    assert belongs_to(adapter(name).targets[0]) == what


def test_attention_and_mlp_alone() -> None:
    of = adapter(
        "transformer.wte", "transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj", "transformer.h.0.mlp.c_proj"
    )
    assert list(gains(shape("attention", of), of).values()) == [0, 1, 1, 0]
    assert list(gains(shape("mlp", of), of).values()) == [0, 0, 0, 1]
    assert shape("mlp", of).kinds == {"c_attn": 0, "wte": 0}  # a kind that is in both is set target by target


def test_what_is_in_no_layer_stands_before_or_after_them_all() -> None:
    of = adapter("model.embed_tokens", "model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj", "lm_head")
    assert list(gains(shape("fade_in", of), of).values()) == [0, 0, 1, 1]
    assert list(gains(shape("fade_out", of), of).values()) == [1, 1, 0, 0]
    assert list(gains(shape("middle", of), of).values()) == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if "blend" not in kind.name], ids=str)
def test_every_adapter_takes_every_shape(kind: Any) -> None:
    desk = Desk(kind.build())
    for name in SHAPES:
        mix = Mix({of.name: shape(name, of) for of in desk.adapters.values()})
        desk.apply(mix)
        assert Mix.from_dict(mix.to_dict()) == mix
        for of in desk.adapters.values():
            assert len(mix[of.name].modules) <= len(of.scalable)
    desk.reset()


def test_what_is_no_part_of_a_shape_stays() -> None:
    of = deep(3)
    fade = Fade.parse("0 at 0, 1 at 9")
    before = Faders(False, 0.5, {"q_proj": 3.0}, {1: 4.0}, fades={"master": fade, "kind:q_proj": fade})
    assert shape("fade_in", of, before) == Faders(False, 0.5, layers={0: 0.0, 1: 0.5}, fades={"master": fade})
    assert shape("as_loaded", of) == Faders()
    with pytest.raises(ValueError, match="no shape 'round'; there is as_loaded, fade_in"):
        shape("round", of)


def test_every_shape_tells_what_it_does() -> None:
    assert all(shape.name == name and shape.title and shape.about.endswith(".") for name, shape in SHAPES.items())
