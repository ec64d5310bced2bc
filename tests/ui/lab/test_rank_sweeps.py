"""Sweeps over rank and energy on the page: offered where they mean something, and drawn as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.compared import compared, drawn
from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate

from lora_mixer.ui.lab.orders import ORDERS, examples
from lora_mixer.ui.lab.sweep_charts import Charting
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio


def desk_of(console: Studio) -> Any:
    desk = console.desk()
    assert desk is not None
    return desk


def test_ranks_are_offered_up_to_that_of_the_adapter(tmp_path: Path) -> None:
    offered = examples(desk_of(opened(shelf_host(tmp_path, pirate(r=16)))))
    assert "rank 1, 2, 4, 8, 16" in offered and "energy 0.5 to 1 in 0.1" in offered
    assert "rank 1, 2, 4, 6" in examples(desk_of(opened(shelf_host(tmp_path, pirate(r=6)))))
    without = examples(desk_of(opened(shelf_host(tmp_path, pirate(use_dora=True)))))
    assert without and not any(one.startswith(("rank", "energy")) for one in without)


def test_rank_and_master_make_a_grid(console: Studio) -> None:
    answer = ORDERS.obey(OpenPage(console), {"do": "fill", "x": "rank 1, 2, 4", "y": "master 0.5, 1"})
    assert "refused" not in answer
    mixes = [slot.kept for slot in console.lab.setup.slots]
    assert [(mix["pirate"].rank, mix["pirate"].master) for mix in mixes if mix] == [
        (rank, gain) for gain in (0.5, 1) for rank in (1, 2, 4)
    ]
    refused = ORDERS.obey(OpenPage(console), {"do": "fill", "x": "rank 1, 99", "y": ""})["refused"]
    assert refused["at"] == "x" and "rank 4" in refused["why"]


@pytest.mark.parametrize(
    ("sweep", "says"), [("rank 1, 2, 4", "components are heard"), ("energy 0.5, 1", "share of it")]
)
def test_the_charts_say_what_is_swept(console: Studio, sweep: str, says: str) -> None:
    pytest.importorskip("plotly")
    _, figure = drawn(Charting(console).of_sweep(compared(console, "Ahoy there", sweep=sweep)))
    titles = [str(axis.title.text) for axis in figure.select_xaxes()]
    assert any(says in title for title in titles) and not any("gain of" in title for title in titles)
    assert figure.data[2].y[-1] == 1, "with all components heard it says what it says as loaded"
    text = Charting(console).of_text("Ahoy there, mate, and who goes?", sweep)
    told = " ".join(str(note.text) for note in text.layout.annotations)
    assert f"likeliest at {sweep.split()[0]}" in told and "larger" not in told
