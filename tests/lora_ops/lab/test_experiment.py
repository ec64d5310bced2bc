"""Experiments: every column, every question, every seed; each reply what it would be alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import MAX_CELLS, Column, Desk, Experiment, Mix, Question, Trial, compare, experiment

GENERATION = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.5}


def question(text: str, **changes: Any) -> Question:
    return Question(**{"label": text, "prompt": text, "token_ids": tuple(tiny.prompt(text)[0].tolist()), **changes})


QUESTIONS = [question("Ahoy there"), question("Who goes")]


def columns(desk: Desk) -> list[Column]:
    return [Column("loaded", Mix()), Column("base", desk.base()), Column("half", mix_of(master=0.5))]


def started(desk: Desk, seeds: list[int], questions: list[Question] = QUESTIONS, **options: Any) -> Experiment:
    settings = {"generation": GENERATION, **options}
    return experiment(desk, tiny.tokenizer(), questions, columns(desk), seeds=seeds, **settings)


def alone(desk: Desk, asked: Question, column: Column, seed: int) -> tuple[int, ...]:
    run = compare(desk, tiny.tokenizer(), asked.token_ids, [column], seed=seed, generation=GENERATION)
    list(run)
    return run.result.columns[0].token_ids


def check_every_reply(desk: Desk, trials: tuple[Trial, ...], questions: list[Question] = QUESTIONS) -> None:
    for trial in trials:
        assert trial.result is not None
        assert trial.result.seed == trial.seed
        for column, said in zip(columns(desk), trial.result.columns, strict=True):
            assert (said.label, said.mix) == (column.label, column.mix)
            assert said.token_ids == alone(desk, questions[trial.question], column, trial.seed)


def test_every_column_answers_every_question_under_every_seed_as_it_would_alone():
    desk = Desk(tiny.two())
    seeds = [3, 1, 4, 15, 9, 2]
    run = started(desk, seeds)
    progress = list(run)
    assert [(trial.question, trial.seed) for trial in run.result] == [(at, seed) for at in (0, 1) for seed in seeds]
    check_every_reply(desk, run.result)
    # Three columns under five seeds fill a batch; no batch holds two questions.
    assert [trial.result.batches for trial in run.result if trial.result] == ([(15,)] * 5 + [(3,)]) * 2
    last = progress[-1]
    assert (last.done, last.trials, last.at, last.seconds_left) == (12, 12, 11, 0.0)
    assert last.update is not None and last.update.texts == tuple(
        column.text
        for column in run.result[-1].result.columns  # type: ignore[union-attr]
    )
    assert len({trial.result.columns[0].token_ids for trial in run.result if trial.result}) > 6


def test_progress_only_goes_forward():
    desk = Desk(tiny.two())
    before = None
    for now in started(desk, [1, 2, 3, 4, 5, 6, 7]):
        assert 0 <= now.done <= now.trials == 14
        assert now.done == 14 or now.at in now.running
        if before is not None:
            assert (now.done, now.at, now.seconds) >= (before.done, before.at, before.seconds)
        before = now
    assert before is not None


def test_what_is_left_is_told_once_it_is_no_guess(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lora_mixer.lora_ops.lab.experiment._SECONDS_BEFORE_GUESSING", 0.0)
    desk = Desk(tiny.two())
    told = [progress.seconds_left for progress in started(desk, list(range(12)))]
    assert told[-1] == 0.0
    assert all(left is None or left >= 0 for left in told)
    assert any(left for left in told)


def test_what_cannot_run_in_rows_runs_one_after_the_other_and_trials_end_one_by_one():
    desk = Desk(tiny.pirate(use_dora=True))
    run = started(desk, [1, 2], QUESTIONS[:1])
    ended: list[int] = []
    for _ in run:
        ended.append(sum(trial.result is not None for trial in run.trials))
    assert set(ended) >= {0, 2}
    check_every_reply(desk, run.result)
    for trial in run.result:
        assert trial.result is not None
        assert "DoRA" in trial.result.why_not_batched and not trial.result.batched
        assert trial.result.batches == (1, 1, 1)
        assert trial.result.seconds == pytest.approx(sum(column.seconds for column in trial.result.columns))


def test_somebody_elses_way_of_generating_is_told_the_question_and_the_seed():
    desk = Desk(tiny.two(), threading.Lock())
    asked: list[tuple[str, int]] = []

    def answer(question: Question, seed: int) -> Iterator[str]:
        asked.append((question.label, seed))
        yield f"{question.label}, {seed}"

    run = started(desk, [5, 6], batched=False, alone=answer)
    list(run)
    assert asked == [(one.label, seed) for one in QUESTIONS for seed in (5, 6) for _ in range(3)]
    assert [trial.result.columns[1].text for trial in run.result if trial.result] == [
        f"{one.label}, {seed}" for one in QUESTIONS for seed in (5, 6)
    ]


def test_questions_have_their_own_stop_strings_and_special_tokens():
    desk = Desk(tiny.two())
    generation = {"max_new_tokens": 16, "do_sample": False}
    run = started(desk, [1], QUESTIONS[:1], generation=generation)
    list(run)
    assert run.result[0].result is not None
    text = run.result[0].result.columns[0].text
    stop = next(letter for letter in text[2:] if letter.isascii())
    run = started(desk, [1], [question("Ahoy there", stop_strings=(stop,)), QUESTIONS[0]], generation=generation)
    list(run)
    texts = [trial.result.columns[0].text for trial in run.result if trial.result]
    assert texts == [text[: text.index(stop)], text]


def test_a_stop_keeps_the_trials_that_ended_and_what_the_others_had_said():
    lock = threading.Lock()
    desk = Desk(tiny.two(), lock)
    desk.apply(mix_of(master=0.25))
    before = tiny.scalings(desk.engine.model)
    run = started(desk, [1, 2, 3, 4, 5], [*QUESTIONS, *QUESTIONS], generation={**GENERATION, "max_new_tokens": 40})
    for progress in run:
        if progress.done == 5 and progress.update and max(progress.update.tokens) > 2:
            run.stop()
    result = run.result
    assert 5 <= len(result) < 20
    assert all(column.finish == "length" for trial in result[:5] if trial.result for column in trial.result.columns)
    assert len(run.trials) == 20
    assert {trial.result is None for trial in run.trials[len(result) :]} == {True}
    assert not lock.locked()
    assert tiny.scalings(desk.engine.model) == before


def test_memory_that_did_not_hold_a_batch_is_not_asked_for_again():
    model = tiny.two()
    desk = Desk(model)
    sizes: list[int] = []

    def full(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        sizes.append(kwargs["input_ids"].shape[0])
        if sizes[-1] > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")

    desk.why_not_rows([column.mix for column in columns(desk)])
    hook = model.base_model.model.model.register_forward_pre_hook(full, with_kwargs=True)
    run = started(desk, [1, 2, 3, 4, 5])
    list(run)
    hook.remove()
    assert [size for size in sizes if size > 4] == [15, 8]
    assert {trial.result.batches for trial in run.result if trial.result} == {(4, 4, 4, 3)}
    assert {trial.result.note for trial in run.result if trial.result} == {
        "ran as batches of 4, 4, 4 and 3: memory did not hold 8"
    }
    check_every_reply(desk, run.result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": []}, "at least one question and one seed"),
        ({"seeds": []}, "at least one question and one seed"),
        ({"columns": []}, "no column to compare"),
        (
            {"columns": [Column(str(at), Mix()) for at in range(17)]},
            "at most 16 columns can be compared at once, not 17",
        ),
        ({"seeds": range(MAX_CELLS + 1)}, "1 columns x 1 questions x 2,001 seeds are 2,001 replies.*at most 2,000"),
        (
            {"questions": [QUESTIONS[0], question("", token_ids=())]},
            r"question 2 \(\): the prompt must be one row of tokens",
        ),
        (
            {"questions": [question("long", token_ids=(1,) * 256)]},
            r"question 1 \(long\): the prompt has 256 tokens, and the model's context holds 256",
        ),
    ],
    ids=["no question", "no seed", "no column", "columns", "cells", "empty", "long"],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(changes: dict[str, Any], message: str):
    asked = {"questions": QUESTIONS[:1], "columns": [Column("A", Mix())], "seeds": [1], **changes}
    with pytest.raises(ValueError, match=message):
        experiment(Desk(tiny.pirate()), tiny.tokenizer(), generation={}, **asked)


def test_a_mix_that_does_not_fit_is_refused():
    desk = Desk(tiny.two())
    run = experiment(
        desk,
        tiny.tokenizer(),
        QUESTIONS,
        [Column("A", mix_of(kinds={"q_porj": 0.0}))],
        seeds=[1],
        generation=GENERATION,
    )
    with pytest.raises(ValueError, match="has no kind 'q_porj'"):
        list(run)
    with pytest.raises(RuntimeError, match="no result yet"):
        _ = run.result
