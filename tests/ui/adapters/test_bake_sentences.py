"""What came of a bake is said as it was found, and nothing is praised that was not compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lora_mixer.lora_ops.bakery.written import Baked, Merged
from lora_mixer.ui.adapters import bake_sentences

BAKED = Baked(
    folder=Path("loras/soft"),
    targets=14,
    parameters=1000,
    size=9_800_000,
    way="folded",
    rank=4,
    silent=0,
    sha256="0" * 64,
    greatest_difference=1e-6,
    greatest_logit=30.0,
    objections={"vLLM": [], "llama.cpp": ["it has no DoRA"]},
)
MERGED = Merged(
    folder=Path("models/whole"), targets=14, parameters=1000, size=999, names=("pirate", "poet"), opened=True
)


@pytest.mark.parametrize(
    ("way", "difference", "said", "confirmed"),
    [
        ("folded", 1e-6, "says what the desk says", True),
        ("concatenated", 0.01, "which is rounding", True),
        ("patterned", 0.2, "listen to it before you use it", False),
        ("svd", 1e-6, "comes near, and is not exact", True),
        ("svd", 3.0, "comes near, and is not exact", True),
        ("ties", None, "was not compared with the desk: there is not memory enough.", False),
    ],
)
def test_how_near_it_comes_is_said_by_its_way(way: str, difference: float | None, said: str, confirmed: bool):
    why = "" if difference is not None else "there is not memory enough"
    made = replace(BAKED, way=way, greatest_difference=difference, why_unchecked=why)
    assert said in bake_sentences.of(made)[1]
    assert made.confirmed == confirmed


def test_an_adapter_is_told_with_its_size_its_silent_ones_and_its_readers():
    lines = bake_sentences.of(replace(BAKED, silent=2, kept=0.954))
    assert lines[0] == f"soft is in {Path('loras')}: rank 4, 14 targets, of which 2 were silent, 9.8 MB"
    assert lines[2:] == [
        "95.4% of the exact sum (of its squared norm) is in it.",
        "vLLM: nothing is in the way.",
        "llama.cpp: it has no DoRA.",
    ]
    assert "14 targets, without 2 silent ones" in bake_sentences.of(replace(BAKED, silent=2, dropped=True))[0]


def test_a_model_is_told_with_all_that_is_in_it():
    lines = bake_sentences.of(replace(MERGED, why_unchecked="not asked for"))
    assert lines[0] == f"The model is in {MERGED.folder}: 999 B, with pirate and poet in its weights"
    assert "not compared" in lines[1] and "4 or 8 bits" in lines[2]


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (999, "999 B"), (999_600, "1 MB"), (1_230_000_000, "1.23 GB")])
def test_bytes_are_told_with_three_digits(count: int, said: str):
    assert bake_sentences.size(count) == said
