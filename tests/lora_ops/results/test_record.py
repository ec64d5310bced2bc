"""A record: plain data that is checked whenever it is made."""

from __future__ import annotations

import pytest
from helpers import kept

from lora_mixer.lora_ops import (
    Adapter,
    AdapterRecord,
    Column,
    ColumnRecord,
    ColumnResult,
    MessageRecord,
    Mix,
    Record,
    ReplyRecord,
    Result,
    Target,
    TrialRecord,
    Vote,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Record(model="m", columns=()), "columns"),
        (lambda: ColumnRecord("A", {"adapters": {"x": {"master": "loud"}}}), "this is no mix: adapters.x.master"),  # type: ignore[arg-type]
        (lambda: TrialRecord(prompt="", seed=2**64, replies=()), "seed"),
        (lambda: ReplyRecord("", finish="bored"), "finish"),  # type: ignore[arg-type]
        (lambda: Vote(trial=0, left=0, right=1, verdict="both"), "verdict"),  # type: ignore[arg-type]
        (lambda: Vote(trial=0, left=-1, right=1, verdict="tie"), "left"),
    ],
)
def test_wrong_fields_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_settings_keep_what_json_can_hold():
    given = {"a": 1, "b": [0.5, float("inf")], 3: {"c": None}, "processor": object(), "ids": {2}}
    record = Record.of([Column("A", Mix())], model="m", settings=given)
    assert record.settings == {"a": 1, "b": [0.5, "inf"], "3": {"c": None}, "processor": "object", "ids": [2]}


def test_a_record_is_begun_from_what_the_desk_knows():
    targets = tuple(
        Target("pirate", f"layers.{at}.q_proj", at, "q_proj", rank, 2.0 * rank, 2.0, True)
        for at, rank in enumerate((4, 16))
    )
    adapter = Adapter("pirate", "lora", targets, 100, 0.01)
    said = tuple(
        ColumnResult(label, kept.mix(0.5), text, (1, 2), "end", 0.5) for label, text in (("A", "Arr"), ("B", ""))
    )
    result = Result(said, 7, 0.6, True, "", note="ran as 2 batches")
    record = Record.of(
        [Column(one.label, one.mix) for one in said], model="m", host="h", adapters=[adapter], hashes={"pirate": "f00"}
    ).and_trial(
        TrialRecord.of(result, "Ahoy", question=2, label="greeting", messages=[{"role": "user", "content": "Ahoy"}])
    )
    assert record.adapters == (AdapterRecord("pirate", "lora", 16, 32.0, "f00"),)
    trial = record.trials[0]
    assert (trial.question, trial.label, trial.seed, trial.note, trial.seconds) == (
        2,
        "greeting",
        7,
        "ran as 2 batches",
        0.6,
    )
    assert trial.replies == (ReplyRecord("Arr", (1, 2), "end", 0.5), ReplyRecord("", (1, 2), "end", 0.5))
    assert trial.messages == (MessageRecord("user", "Ahoy"),)
