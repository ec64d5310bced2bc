"""What is kept, as a page lists, opens, saves and deletes it; and what it says where it cannot."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import kept
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Record, Vote
from lora_mixer.lora_ops.results.export import from_jsonl
from lora_mixer.ui.lab import experiment_files as sharing
from lora_mixer.ui.lab.lab import Lab
from lora_mixer.ui.page.experiments import Experiments
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.votes import past, votes
from lora_mixer.ui.votes.session import Sessions


def console_in(folder: Path | None, model: str = "tiny") -> Any:
    """As much of a console as what is kept needs; without a folder, strangers share the host."""
    host = SimpleNamespace(user_data=folder, model_name=model, multi_user=folder is None)
    return SimpleNamespace(host=host, lab=Lab(), sessions=Sessions(), experiments=Experiments(host), revision=0)


@pytest.fixture
def console(tmp_path: Path) -> Any:
    return console_in(tmp_path / "kept")


def keep(console: Any, *records: Record) -> list[int]:
    table = console.experiments.records
    assert table is not None
    return [table.add(record) for record in records]


def voted(columns: int = 2, trials: int = 3, verdict: str = "left", **fields: Any) -> Record:
    record = kept.record(columns, trials, **fields)
    for at in range(trials):
        record = record.and_vote(Vote(trial=at, left=0, right=1, verdict=verdict))  # type: ignore[arg-type]
    return record


# Listed


def test_nothing_is_kept_yet_and_nothing_is_where_strangers_share_the_host(console: Any) -> None:
    assert past.listed(console.experiments) == {"past": [], "more": False, "keeps": True}
    strangers = console_in(None)
    assert past.listed(strangers.experiments) == {"past": [], "keeps": False}
    for what in (past.open_sheet, past.delete, lambda kept, id: past.as_file(kept, id, "csv")):
        with pytest.raises(ValueError, match="strangers share this host"):
            what(strangers.experiments, 1)
    with pytest.raises(ValueError, match="strangers share this host"):
        past.use_columns(strangers, 1)
    assert past.standing(strangers.experiments, None, None)["all"]["competitors"] == []


def test_the_newest_stand_first_and_a_line_says_what_it_is(console: Any) -> None:
    first, second = keep(console, voted(), kept.record(3, 1))
    newest, oldest = past.listed(console.experiments)["past"]
    assert (newest["id"], oldest["id"]) == (second, first)
    assert (oldest["trials"], oldest["votes"], oldest["labels"]) == (3, 3, ["gain 0", "gain 1"])
    assert oldest["first"] == "question 0" and oldest["model"] == "tiny" and oldest["planned"] == 0
    json.dumps(past.listed(console.experiments))


def test_so_many_are_listed_and_that_there_are_more_is_said(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "LISTED", 2)
    keep(console, *(kept.record(2, 1) for _ in range(2)))
    assert not past.listed(console.experiments)["more"]
    keep(console, kept.record(2, 1))
    listed = past.listed(console.experiments)
    assert listed["more"] and len(listed["past"]) == 2


def test_a_damaged_table_is_told_and_left_alone(console: Any) -> None:
    keep(console, voted())
    path = console.experiments.records.path
    path.write_bytes(b"this is no database" * 100)
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    console.lab = Lab()
    with pytest.raises(ValueError, match="is damaged") as raised:
        past.listed(console.experiments)
    assert "move it away to begin a new one" in str(raised.value)
    assert path.read_bytes() == b"this is no database" * 100


# Opened, saved, deleted


@settings(max_examples=25, deadline=None)
@given(record=kept.records())
def test_what_was_kept_is_shown_and_saved_as_it_was(tmp_path_factory: Any, record: Record) -> None:
    console = console_in(tmp_path_factory.mktemp("kept"))
    (id,) = keep(console, record)
    sheet = past.open_sheet(console.experiments, id)
    assert sheet.kept == id and len(sheet.rows) == len(record.trials) and sheet.record == record
    for row, trial in enumerate(record.trials):
        assert [sheet.shown(row, column) for column in range(len(sheet.columns))] == [
            reply.text for reply in trial.replies
        ]
    assert sheet.notes[-1].startswith("Kept: ")
    json.dumps([sheet.head(), sheet.line.to_dict()])
    if not record.trials:
        with pytest.raises(ValueError, match="no reply to save"):
            past.as_file(console.experiments, id, "jsonl")
        return
    saved = {form: past.as_file(console.experiments, id, form) for form in ("html", "csv", "jsonl")}
    assert from_jsonl(saved["jsonl"]["text"].encode("utf-8")) == (record,)
    for form, file in saved.items():
        assert file["name"].endswith(f".{form}") and "/" not in file["name"] and "\\" not in file["name"]
        assert file["name"].isascii() and file["type"] == sharing.FORMS[form]


def test_a_page_of_votes_has_their_charts_and_no_script_but_theirs(console: Any) -> None:
    nasty = "<script>alert(1)</script>"
    record = voted(3, 2)
    record = replace(record, columns=(replace(record.columns[0], label=nasty), *record.columns[1:]))
    (id, without) = keep(console, record, kept.record(2, 1))
    page = past.as_file(console.experiments, id, "html")["text"]
    assert 'id="charts"' in page and nasty not in page
    assert 'id="charts"' not in past.as_file(console.experiments, without, "html")["text"]
    said = {"do": "save", "id": id, "form": "exe"}
    assert "'html', 'csv' or 'jsonl'" in votes.ORDERS.obey(OpenPage(console), said)["refused"]["why"]


@pytest.mark.parametrize("verdict", ["tie", "bad"])
def test_votes_that_chose_no_side_can_be_saved_too(console: Any, verdict: str) -> None:
    (id,) = keep(console, voted(2, 2, verdict))
    assert 'id="votes"' in past.as_file(console.experiments, id, "html")["text"]


def test_what_is_deleted_is_gone_with_its_votes(console: Any) -> None:
    gone, stays = keep(console, voted(), voted())
    past.delete(console.experiments, gone)
    assert [one["id"] for one in past.listed(console.experiments)["past"]] == [stays]
    assert past.standing(console.experiments, None, None)["all"]["standing"]["votes"] == 3
    for what in (past.open_sheet, past.delete):
        with pytest.raises(ValueError, match=f"there is no experiment {gone}"):
            what(console.experiments, gone)
    with pytest.raises(ValueError, match=f"there is no experiment {gone}"):
        past.use_columns(console, gone)


def test_its_columns_are_set_up_again_by_their_names_and_mixes(console: Any) -> None:
    three, one = keep(console, kept.record(3, 1), kept.record(1, 1))
    said = past.use_columns(console, three)
    assert "gain 0, gain 1, gain 2" in said
    assert [(slot.name, slot.kept) for slot in console.lab.setup.slots] == [
        (f"gain {at}", kept.mix(float(at))) for at in range(3)
    ]
    before, revision = console.lab.setup, console.revision
    with pytest.raises(ValueError, match="it has 1 columns"):
        past.use_columns(console, one)
    assert console.lab.setup == before and console.revision == revision > 0


# All votes


@settings(max_examples=25, deadline=None)
@given(verdicts=st.lists(st.sampled_from(["left", "right", "tie", "bad"]), min_size=1, max_size=6), other=st.booleans())
def test_all_votes_are_those_of_this_model_or_of_every_one(tmp_path_factory: Any, verdicts: Any, other: bool) -> None:
    console = console_in(tmp_path_factory.mktemp("kept"))
    for at, verdict in enumerate(verdicts):
        keep(console, replace(voted(2, 1, verdict), model="other" if other and at % 2 else "tiny"))
    mine = [at for at in range(len(verdicts)) if not (other and at % 2)]
    this, every = (past.standing(console.experiments, model, None)["all"] for model in (console.host.model_name, None))
    assert this["standing"]["votes"] == len(mine) and this["model"] == "tiny"
    assert every["standing"]["votes"] == len(verdicts) and every["model"] is None


def test_votes_between_ticked_mixes_alone_are_counted(console: Any) -> None:
    record = kept.record(3, 3)
    for left, right in ((0, 1), (1, 2), (0, 2)):
        record = record.and_vote(Vote(trial=0, left=left, right=right, verdict="left"))
    keep(console, record)
    names = {one["label"]: one["id"] for one in past.standing(console.experiments, None, None)["all"]["competitors"]}
    some = past.standing(console.experiments, None, [names["gain 0"], names["gain 2"]])["all"]
    assert some["standing"]["votes"] == 1 and len(some["competitors"]) == 3, "the others can be ticked again"
    assert past.standing(console.experiments, None, [])["all"]["standing"]["votes"] == 0


def test_a_damaged_experiment_is_named_and_hides_no_other(console: Any) -> None:
    bad, good = keep(console, voted(), voted())
    with closing(sqlite3.connect(console.experiments.records.path)) as file, file:
        file.execute("UPDATE experiments SET settings = '{' WHERE id = ?", (bad,))
        file.execute("UPDATE votes SET verdict = 'best' WHERE experiment_id = ?", (bad,))
    lines = {one["id"]: one["first"] for one in past.listed(console.experiments)["past"]}
    assert lines == {bad: "Damaged: its settings are no JSON.", good: "question 0"}
    standing = past.standing(console.experiments, None, None)["all"]["standing"]
    assert standing["votes"] == 3 and f"Votes of experiment {bad} in " in standing["note"]
