"""What the demo's adapters do is measured with gains that really stand in the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny

from lora_mixer.demo.manners import MANNERS
from lora_mixer.demo.measure import Stage, constant, kinds, layers, silent, summary


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    tiny.two().save_pretrained(tmp_path)
    monkeypatch.setattr("lora_mixer.demo.measure.load_base", lambda cache: (tiny.llama(), tiny.tokenizer()))
    return Stage.load(["pirate", "poet"], tmp_path, tmp_path)


def test_gain_0_is_the_base_and_gain_1_as_loaded_and_who_is_not_named_is_silent(stage: Stage) -> None:
    model: Any = stage.model
    loaded = tiny.logits(model)
    stage.play({})
    assert torch.equal(tiny.logits(model), tiny.base_logits(model))
    stage.play({"pirate": constant(0.0), "poet": constant(0.0)})
    assert torch.equal(tiny.logits(model), tiny.base_logits(model))
    stage.play({"pirate": constant(1.0), "poet": constant(1.0)})
    assert torch.equal(tiny.logits(model), loaded)
    stage.play({"pirate": silent(r"\.q_proj$"), "poet": constant(1.0)})
    assert not torch.equal(tiny.logits(model), loaded)


def test_layers_are_matched_by_their_whole_number(stage: Stage) -> None:
    assert re.search(layers(0, 1), "model.layers.1.self_attn.q_proj")
    assert not re.search(layers(0, 1), "model.layers.11.self_attn.q_proj")
    assert {"q_proj", "v_proj"} <= set(kinds(stage, "poet"))


def test_a_summary_counts_the_words_of_the_manner() -> None:
    assert summary(["arr, matey", "hello", "aye"], MANNERS["pirate"]).split() == ["1.0", "|", "1", "of", "3"]
