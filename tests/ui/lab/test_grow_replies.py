"""Replies grow in the cells of a sheet, and stay there however the run ends."""

from __future__ import annotations

import pytest
from helpers.compared import VALUES

from lora_mixer.hosts.protocol import Request
from lora_mixer.lora_ops import Experiment, Sampling
from lora_mixer.ui.lab import ask
from lora_mixer.ui.lab.asked import Asked
from lora_mixer.ui.lab.column_mixes import columns
from lora_mixer.ui.lab.grow_replies import begin, grow, sampling_of
from lora_mixer.ui.lab.sheet import Row, Sheet
from lora_mixer.ui.page.studio import Studio


def asked(*limits: int | None) -> list[Asked]:
    return [Asked.of("x", Request("x", (1,), Sampling(max_new_tokens=most, top_k=3), (), 1)) for most in limits]


@pytest.mark.parametrize(("limits", "shortest"), [((9, 4, 7), 4), ((None, 4), 4), ((None, None), None), ((5,), 5)])
def test_all_questions_have_the_shortest_of_their_limits(limits: tuple[int | None, ...], shortest: int | None) -> None:
    sampling = sampling_of(asked(*limits))
    assert sampling.max_new_tokens == shortest and sampling.top_k == 3


def sheet_and_run(console: Studio) -> tuple[Sheet, Experiment]:
    """Two questions to the columns of a new page."""
    desk = console.desk()
    assert desk is not None
    questions = ask.questions(console.host, ask.Wish(ask.MANY, "Ahoy\nHello"), VALUES)
    rows = tuple(Row(one, 7, at) for at, one in enumerate(questions))
    sheet = Sheet(columns=tuple(columns(console.lab.setup, desk, console.panel)), rows=rows)
    return sheet, begin(console.host, desk, sheet, questions, [7], batched=True)


def test_what_was_said_stands_in_the_cells_and_the_line_sums_it_up(console: Studio) -> None:
    sheet, run = sheet_and_run(console)
    for _ in grow(console.comparison, sheet, run):
        pass
    assert set(sheet.results) == {0, 1} and not sheet.line.running
    for at, result in sheet.results.items():
        assert run.trials[at].result == result and all(column.token_ids for column in result.columns)


def test_a_run_that_nobody_follows_any_more_leaves_what_it_had(console: Studio) -> None:
    sheet, run = sheet_and_run(console)
    steps = grow(console.comparison, sheet, run)
    next(steps)
    steps.close()
    assert not sheet.line.running
    desk = console.desk()
    assert desk is not None and not console.host.lock.locked()
    assert desk.mix == console.panel.effective(desk.adapters.values())
