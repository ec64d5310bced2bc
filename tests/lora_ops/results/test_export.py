"""The exported page and table: all of it there, self-contained, and every text a text."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace

import pytest
from helpers import kept
from helpers.evil import EVIL, evil
from helpers.html_read import Read
from hypothesis import given, settings

from lora_mixer.lora_ops import (
    Mix,
    ReplyRecord,
    TrialRecord,
    Vote,
    to_csv,
    to_html,
)
from lora_mixer.lora_ops.optional_packages import MissingPackage
from lora_mixer.lora_ops.results import export

# The page


def test_every_text_stays_a_text():
    html = to_html(evil())
    page = Read(html)
    assert "script" not in page.tags and "img" not in page.tags and "a" not in page.tags
    assert page.text.count(EVIL) >= 9
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert html.count("<div") == html.count("</div>")


@settings(max_examples=25, deadline=None)
@given(record=kept.records())
def test_any_experiment_makes_a_page_of_its_own(record):
    page = Read(to_html(record, reference=len(record.columns) - 1))
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [(name, value) for name, value in page.attributes if name in ("src", "srcset", "action", "background")]
    assert all(value.startswith("#q") for name, value in page.attributes if name == "href")
    assert page.tags.count("article") == len({trial.question for trial in record.trials})


def test_nothing_is_fetched_and_no_script_runs():
    page = Read(to_html(kept.record(trials=1)))
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; ") and "script-src 'none'" in policy
    assert not re.search(r"url\(|@import", to_html(kept.record(trials=1)))


def test_only_the_charts_scripts_may_run():
    html = to_html(kept.record(), '<div id="chart"></div><script>draw("</b>")</script><script type="x">1</script>')
    assert '<script>draw("</b>")</script>' in html
    # sha256 of `draw("</b>")` and of `1`, in base64
    policy = next(value for name, value in Read(html).attributes if name == "content" and "default-src" in value)
    assert policy.count("'sha256-") == 2
    assert "fFUd+KUvPDCFctZP9iOu5LBOUbo8H9GGwdoDGE/XOSw=" in policy
    assert "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=" in policy
    assert (
        "unsafe-inline" not in policy.partition("script-src")[2] and "'none'" not in policy.partition("script-src")[2]
    )


def test_all_of_it_is_there():
    page = Read(to_html(evil()))
    for expected in (
        "seed 0",
        "seed 1",
        "Divergence",
        "Perplexity",
        "cut at the length limit",
        "1.0/s",
        "p = 1.000",
        "20.0",
    ):
        assert expected in page.text, expected
    assert Read(to_html(kept.record())).text.count("No trial was finished.") == 1


def test_votes_without_their_packages_leave_the_page(monkeypatch):
    def missing(duels):
        raise MissingPackage("ranking by votes needs the package scipy")

    monkeypatch.setattr(export, "tally", missing)
    page = Read(to_html(evil()))
    assert "needs the package scipy" in page.text and "seed 1" in page.text


def test_without_jinja_the_message_helps(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingPackage, match="exporting a page needs the package jinja2"):
        to_html(kept.record())


# The table


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_line_a_reply():
    record = replace(kept.record(3, 2), votes=(Vote(1, 2, 0, "left"), Vote(1, 0, 2, "tie"), Vote(1, 0, 1, "bad")))
    text = to_csv(record)
    assert text.startswith("\ufeffexperiment,")
    table = rows(text)
    assert len(table) == 6 and table[-1]["reply"] == "1 at 2"
    assert [row["label"] for row in table] == ["gain 0", "gain 1", "gain 2"] * 2
    assert [[row[name] for name in ("won", "lost", "tied", "both bad")] for row in table[3:]] == [
        ["0", "1", "1", "1"], ["0", "0", "0", "1"], ["1", "0", "1", "0"],
    ]  # fmt: skip
    assert Mix.from_dict(json.loads(table[1]["mix"])) == record.columns[1].mix
    assert rows(to_csv(evil()))[1]["perplexity"] == "1.25"


@settings(max_examples=40, deadline=None)
@given(record=kept.records())
def test_no_cell_is_a_formula(record):
    table = rows(to_csv(record))
    assert len(table) == len(record.trials) * len(record.columns)
    for row in table:
        numbers = {"seed", "seconds", "perplexity", "tokens"}
        assert not [value for name, value in row.items() if name not in numbers and re.match(r"\s*[=+\-@＝]", value)]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\n=1", "\u3000=1", "＝1+1"])
def test_formulas_get_an_apostrophe(text):
    said = TrialRecord("q", -5, (ReplyRecord(text), ReplyRecord("1-1 = 0")))
    table = rows(to_csv(kept.record(2).and_trial(said)))
    assert [row["reply"] for row in table] == [f"'{text}", "1-1 = 0"]
    assert table[0]["seed"] == "-5", "a number is no formula"


def test_what_is_kept_among_the_settings_and_is_none_is_not_shown_as_one():
    kept_too = {"temperature": 0.5, "eos_token_id": [2], "session": {"prompts": "a secret"}, "sweep": {"x": "0 to 2"}}
    text = Read(to_html(kept.record(trials=1, settings=kept_too))).text
    assert "temperature" in text and "[2]" in text
    assert "a secret" not in text and "sweep" not in text
