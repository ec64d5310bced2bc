"""What a resized adapter will be is known before it is written: ranks, size, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.baked import moved

from lora_mixer.lora_ops import Desk, Keep, loaded_weights, resize
from lora_mixer.lora_ops.bakery.foreseen import foresee, strengths


@pytest.mark.parametrize("keep", [{"rank": 2}, {"energy": 0.8}, {"energy": 0.8, "uniform": True}], ids=str)
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("LoRA with patterns", ["pirate"]),
        ("LoRA with biases", ["pirate"]),
        ("LoRA on experts (gpt-oss)", ["pirate"]),
        ("LoRA on Conv1D", ["pirate"]),
        ("two adapters of differing ranks", ["pirate", "poet"]),
    ],
)
def test_it_is_what_is_written_then(kind: str, names: list[str], keep: dict[str, Any], tmp_path: Path) -> None:
    desk = Desk(next(one for one in tiny.KINDS if one.name == kind).build())
    mix = moved(desk)
    parts = [loaded_weights(desk, name) for name in names]
    seen = foresee(parts, strengths(parts, mix), Keep(**keep))
    made = resize(desk, mix, names, tmp_path, "out", **keep)
    assert seen.parameters == made.parameters and abs(seen.size - made.size) < 0.05 * made.size + 20_000
    assert (seen.parameters_before, seen.size_before) == (made.parameters_before, made.size_before)
    assert seen.error == pytest.approx(made.error, abs=1e-6)
    if "uniform" not in keep:
        assert seen.ranks == made.ranks
    else:
        assert set(seen.ranks.values()) == {max(made.ranks.values())}


def test_a_rank_that_there_is_not_and_another_method_are_refused() -> None:
    desk = Desk(tiny.pirate())
    parts = [loaded_weights(desk, "pirate")]
    with pytest.raises(ValueError, match="no rank 5 to keep"):
        foresee(parts, strengths(parts, desk.mix), Keep(rank=5))
    desk = Desk(tiny.pirate(use_dora=True))
    with pytest.raises(ValueError, match="dora"):
        strengths([loaded_weights(desk, "pirate")], desk.mix)
