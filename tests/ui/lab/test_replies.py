"""What is said about replies in a line: how far they are, and what came of them."""

from __future__ import annotations

from lora_mixer.lora_ops import Column, ColumnResult, Mix, Question, Result, Update
from lora_mixer.lora_ops.lab.experiment import Progress
from lora_mixer.ui.lab import replies
from lora_mixer.ui.lab.sheet import Row, Sheet


def column(text: str, label: str = "A", tokens: int = 3) -> ColumnResult:
    return ColumnResult(label, Mix(), text, tuple(range(tokens)), "end", 2.0)


def result(*texts: str, seed: int = 7, batched: bool = True, why: str = "") -> Result:
    return Result(tuple(column(text) for text in texts), seed=seed, seconds=2.0, batched=batched, why_not_batched=why)


def sheet(rows: int = 1, limit: int | None = 8) -> Sheet:
    asked = tuple(Row(Question("hi", "hi", ()), seed) for seed in range(rows))
    return Sheet((Column("A", Mix()), Column("B", Mix())), asked, limit=limit)


def test_the_summary_says_how_it_ran() -> None:
    batched = replies.summary([result("Aye.", "Aye.")], 1, to_the_chat=True)
    assert batched == "2.0 s · 3.0 tokens a second together · in one batch · seed 7 · all say the same"
    alone = replies.summary([result("Aye.", "No.", batched=False, why="DoRA & co")], 1, to_the_chat=False)
    assert "one after the other (DoRA & co)" in alone and "a text of your own" in alone and "same" not in alone


def test_the_summary_of_several_rows_counts_them_and_their_seeds() -> None:
    both = [result("Aye.", "No.", seed=7), result("Aye.", "No.", seed=8)]
    assert replies.summary(both, 2, True).startswith("2 rows · 4.0 s · 3.0 tokens a second together")
    assert "seeds 7 to 8" in replies.summary(both, 2, True)
    assert replies.summary(both, 5, True).startswith("stopped after 2 of 5")
    assert replies.summary([], 5, True) == "Stopped before the first word."


def test_rows_that_ran_together_took_their_time_together() -> None:
    both = [result("Aye.", "No.", seed=7), result("Aye.", "No.", seed=8)]
    assert replies.summary(both, 2, True, 2.5).startswith("2 rows · 2.5 s · 4.8 tokens a second together")


def test_progress_tells_the_time_that_is_left_at_most() -> None:
    update = Update(("a", "b"), (4, 2), (False, False), seconds=3.0)
    line = replies.progress(sheet(), Progress(0, 1, 0, update, 3.0, 3.2))
    assert line.text == "4 tokens of at most 8 · 3.0 s · at most 3 s left" and line.part == 0.375 and line.running
    of_many = replies.progress(sheet(rows=4), Progress(2, 4, 2, update, 10.0, 61.0))
    assert of_many.text == "2 of 4 done · at most 1 min 1 s left" and of_many.part == 0.59375
    waiting = replies.progress(sheet(), Progress(0, 1, 0, None, 5.0, None))
    assert waiting.text == "waiting for the model …" and waiting.part == 0.0


def test_progress_of_a_second_batch_is_that_of_its_own_columns() -> None:
    halved = Update(("a", "b"), (8, 2), (True, False), seconds=3.0)
    line = replies.progress(sheet(), Progress(0, 1, 0, halved, 3.0, None))
    assert line.text == "2 tokens of at most 8 · 3.0 s" and line.part == 0.625


def test_times_are_told_in_minutes_when_they_are_long() -> None:
    assert replies.clock(59.4) == "59 s" and replies.clock(61) == "1 min 1 s"
    assert replies.left(10, 0.25) == "at most 30 s left" and replies.left(0.5, 0.5) == replies.left(10, 0.0) == ""
