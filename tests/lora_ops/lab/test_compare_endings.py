"""However a comparison ends, and whoever listens to it or does not: the desk and the model come back as they were."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import Failing, Rest, ends_in_one_row, heard, slowly, started, three
from helpers.tiny import mix_of
from transformers import LogitsProcessorList

from lora_mixer.lora_ops import Column, Desk, Mix, compare


@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
@pytest.mark.parametrize("generation", [{"do_sample": False}, {"do_sample": True}], ids=str)
def test_a_finished_comparison_leaves_no_trace(build: Any, generation: dict[str, Any]):
    rest = Rest(build)
    heard(rest.desk, three(rest.desk), generation)
    rest.check()


@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
def test_stop_ends_every_column_and_keeps_what_was_said(build: Any):
    rest = Rest(build)
    _, whole = heard(rest.desk, [Mix(), rest.desk.base()], {"max_new_tokens": 40})
    run = started(rest.desk, [Mix(), rest.desk.base()], slowly())
    for update in run:
        if update.tokens[0] >= 3:
            run.stop()
    first, second = run.result.columns
    assert (first.finish, second.finish) == ("stopped", "stopped")
    assert 3 <= len(first.token_ids) < 40
    for column, full in zip(run.result.columns, whole.columns, strict=True):
        assert column.token_ids == full.token_ids[: len(column.token_ids)]
    rest.check()


def test_a_column_that_had_ended_before_the_stop_says_so():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, _ = ends_in_one_row(desk, mixes, {})
    run = started(desk, mixes, {**slowly(), "eos_token_id": token})
    for update in run:
        if update.finished[0]:
            run.stop()
    assert [column.finish for column in run.result.columns] == ["end", "stopped"]


def test_leaving_the_loop_early_ends_the_comparison():
    rest = Rest()
    run = started(rest.desk, three(rest.desk), slowly())
    for update in run:
        if update.tokens[0] >= 2:
            break
    del update
    gc.collect()
    rest.check()
    assert [column.finish for column in run.result.columns] == ["stopped"] * 3


def test_an_error_in_the_loop_ends_the_comparison():
    rest = Rest()
    with pytest.raises(KeyboardInterrupt):
        for update in started(rest.desk, three(rest.desk), slowly()):
            if update.tokens[0] >= 2:
                raise KeyboardInterrupt
    gc.collect()
    rest.check()


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_listener_that_falls_asleep_delays_no_token(batched: bool):
    rest = Rest()
    updates = iter(started(rest.desk, three(rest.desk), batched=batched))
    next(updates)
    deadline = time.monotonic() + 30
    while rest.lock.locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not rest.lock.locked()
    last = list(updates)[-1]  # what was missed is in the last one
    assert last.tokens == (16, 16, 16)
    rest.check()


def test_a_listener_that_never_listens_again_does_not_keep_the_model():
    rest = Rest()
    updates = iter(started(rest.desk, three(rest.desk), slowly()))
    next(updates)
    del updates  # a page that was closed: its generator goes away
    gc.collect()
    rest.check()


def test_a_run_that_nobody_listens_to_never_starts():
    rest = Rest()
    run = started(rest.desk, three(rest.desk))
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
    del run
    rest.check()


def test_a_run_can_be_listened_to_again_when_it_is_over():
    desk = Desk(tiny.two())
    run = started(desk, three(desk))
    last = list(run)[-1]
    result = run.result
    assert list(run) == [last]
    assert run.result is result


@pytest.mark.parametrize("error", [RuntimeError("no rum"), ValueError("no rum"), KeyboardInterrupt("no rum")])
@pytest.mark.parametrize(
    "build", [tiny.two, lambda: tiny.pirate(use_dora=True)], ids=["batched", "one after the other"]
)
def test_what_goes_wrong_while_generating_is_raised_to_the_listener(build: Any, error: BaseException):
    rest = Rest(build)
    run = started(rest.desk, three(rest.desk), {"logits_processor": LogitsProcessorList([Failing(error)])})
    with pytest.raises(type(error), match="no rum"):
        list(run)
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
    rest.check()


def test_a_mix_that_does_not_fit_is_refused_before_anything_is_generated():
    rest = Rest()
    with pytest.raises(ValueError, match="has no kind 'q_porj'"):
        heard(rest.desk, [Mix(), mix_of(kinds={"q_porj": 0.0})])
    rest.check()


@pytest.mark.parametrize(
    ("input_ids", "columns", "message"),
    [
        (tiny.prompt(), [], "there is no column to compare"),
        (tiny.prompt(rows=2), [Column("A", Mix())], r"one row of tokens, shape \(1, tokens\), not \(2, 8\)"),
        (tiny.prompt()[0], [Column("A", Mix())], r"not \(8,\)"),
        (tiny.prompt()[:, :0], [Column("A", Mix())], r"not \(1, 0\)"),
        (tiny.prompt(), [Column("A", Mix())] * 17, "at most 16 columns can be compared at once, not 17"),
        (
            torch.ones((1, 256), dtype=torch.long),
            [Column("A", Mix())],
            "the prompt has 256 tokens, and the model's context holds 256 with the reply: shorten it",
        ),
    ],
    ids=["no column", "two rows", "no rows", "no tokens", "seventeen columns", "a prompt that fills the context"],
)
def test_a_question_that_is_none_is_refused(input_ids: torch.Tensor, columns: list[Column], message: str):
    with pytest.raises(ValueError, match=message):
        compare(Desk(tiny.pirate()), tiny.tokenizer(), input_ids, columns, seed=1, generation={})
