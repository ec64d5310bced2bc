"""The table of panels and gains is Python's own: `tests/ui/page/gains.test.js` holds the page's script to it."""

from __future__ import annotations

import json

import pytest
from helpers.gains_table import PATH, heard, written

CASES = json.loads(PATH.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_python_hears_every_target_at_the_gain_in_the_table(case: dict) -> None:
    assert heard(case["panel"]) == case["gains"]


def test_the_table_holds_all_that_it_would_hold_if_it_were_written_now() -> None:
    assert PATH.read_text(encoding="utf-8") == written(), "it is stale: python3 run.py page"


def test_the_table_has_cases_in_which_something_is_heard_and_such_in_which_nothing_is() -> None:
    gains = [gain for case in CASES for one in case["gains"].values() for gain in one]
    assert {gain == 0 for gain in gains} == {True, False}
    assert len(CASES) > 50
