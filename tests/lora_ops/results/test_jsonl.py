"""Experiments as JSONL: read back as they were, and nothing else is taken for one."""

from __future__ import annotations

import json
import time

import pytest
from helpers import kept
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import Vote, from_jsonl, to_jsonl
from lora_mixer.lora_ops.results import jsonl as jsonl_module

RECORD = kept.record(trials=2).and_vote(Vote(1, 1, 0, "bad", source="chat"))
HEAD, TRIAL, TRIAL_2, VOTE = to_jsonl(RECORD).splitlines()


@settings(max_examples=60, deadline=None)
@given(records=st.lists(kept.records(), min_size=1, max_size=2))
def test_what_is_written_is_read_back(records):
    text = to_jsonl(*records)
    assert from_jsonl(text.encode()) == tuple(records)
    assert all(json.loads(line, parse_constant=pytest.fail) for line in text.split("\n") if line), (
        "it is JSON for everybody"
    )


def test_a_line_a_thing():
    assert [list(json.loads(line))[0] for line in (HEAD, TRIAL, TRIAL_2, VOTE)] == [
        "experiment",
        "trial",
        "trial",
        "vote",
    ]
    head = json.loads(HEAD)
    assert head["version"] == 1 and not {"id", "trials", "votes"} & set(head["experiment"])


def test_blank_lines_a_mark_and_windows_ends_do_no_harm():
    text = "\ufeff" + "\r\n\r\n".join([HEAD, TRIAL, TRIAL_2, VOTE]) + "\r\n"
    assert from_jsonl(text.encode()) == (RECORD,)


def test_a_number_of_another_table_is_not_taken_over():
    assert from_jsonl(HEAD.replace('"model"', '"id": 12, "model"', 1).encode())[0].id is None


def changed(line: str, **fields) -> str:
    """A line in which fields of its one thing are replaced; `_`-fields are those of the line itself."""
    plain = json.loads(line)
    thing = plain[next(iter(plain))]
    for name, value in fields.items():
        (plain if name.startswith("_") else thing)[name.lstrip("_")] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this file is empty"),
        ("\n \n", "this file is empty"),
        ("hello", "line 1: this is no JSON: "),
        ("[" * 100_000, "line 1: this is no JSON: recursion"),
        ('{"a": ' * 100_000, "line 1: "),
        ("null", "line 1: "),
        ("{}", "line 1: must hold one of experiment, trial, vote, and holds none"),
        (TRIAL, "line 1: the first line must hold an experiment"),
        (f"{HEAD}\n{TRIAL[:50]}", "line 2: this is no JSON: EOF while parsing .* at character .* Is the file whole"),
        (f"{HEAD}\n{VOTE}", "line 2: vote: there is no trial 1: the experiment has 0"),
        (f"{HEAD}\n{TRIAL}\n\n{changed(VOTE, trial=0, left=7)}", "line 4: vote: there is no column 7"),
        (f"{HEAD}\n{changed(TRIAL, replies=[])}", "line 2: trial: 0 replies for 2 columns"),
        (f"{HEAD}\n{changed(TRIAL, seed='7')}", "line 2: trial.seed: Input should be a valid integer"),
        (f"{HEAD}\n{changed(TRIAL, seed=2**80)}", "line 2: trial.seed: Input should be less than"),
        (f"{HEAD}\n{changed(TRIAL, prompt=None)}", "line 2: trial.prompt: Input should be a valid string"),
        (f"{HEAD}\n{changed(TRIAL, extra=1)}", "line 2: trial.extra: Unexpected"),
        (f"{HEAD}\n{changed(TRIAL, seconds=-1)}", "line 2: trial.seconds: Input should be greater"),
        (f"{HEAD}\n{changed(TRIAL, scores={'perplexity': [[1]], 'divergence': [[0]]})}", "scores.perplexity: must"),
        (f"{HEAD}\n{changed(VOTE, verdict='best')}", "line 2: vote.verdict: Input should be 'left'"),
        (f"{HEAD}\n{changed(VOTE, time='yesterday')}", "line 2: vote.time"),
        (f"{HEAD}\n" + json.dumps({**json.loads(TRIAL), **json.loads(VOTE)}), "holds trial and vote"),
        (changed(HEAD, columns=[]), "line 1: experiment.columns: .*at least 1"),
        (changed(HEAD, columns=[{"label": "A", "mix": {"adapters": {"x": {"master": "loud"}}}}]), "x.master: .*number"),
        (changed(HEAD, columns=[{"label": "A", "mix": []}]), "line 1: experiment.columns.0.mix"),
        (changed(HEAD, uid="../../etc"), "line 1: experiment.uid"),
        (changed(HEAD, _version=2, brand_new=1), "line 1: this file was written by a newer LoRA Mixer \\(version 2"),
        (changed(HEAD, _version=2), "line 1: this file was written by a newer LoRA Mixer"),
        (changed(HEAD, _version=0), "line 1: version: Input should be greater"),
        (changed(HEAD, _version=None), "line 1: version: is missing"),
        ('{"trial": {"prompt": "\\ud800"}}', "line 1: this is no JSON: "),
        (f'{HEAD}\n{{"trial": {{"prompt": "", "seed": {"9" * 5000}, "replies": []}}}}', "line 2: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text, message):
    with pytest.raises(ValueError, match=message) as refusal:
        from_jsonl(text.encode())
    assert len(str(refusal.value)) < 800


@pytest.mark.parametrize("data", [b"\xff\xfe\x00h", b"\x89PNG\r\n\x1a\n", HEAD.encode("utf-16")])
def test_what_is_no_text_is_refused(data):
    with pytest.raises(ValueError, match="line 1: "):
        from_jsonl(data)


def test_a_file_too_large_is_refused_unread(monkeypatch):
    monkeypatch.setattr(jsonl_module, "MOST", 10)
    with pytest.raises(ValueError, match="too large to be read: 11 bytes, at most 10"):
        from_jsonl(b"x" * 11)


WRONG = {  # two megabytes each
    "columns": HEAD.replace('"columns": [', '"columns": [' + "1," * 1_000_000),
    "fields": HEAD.replace('"model"', "".join(f'"{at}":1,' for at in range(200_000)) + '"model"', 1),
    "messages": f"{HEAD}\n" + TRIAL.replace('"messages": [', '"messages": [' + '{"a":1},' * 200_000, 1),
    "tokens": f"{HEAD}\n" + TRIAL.replace('"token_ids": [', '"token_ids": [' + '"x",' * 500_000, 1),
    "scores": f"{HEAD}\n" + changed(TRIAL, scores={"perplexity": [["x"] * 500_000], "divergence": [[1]]}),
    "lines": f"{HEAD}\n" + '{"vote": 1}\n' * 180_000,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_million_mistakes_are_refused_as_fast_as_one_and_in_few_words(what):
    began = time.process_time()
    with pytest.raises(ValueError, match=r"line [12]: ") as refusal:
        from_jsonl(WRONG[what].encode())
    assert time.process_time() - began < 2  # a tenth of it, where nothing else runs
    assert len(str(refusal.value)) < 800


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def nested(depth: int) -> list:
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


@settings(max_examples=60, deadline=None)
@given(given=st.dictionaries(st.text(), _anything, max_size=4), depth=st.integers(0, 400))
def test_whatever_a_generation_was_set_to_is_read_back(given, depth):
    record = kept.record(settings={**given, "deep": nested(depth), "huge": 10**5000})
    assert from_jsonl(to_jsonl(record).encode()) == (record,)


def test_what_could_not_be_read_back_is_not_written(monkeypatch):
    size = len(to_jsonl(RECORD).encode())
    monkeypatch.setattr(jsonl_module, "MOST", size)
    assert from_jsonl(to_jsonl(RECORD).encode()) == (RECORD,)
    monkeypatch.setattr(jsonl_module, "MOST", size - 1)
    with pytest.raises(ValueError, match="too large for a file that can be read back"):
        to_jsonl(RECORD)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_break_it(data):
    with pytest.raises(ValueError):
        from_jsonl(data)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(to_jsonl(RECORD)) - 1), char=st.sampled_from('"{}[],:0-9\\xn '))
def test_a_flipped_character_is_an_error_or_another_record(place, char):
    text = to_jsonl(RECORD)
    try:
        from_jsonl((text[:place] + char + text[place + 1 :]).encode())
    except ValueError as error:
        assert str(error).startswith("line ")
