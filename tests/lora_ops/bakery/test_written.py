"""What came of a bake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.written import Baked


def test_what_was_baked_is_plain_data(tmp_path: Path):
    baked = bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path, "out")
    data = json.loads(json.dumps(baked.to_dict()))
    assert data["folder"] == str(tmp_path / "out") and data["rank"] == 4
    assert isinstance(baked, Baked)


@given(st.floats(0, 10), st.floats(0.01, 100), st.sampled_from(["folded", "patterned", "concatenated", "ties", "svd"]))
def test_a_bake_that_should_be_exact_is_confirmed_only_where_it_says_the_same(
    apart: float, logit: float, way: str
) -> None:
    fields: dict[str, Any] = {"folder": Path("x"), "targets": 1, "parameters": 1, "size": 1, "rank": 1, "silent": 0}
    made = Baked(**fields, sha256="", way=way, greatest_difference=apart, greatest_logit=logit)
    assert made.exact == (way in ("folded", "patterned", "concatenated"))
    assert made.confirmed == (not made.exact or apart <= 0.05)
    assert made.relative_difference == pytest.approx(apart / logit)
    unchecked = Baked(**fields, sha256="", way=way, why_unchecked="not asked for")
    assert unchecked.closeness == "" and not unchecked.confirmed and unchecked.relative_difference is None
