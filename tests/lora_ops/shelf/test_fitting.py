"""Whether an adapter on disk fits the model that is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny

from lora_mixer.lora_ops.shelf.shelf import shelf


def test_what_cannot_fit_the_loaded_model_says_why(tmp_path: Path) -> None:
    model = tiny.pirate()
    model.save_pretrained(tmp_path)
    fit = {}
    for name, other in (
        ("same", model),
        ("base", tiny.llama()),
        ("experts", tiny.mixtral()),
        ("4-bit", tiny.quantised(4)),
        ("wide", tiny.llama(hidden_size=64)),
        ("flat", tiny.llama(num_hidden_layers=1)),
        ("gpt2", tiny.gpt2()),
    ):
        (entry,) = shelf(tmp_path, other)
        fit[name] = entry.fits
    assert fit["same"] == fit["base"] == ""
    assert "in this model" in fit["4-bit"] and "in this model" in fit["wide"]
    assert "this model has 1" in fit["flat"]
    assert "another architecture" in fit["gpt2"]
    assert "model.layers.0.mlp" in fit["experts"]


#: All that PEFT saves: it refuses to save a mixed model, and an injected adapter belongs to transformers.
SAVED = [kind for kind in tiny.KINDS if "injected" not in kind.name and "same layers" not in kind.name]


@pytest.mark.parametrize("kind", SAVED, ids=str)
def test_every_kind_of_adapter_fits_the_model_that_it_came_from(kind: tiny.Kind, tmp_path: Path) -> None:
    kind.build().save_pretrained(tmp_path)
    entries = shelf(tmp_path, kind.build())
    assert entries and not any(entry.fits or entry.error for entry in entries)
