"""Impact estimated as a page asks for it: with its error, remembered, made into faders, and made exact on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.shelved import ask, opened, shelf_host, work
from helpers.tiny import pirate

from lora_mixer.lora_ops import Estimate, Impact
from lora_mixer.ui.page.studio import Studio

TEXT = {"adapter": "pirate", "source": "text", "text": "Ahoy there, mate"}


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


@pytest.mark.parametrize("what", ["silenced", "alone"])
def test_an_estimate_has_its_error_and_is_made_exact_on_request(console: Studio, what: str) -> None:
    found = work(console, "estimate", **TEXT, what=what)["impact"]
    assert len(found["targets"]) == 14 and len(found["kinds"]) == 7 and set(found["layers"]) == {"0", "1"}
    assert found["estimated"]["probes"] == 16 and not found["estimated"]["why_not"]
    assert found["estimated"]["targets"].keys() == found["targets"].keys()
    json.dumps(found, allow_nan=False)
    assert isinstance(console.works.impacts[what, "pirate"], Estimate)  # type: ignore[index]
    again = ask(console, "measured", adapter="pirate", what=what)["impact"]
    assert again["estimated"] == found["estimated"] and again["fresh"]
    exact = work(console, "impact", **TEXT, what=what)["impact"]
    assert exact["estimated"] is None and exact["complete"]
    assert isinstance(console.works.impacts[what, "pirate"], Impact)  # type: ignore[index]


def test_what_was_estimated_becomes_faders(console: Studio) -> None:
    work(console, "estimate", **TEXT, what="silenced")
    assert "11 of 14 targets" in ask(console, "keep top", adapter="pirate", what="silenced", count="3")["said"]
    assert list(console.panel.mix["pirate"].modules.values()) == [0.0] * 11


def test_an_adapter_that_no_gradient_reaches_says_so(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate(use_dora=True)))
    told = work(console, "estimate", **TEXT, what="silenced")
    assert "DoRA" in told["line"] and "impact" not in told
    assert work(console, "impact", **TEXT, what="silenced")["impact"]["complete"]
