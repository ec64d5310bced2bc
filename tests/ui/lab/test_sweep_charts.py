"""Charts of a sweep."""

from __future__ import annotations

import pytest
from helpers.compared import compared, drawn, read_back

from lora_mixer.ui.lab.sweep_charts import Charting
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
