"""The README's chart: every number in it can be read, and by those who do not see it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from lora_mixer.bench.rank_chart import draw

FOUND = {
    "pirate": {0: 9.5, 1: 4.1, 2: 3.2, 4: 2.61, 8: 2.6},
    "butler": {0: 8.0, 1: 4.05, 2: 3.9, 4: 3.5, 8: 3.45},
}
_IN = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[tuple[float, float, str]]:
    return [
        (float(one.attrib["x"]), float(one.attrib["y"]), one.text or "")
        for one in ElementTree.fromstring(svg).iter(f"{_IN}text")
    ]


def test_every_rank_that_was_heard_is_in_it_and_the_base_is_not() -> None:
    svg = draw(FOUND)
    told = [text for _, _, text in texts(svg)]
    for values in FOUND.values():
        assert all(f"{value:.2f}" in told for rank, value in values.items() if rank)
    assert "9.50" not in told and {"1", "2", "4", "8", "pirate, all 8", "butler, all 8"} <= set(told)
    title = ElementTree.fromstring(svg).find(f"{_IN}title")
    assert title is not None and "rank 4 2.61" in str(title.text)


def test_likelier_is_lower_and_all_is_inside_the_picture() -> None:
    svg = draw(FOUND)
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    lines = [
        [tuple(map(float, pair.split(","))) for pair in one.attrib["points"].split()]
        for one in root.iter(f"{_IN}polyline")
    ]
    for line in lines:
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert [y for _, y in line] == sorted(y for _, y in line), "perplexity falls, so that y, which goes down, rises"
    assert all(0 <= x <= width and 0 <= y <= height for x, y, _ in texts(svg))


def test_numbers_of_two_adapters_do_not_stand_on_each_other() -> None:
    numbers = [(x, y) for x, y, text in texts(draw(FOUND)) if re.fullmatch(r"\d\.\d\d", text)]
    for at, (x, y) in enumerate(numbers):
        assert all(abs(x - other) > 20 or abs(y - below) > 10 for other, below in numbers[at + 1 :])
