"""Charts of a sweep."""

from __future__ import annotations

import pytest
from helpers.compared import compared, drawn, read_back

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.lab.sweep_charts import Charting
from lora_mixer.ui.page.crossfader import Crossfader, Side
from lora_mixer.ui.page.studio import Studio


def test_a_chart_is_the_mean_of_all_rows_also_of_those_from_a_file(console: Studio) -> None:
    pytest.importorskip("plotly")
    sheet = compared(console, "Ahoy there\nWho goes?", sweep="master 0, 0.5, 1")
    lines, figure = drawn(Charting(console).of_sweep(sheet))
    assert [line.part for line in lines] == [0.0, 0.5] and lines[1].text.startswith("Drawing: 1 of 2 rows")
    assert any("mean of 2 rows" in str(axis.title.text) for axis in figure.select_xaxes())
    _, from_file = drawn(Charting(console).of_sweep(read_back(console, sheet)))
    assert from_file.to_dict() == figure.to_dict()
    _, alone = drawn(Charting(console).of_sweep(compared(console, "Ahoy there")))
    assert alone.data[1].y != figure.data[1].y
    assert not any("mean of" in str(axis.title.text) for axis in alone.select_xaxes())


def test_a_crossfade_that_is_read_back_still_knows_its_two_mixes(console: Studio) -> None:
    pytest.importorskip("plotly")
    desk = console.desk()
    assert desk is not None
    [name] = list(desk.adapters)[:1]
    quiet, odd = (Mix({name: Faders(master=gain, kinds={"q_proj": other})}) for gain, other in ((0.25, 2), (1.5, 0.5)))
    console.fade_between(Crossfader(Side("profile:a", "a", quiet), Side("profile:b", "b", odd)))
    sheet = compared(console, "Ahoy there", sweep="crossfade 0 to 1 in 0.5")
    _, figure = drawn(Charting(console).of_sweep(sheet))
    titles = [note.text for note in figure.layout.annotations]
    assert "agreement with the second mix's reply" in titles and "as-loaded" not in str(figure.to_dict())
    again = read_back(console, sheet)
    assert again.filled == sheet.filled
    _, from_file = drawn(Charting(console).of_sweep(again))
    assert from_file.to_dict() == figure.to_dict()
