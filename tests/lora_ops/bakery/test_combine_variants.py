"""Adapters of every sort combined and merged: what stock PEFT plays of them together, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.variants import (
    NAME,
    OTHER,
    VARIANTS,
    Variant,
    as_mixed,
    as_mixed_together,
    lora,
    named,
    off,
    said,
    saved,
    stock,
)

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combine, combine_weights
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.ways import Recipe
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights

CLOSE = 2e-5
#: What does not add up to others, and words of the reason.
ALONE = {
    "PiSSA": "PiSSA",
    "PiSSA with patterns": "PiSSA",
    "OLoRA": "OLoRA",
    "OLoRA with patterns": "OLoRA",
    "CorDA": "CorDA",
    "KaSA": "KaSA",
    "DoRA": "is dora",
    "aLoRA": "aLoRA: it acts from its invocation tokens on",
    "repeated layers": "repeats layers",
    "biases of the base": "replaces biases of the base model",
}


def plain_beside(variant: Variant) -> Variant:
    """A plain adapter of another rank for the same base model; of experts, on the very same targets."""
    config = variant.config()
    if config.target_parameters:
        return replace(variant, config=lambda: replace(variant.config(), r=2, lora_alpha=5, rank_pattern={}))
    return Variant("plain", lora(r=3, lora_alpha=5, target_modules=["q_proj", "up_proj"]), variant.base)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_with_a_plain_one_it_adds_up_or_is_refused_by_name(variant: Variant, tmp_path: Path):
    folders = {
        NAME: saved(variant, tmp_path / "one"),
        OTHER: saved(plain_beside(variant), tmp_path / "other", seed=2),
    }
    parts = [read_weights(folder, name) for name, folder in folders.items()]
    if why := ALONE.get(variant.name):
        for order in (parts, parts[::-1], parts[:1]):
            if why != "replaces biases of the base model" or len(order) > 1:
                with pytest.raises(ValueError, match=why):
                    combine_weights(order, Mix(), tmp_path, "both", Recipe())
        assert not (tmp_path / "both").exists()
        return
    kinds = [next(target.kind for target in weights.targets) for weights in parts]
    for at, mix in enumerate(
        (
            Mix(),
            Mix({NAME: Faders(master=0.37, kinds={kinds[0]: -1.5}), OTHER: Faders(kinds={kinds[1]: 2.0})}),
            Mix({NAME: Faders(kinds={kinds[0]: 0.0}), OTHER: Faders(master=0.0)}),
        )
    ):
        both = combine_weights(parts[:: -1 if at == 2 else 1], mix, tmp_path, f"both {at}", Recipe())
        found = said(stock(variant, both.folder))
        if "experts" in variant.name:  # PEFT 0.18 holds one adapter of experts in a model
            deltas = [_deltas(variant, folder, mix, name) for name, folder in folders.items()]
            whole = _deltas(variant, both.folder, Mix(), NAME)
            for name, delta in whole.items():
                torch.testing.assert_close(delta, deltas[0][name] + deltas[1][name], rtol=1e-4, atol=1e-4)
        else:
            assert off(found, as_mixed_together(variant, folders, mix)) < CLOSE, mix


def _deltas(variant: Variant, folder: Path, mix: Mix, name: str) -> dict[str, torch.Tensor]:
    """What an adapter adds to each of its targets."""
    model = stock(variant, folder)
    desk = Desk(model)
    desk.apply(Mix({NAME: mix[name]}))
    return {
        target.name: desk.engine.knob(target).layer.get_delta_weight(NAME) for target in desk.adapters[NAME].scalable
    }


@pytest.mark.parametrize("variant", named("plain", "biases in B", "tied embeddings", "EVA"), ids=str)
def test_live_it_adds_up_too(variant: Variant, tmp_path: Path):
    folders = {
        NAME: saved(variant, tmp_path / "one"),
        OTHER: saved(plain_beside(variant), tmp_path / "other", seed=2),
    }
    model = stock(variant, folders[NAME])
    model.load_adapter(str(folders[OTHER]), adapter_name=OTHER)
    desk = Desk(model)
    mix = Mix({NAME: Faders(master=0.5, kinds={"q_proj": -1.5}), OTHER: Faders(master=0.8)})
    both = combine(desk, mix, [NAME, OTHER], tmp_path, "both", Recipe(), writing=Writing(sources=folders))
    assert both.relative_difference is not None and both.relative_difference < CLOSE
    assert off(said(stock(variant, both.folder)), as_mixed_together(variant, folders, mix)) < CLOSE


@pytest.mark.parametrize(
    "variant", [one for one in VARIANTS if one.name not in ("new tokens", "repeated layers")], ids=str
)
def test_merged_it_plays_what_stock_peft_plays_or_is_refused_by_name(variant: Variant, tmp_path: Path):
    source = saved(variant, tmp_path)
    desk = Desk(stock(variant, source))
    mix = Mix({NAME: Faders(master=0.5)})
    if not variant.live:
        with pytest.raises(ValueError, match="cannot be written: a LoRA variant"):
            merge(desk, mix, tmp_path, "whole", writing=Writing(check=False))
        assert not (tmp_path / "whole").exists()
        return
    whole = merge(desk, mix, tmp_path, "whole", writing=Writing(check=False))
    kind: Any = type(variant.base())
    found = said(kind.from_pretrained(str(whole.folder)).eval())
    assert off(found, as_mixed(variant, source, mix)) < CLOSE
