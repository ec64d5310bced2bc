"""Experiments as they are kept, made up: with hypothesis in every shape, and some by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lora_mixer.lora_ops import (
    AdapterRecord,
    ColumnRecord,
    Duel,
    Faders,
    MessageRecord,
    Mix,
    Record,
    ReplyRecord,
    ScoresRecord,
    TrialRecord,
    Vote,
)
from lora_mixer.lora_ops.results import database

#: Texts that want to be something else: markup, formulas, ends of lines, half of it invisible.
NASTY = (
    "<script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "'\"`--", "=1+1", "-1", "@x",
    "+1", "\t=1", "a\r\nb", "\u2028", "\x00", "\x1b[31m", "a,b;c", "\u202etxt", "שלום", "語", "🏴‍☠️",
)  # fmt: skip

texts = st.text(max_size=12) | st.sampled_from(NASTY)
gains = st.floats(min_value=-8, max_value=8).map(lambda gain: round(gain, 3))
times = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(timezone.utc))
seconds = st.floats(min_value=0, max_value=1e6)
_some_gains: Any = st.dictionaries(texts.filter(bool), gains, max_size=2)
_fades = st.lists(st.tuples(st.integers(0, 500), gains), min_size=1, max_size=3, unique_by=lambda point: point[0])
faders = st.builds(
    Faders,
    on=st.booleans(),
    master=gains,
    kinds=_some_gains,
    layers=st.dictionaries(st.integers(0, 99), gains, max_size=2),
    modules=_some_gains,
    fades=st.dictionaries(
        st.sampled_from(["master", "layer:3", "kind:q_proj"]),
        _fades.map(lambda points: tuple(sorted(points))),
        max_size=2,
    ),
)
mixes = st.dictionaries(texts, faders, max_size=2).map(Mix)
adapters = st.builds(AdapterRecord, texts, texts, st.integers(0, 512), gains, texts)
settings = st.dictionaries(
    texts,
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | gains | texts | st.lists(gains, max_size=3),
    max_size=3,
)
_numbers = st.floats(min_value=0) | st.just(float("inf"))


def _square(columns: int, numbers: Any) -> Any:
    return st.lists(st.lists(numbers, min_size=columns, max_size=columns), min_size=columns, max_size=columns)


@st.composite
def scores(draw: Any, columns: int) -> ScoresRecord:
    pieces = draw(st.lists(st.lists(texts, max_size=3), min_size=columns, max_size=columns))
    logprobs = [[[-0.5] * len(text) for text in pieces] for _ in range(columns)]
    return ScoresRecord(
        perplexity=draw(_square(columns, _numbers)),
        divergence=draw(_square(columns, _numbers)),
        **draw(st.sampled_from([{}, {"logprobs": logprobs, "pieces": pieces}])),
    )


@st.composite
def trials(draw: Any, columns: int) -> TrialRecord:
    reply = st.builds(
        ReplyRecord,
        text=texts,
        token_ids=st.lists(st.integers(0, 2**31 - 1), max_size=4).map(tuple),
        finish=st.sampled_from(["", "end", "length", "stop string", "stopped"]),
        seconds=seconds,
    )
    return TrialRecord(
        prompt=draw(texts),
        seed=draw(st.integers(-(2**63), 2**64 - 1)),
        replies=tuple(draw(st.lists(reply, min_size=columns, max_size=columns))),
        question=draw(st.integers(0, 3)),
        label=draw(texts),
        messages=tuple(draw(st.lists(st.builds(MessageRecord, texts, texts), max_size=2))),
        seconds=draw(seconds),
        note=draw(texts),
        scores=draw(st.none() | scores(columns)),
    )


@st.composite
def votes(draw: Any, columns: int, trials: int) -> Vote:
    left, right = draw(st.permutations(range(columns)))[:2]
    return Vote(
        trial=draw(st.integers(0, trials - 1)),
        left=left,
        right=right,
        verdict=draw(st.sampled_from(["left", "right", "tie", "bad"])),
        blind=draw(st.booleans()),
        source=draw(st.sampled_from(["blind", "chat"])),
        time=draw(times),
    )


@st.composite
def records(draw: Any) -> Record:
    columns = draw(st.integers(1, 4))
    run = tuple(draw(st.lists(trials(columns), max_size=3)))
    cast = draw(st.lists(votes(columns, len(run)), max_size=3)) if run and columns > 1 else []
    return Record(
        model=draw(texts),
        columns=tuple(draw(st.lists(st.builds(ColumnRecord, texts, mixes), min_size=columns, max_size=columns))),
        host=draw(texts),
        adapters=tuple(draw(st.lists(adapters, max_size=2))),
        settings=draw(settings),
        trials=run,
        votes=tuple(cast),
        time=draw(times),
    )


def mix(gain: float) -> Mix:
    """The pirate at this gain."""
    return Mix({"pirate": Faders(master=gain)})


def record(columns: int = 2, trials: int = 0, **fields: Any) -> Record:
    """An experiment: the pirate at as many gains, all asked the same; trial 0 of column 1 says "0 at 1"."""
    begun = Record(
        model="tiny",
        columns=tuple(ColumnRecord(f"gain {at}", mix(float(at))) for at in range(columns)),
        adapters=(AdapterRecord("pirate", "lora", 4, 8.0, "abc"),),
        **fields,
    )
    for at in range(trials):
        begun = begun.and_trial(trial(at, columns))
    return begun


def trial(at: int, columns: int = 2) -> TrialRecord:
    """What all columns said to question `at`."""
    said = tuple(ReplyRecord(f"{at} at {column}", (at, column), "end", 0.5) for column in range(columns))
    return TrialRecord(f"question {at}", 7, said, question=at)


def duel(left: float, right: float, verdict: str) -> Duel:
    """A vote between the pirate at two gains."""
    return Duel(mix(left), mix(right), verdict, f"{left:g}", f"{right:g}")  # type: ignore[arg-type]


def query(path: Path, sql: str) -> list:
    """What the file answers, past all of our code."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def old_table(path: Path) -> None:
    """A file of the first schema, with an experiment, two trials and two votes in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database.migrate(path, "0001")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """
            INSERT INTO experiments VALUES (1, '2026-01-02T03:04:05+00:00', 'tiny',
                '[{"name": "pirate", "method": "lora", "rank": 4, "alpha": 8.0}]',
                '[{"label": "A", "mix": {"adapters": {"pirate": {"on": true, "master": 0.5, "kinds": {}, "layers": {},
                   "modules": {}}}}}, {"label": "B", "mix": {"adapters": {}}}]', '{"max_new_tokens": 8}');
            INSERT INTO experiments VALUES (4, '2026-01-03T03:04:05+00:00', 'tiny', '[]',
                '[{"label": "only", "mix": {"adapters": {}}}]', '{}');
            INSERT INTO trials VALUES (3, 1, 'Ahoy', 7, '[{"text": "Arr", "finish": "end", "seconds": 1.5},
                {"text": "Hello", "finish": "length", "seconds": 1.5}]', 1.6);
            INSERT INTO trials VALUES (5, 4, 'x', 1, '[{"text": "y", "finish": "end", "seconds": 0.5}]', 0.5);
            INSERT INTO trials VALUES (8, 1, 'Ahoy', 8, '[{"text": "Aye", "finish": "end", "seconds": 1.5},
                {"text": "Hi", "finish": "end", "seconds": 1.5}]', 1.7);
            INSERT INTO votes VALUES (1, 8, 1, 0, 'right', '2026-01-02T04:00:00+00:00');
            INSERT INTO votes VALUES (2, 3, 0, 1, 'tie', '2026-01-02T05:00:00+00:00');
            """
        )
