"""Comparing what cannot run in rows, or is answered by somebody else's way of generating: column after column."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import generated, heard, started, three
from helpers.tiny import mix_of
from transformers import LogitsProcessor, LogitsProcessorList

from lora_mixer.lora_ops import Desk, Mix


def test_what_cannot_run_in_rows_runs_one_after_the_other_and_says_why():
    model = tiny.pirate(use_dora=True)
    desk = Desk(model)
    updates, result = heard(desk, [Mix(), desk.base()], in_step=True)
    assert not result.batched
    assert result.why_not_batched == desk.why_not_rows([Mix(), desk.base()])
    assert "DoRA" in result.why_not_batched
    assert [update.tokens for update in updates[:-1]] == [(min(at, 16), max(at - 16, 0)) for at in range(1, 33)]
    assert result.seconds == pytest.approx(sum(column.seconds for column in result.columns))
    assert all(later.seconds >= earlier.seconds for earlier, later in pairwise(updates))


def test_one_after_the_other_can_be_asked_for():
    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk), batched=False)
    assert (result.batched, result.why_not_batched) == (False, "asked to run one after the other")


class WithModel(LogitsProcessor):
    """Runs the model itself."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return scores + self.model(input_ids=input_ids).logits[:, -1] * 0.1


@pytest.mark.parametrize(
    ("generation", "why"),
    [
        (
            lambda model: {"logits_processor": LogitsProcessorList([WithModel(model)])},
            "WithModel runs the model itself",
        ),
        (lambda model: {"guidance_scale": 1.5}, "runs the model itself"),
        (lambda model: {"num_beams": 2}, "beam search keeps several rows"),
        (lambda model: {"cache_implementation": "static"}, "the static cache is made for one row"),
    ],
    ids=["a model inside a sampler", "guidance", "beams", "a static cache"],
)
def test_settings_that_are_for_one_row_run_one_after_the_other(generation: Callable[[Any], dict[str, Any]], why: str):
    model = tiny.two()
    desk = Desk(model)
    settings = generation(model)
    updates, result = heard(desk, [Mix(), desk.base()], settings)
    assert not result.batched and why in result.why_not_batched
    assert updates[-1].tokens == (16, 16)
    for column in result.columns:
        desk.apply(column.mix)
        assert generated(model, settings) == column.token_ids
        desk.reset()


def growing(model: Any, heard_mixes: list[float]) -> Callable[[], Iterator[str]]:
    """A way of generating of somebody else's: growing texts, with what the model says at that moment."""

    def generate() -> Iterator[str]:
        heard_mixes.append(tiny.logits(model).sum().item())
        text = ""
        for word in ("aye ", "aye, ", "captain"):
            text += word
            yield text

    return generate


def test_columns_can_be_answered_by_somebody_elses_way_of_generating():
    model = tiny.two()
    desk = Desk(model, threading.Lock())
    said: list[float] = []
    mixes = three(desk)
    updates, result = heard(desk, mixes, {"max_new_tokens": 40}, batched=False, alone=growing(model, said))
    assert [column.text for column in result.columns] == ["aye aye, captain"] * 3
    assert [column.finish for column in result.columns] == ["end"] * 3
    assert [column.token_ids for column in result.columns] == [tuple(tiny.ids_of("aye aye, captain"))] * 3
    expected = []
    for mix in mixes:
        desk.apply(mix)
        expected.append(tiny.logits(model).sum().item())
    assert said == expected
    assert updates[-1].texts == ("aye aye, captain",) * 3


def test_somebody_elses_reply_that_is_full_ends_by_length():
    desk = Desk(tiny.two())
    tokens = len(tiny.ids_of("aye aye, captain"))
    options = {"batched": False, "alone": growing(desk.engine.model, [])}
    assert heard(desk, [Mix()], {"max_new_tokens": tokens}, **options)[1].columns[0].finish == "length"
    assert heard(desk, [Mix()], {"max_new_tokens": tokens + 1}, **options)[1].columns[0].finish == "end"


def test_somebody_elses_way_is_not_used_for_a_batch():
    desk = Desk(tiny.two())
    _, expected = heard(desk, three(desk))
    _, result = heard(desk, three(desk), alone=growing(desk.engine.model, []))
    assert result.batched
    assert [column.text for column in result.columns] == [column.text for column in expected.columns]


def test_somebody_elses_generation_is_closed_when_it_is_stopped_and_when_it_fails():
    closed: list[str] = []
    stopped = threading.Event()

    def generate() -> Iterator[str]:
        try:
            yield "aye"
            stopped.wait(30)
            yield "aye aye"
            yield "aye aye aye"
        finally:
            closed.append("closed")

    desk = Desk(tiny.two())
    run = started(desk, [Mix(), desk.base()], batched=False, alone=generate)
    for update in run:
        if update.texts[0]:
            run.stop()
            stopped.set()
    assert closed == ["closed"]
    assert run.result.columns[1].finish == "stopped"

    def failing() -> Iterator[str]:
        yield "aye"
        raise RuntimeError("the host is out of rum")

    with pytest.raises(RuntimeError, match="out of rum"):
        list(started(desk, [mix_of(master=0.5)], batched=False, alone=failing))
    assert set(tiny.scalings(desk.engine.model)) == {2.0, 2 / 2**0.5}
