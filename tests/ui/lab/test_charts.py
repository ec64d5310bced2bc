"""Charts are plain data that any plotly.js can draw, whatever the numbers and names are."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lora_mixer.lora_ops import Duel, Faders, Mix
from lora_mixer.lora_ops.lab.curves import Curve, Point
from lora_mixer.lora_ops.optional_packages import MissingPackage
from lora_mixer.lora_ops.results.tally import Tally, tally
from lora_mixer.ui.lab import charts

NASTY = "</script><script>alert(1)</script>\n<b>bold</b>"


def a_curve(*perplexities: float, replies: bool = True, label: str = "master") -> Curve:
    points = [
        Point(at / 2, -math.log(each), each, at * 0.1, 1 / (1 + at), *((10 + at, each * 0.9) if replies else ()))
        for at, each in enumerate(perplexities)
    ]
    return Curve(label, tuple(points), 20)


def some_votes() -> Tally:
    mixes = [Mix({"pirate": Faders(master=gain)}) for gain in (0.0, 0.5, 1.0, 2.0)]

    def duel(left: int, right: int, verdict: Any) -> Duel:
        return Duel(left=mixes[left], right=mixes[right], left_label=f"A{left}", right_label=NASTY, verdict=verdict)

    return tally([duel(0, 1, "left"), duel(0, 1, "right"), duel(1, 2, "right"), duel(3, 0, "bad")])


def all_figures() -> list[Any]:
    votes = some_votes()
    return [
        charts.curve(a_curve(9, 3, 2, 4)),
        charts.curve(a_curve(9, 3, 2, 40_000, math.inf, replies=False, label=NASTY)),
        charts.likelihood(a_curve(9, 3, 2, 4)),
        charts.likelihood(a_curve(9, 3)),
        charts.pairs(["A", "A", NASTY], [[0, 1, 2], [3, math.nan, 4], [math.inf, 5, 0]], "divergence"),
        charts.table(["0", "1"], ["0", "1", "2"], [[0, 1], [2, 3], [4, 5]], NASTY),
        charts.win_rates(votes),
        charts.ranking(votes),
        charts.win_rates(Tally()),
        charts.ranking(Tally()),
    ]


def values(data: Any) -> Iterator[Any]:
    """All that is in nested lists and dictionaries."""
    if isinstance(data, dict):
        for value in data.values():
            yield from values(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from values(value)
    else:
        yield data


def test_figures_are_plain_json():
    for figure in all_figures():
        data = figure.to_plotly_json()
        assert {type(value) for value in values(data)} <= {str, int, float, bool, type(None)}
        text = figure.to_json()
        assert "bdata" not in text
        json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def test_figures_have_no_ground_of_their_own():
    for figure in all_figures():
        assert {figure.layout.paper_bgcolor, figure.layout.plot_bgcolor} == {"rgba(0,0,0,0)"}
        assert figure.layout.font.color == "#888888"
        assert figure.layout.height


def test_names_of_columns_stay_text():
    for figure in all_figures():
        assert "<script" not in json.dumps(figure.to_plotly_json()).lower()
    figure = charts.pairs(["A", "A", NASTY], [[0.0] * 3] * 3, "divergence")
    assert list(figure.layout.xaxis.ticktext) == ["A", "A", "&lt;/script&gt;&lt;script&gt;alert(…"]


def test_a_curve_draws_every_number():
    figure = charts.curve(a_curve(9, 3, 2, 4))
    assert [list(trace.y) for trace in figure.data] == [
        [9, 3, 2, 4],
        [0, 0.1, 0.2, pytest.approx(0.3)],
        [1, 1 / 2, 1 / 3, 1 / 4],
        [10, 11, 12, 13],
        [pytest.approx(each * 0.9) for each in (9, 3, 2, 4)],
    ]
    assert all(list(trace.x) == [0, 0.5, 1, 1.5] for trace in figure.data)
    assert len(charts.curve(a_curve(9, 3, replies=False)).data) == 3


def test_a_perplexity_that_explodes_is_drawn_on_a_logarithmic_scale():
    assert charts.curve(a_curve(9, 3, 2)).layout.yaxis.type is None
    assert charts.curve(a_curve(9, 3, 2000)).layout.yaxis.type == "log"


def test_the_likeliest_gain_is_named():
    def told(*perplexities: float) -> str:
        [text] = [note.text for note in charts.likelihood(a_curve(*perplexities)).layout.annotations]
        return text

    assert told(9, 3, 2, 4) == "likeliest at gain 1"
    assert told(9, 3, 2) == "likeliest at gain 1: try larger ones too"


def test_win_rates_are_drawn_with_their_intervals():
    votes = some_votes()
    figure = charts.win_rates(votes)
    for at, standing in enumerate([one for one in votes.standings if one.rate.share is not None]):
        share = figure.data[0].x[at]
        assert share == standing.rate.share
        assert share + figure.data[0].error_x.array[at] == pytest.approx(standing.rate.high)
        assert share - figure.data[0].error_x.arrayminus[at] == pytest.approx(standing.rate.low)
    assert list(charts.ranking(votes).data[0].x) == [standing.strength for standing in votes.standings]


def test_numbers_that_do_not_fill_the_grid_are_refused():
    with pytest.raises(ValueError, match="2 rows and 1 columns"):
        charts.table(["a"], ["b", "c"], [[1.0]], "")


def test_html_brings_the_script_along_once_and_asks_for_nothing():
    page = charts.html(all_figures()[:3])
    assert page.count("Plotly.newPlot(") == 3
    assert 3_000_000 < len(page) < 8_000_000
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", page)
    # Each script that opens is one of ours: nothing in the data closes it.
    assert page.count("</script>") == len(re.findall(r"<script[^>]*>", page))
    assert charts.html([]) == ""


def test_without_plotly_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    for draw in (lambda: charts.curve(a_curve(9, 3)), lambda: charts.table(["a"], ["b"], [[1.0]], "")):
        with pytest.raises(MissingPackage, match=r"drawing charts needs the package plotly.*requirements.txt"):
            draw()
