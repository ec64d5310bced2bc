"""An adapter's weights as they lie in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.baked import CLOSE
from helpers.variants import NAME, named, off, said, saved
from helpers.variants import stock as loaded
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake, bake_weights
from lora_mixer.lora_ops.bakery.ways import WAYS
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_files import AdapterFileError
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


def test_numbers_that_are_none_are_not_handed_on(tmp_path: Path):
    tiny.pirate().save_pretrained(tmp_path)
    file = tmp_path / "pirate" / "adapter_model.safetensors"
    tensors = load_file(file)
    first = sorted(tensors)[0]
    tensors[first][0, 0] = float("inf")
    save_file(tensors, file)
    with pytest.raises(AdapterFileError, match=f"adapter_model.safetensors: {first} holds numbers that are none"):
        read_weights(tmp_path / "pirate")


@pytest.mark.parametrize("way", WAYS)
def test_magnitudes_in_either_spelling_are_magnitudes(way: Any, tmp_path: Path):
    [variant] = named("DoRA")
    source = saved(variant, tmp_path)
    file = source / "adapter_model.safetensors"
    heard = said(loaded(variant, source))
    tensors = {key + ".weight" * key.endswith("_vector"): one for key, one in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    weights = read_weights(source, NAME)
    for gain in (0.0, 0.5, -1.0):
        with pytest.raises(ValueError, match="name the base model"):
            bake_weights(weights, Mix({NAME: Faders(master=gain)}), tmp_path, "out", way)
    baked = bake_weights(weights, Mix(), tmp_path, "out", way)
    assert off(said(loaded(variant, baked.folder)), heard) < CLOSE
    model = loaded(variant, source)
    writing = Writing(sources={NAME: source})
    silent = bake(Desk(model), Mix({NAME: Faders(master=0.0)}), NAME, tmp_path, "silent", way, writing)
    assert off(said(loaded(variant, silent.folder)), said(variant.base())) < CLOSE
