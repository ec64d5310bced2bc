"""The means of what was measured, where an engine tells one number and not the other."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lora_mixer.ui.lab.reply_scores import tables


def test_perplexities_are_shown_where_nobody_tells_divergences() -> None:
    said = SimpleNamespace(columns=[SimpleNamespace(token_ids=(1, 2))])
    scores = SimpleNamespace(perplexity=((2.0,),), divergence=((math.nan,),))
    sheet: Any = SimpleNamespace(columns=[0], scores={0: scores}, results={0: said})
    told = cast("dict[str, Any]", tables(sheet))
    assert told["divergence"] == [[None]] and told["perplexity"] == [[pytest.approx(2.0)]]
