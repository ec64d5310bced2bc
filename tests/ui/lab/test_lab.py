"""Asking in the lab: how often, how long it took, and when it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.compared import VALUES, compared

from lora_mixer.ui.lab.ask import TYPED, Wish, ask
from lora_mixer.ui.page.studio import Studio


@pytest.mark.parametrize(
    ("seeds", "told"), [(2.5, "whole number"), ("many", "whole number"), (0, "1 to 20"), (21, "1 to 20")]
)
def test_seeds_are_a_whole_number(seeds: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Wish.of(TYPED, "hi", seeds)


def test_rows_that_ran_together_count_their_time_once(console: Studio) -> None:
    sheet = compared(console, seeds=4)
    longest = max(result.seconds for result in sheet.results.values())
    told = float(sheet.line.text.split(" s ")[0].rpartition("· ")[2])
    assert told < 3 * longest, "four seeds in one batch took as long as the longest"


@pytest.mark.parametrize("seeds", [1, 3])
def test_it_is_kept_before_the_page_hears_that_it_is_over(console: Studio, seeds: int) -> None:
    for news in ask(console, "page", Wish(TYPED, "Ahoy there", seeds), VALUES):
        sheet = console.lab.sheet("page")
        if sheet is not None and not news["line"]["running"]:
            assert sorted(sheet.places) == list(range(seeds))
    assert sheet is not None and sheet.places and not sheet.line.running
