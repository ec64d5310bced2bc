"""The same dice: a batched column equals the same mix alone, token for token, however sampled, wherever it ends."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from helpers import tiny
from helpers.comparing import generated, heard
from helpers.tiny import mix_of, some
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops import ColumnResult, Desk, Fade, Fader, Mix

SAMPLING = st.fixed_dictionaries(
    {"do_sample": st.just(True), "temperature": st.floats(0.2, 3.0)},
    optional={
        "top_p": st.floats(0.05, 1.0),
        "top_k": st.integers(1, 300),
        "min_p": st.floats(0.0, 0.5),
        "repetition_penalty": st.floats(0.8, 2.0),
    },
)
GREEDY = st.fixed_dictionaries({"do_sample": st.just(False)}, optional={"repetition_penalty": st.floats(0.8, 2.0)})
gains = st.floats(-1.5, 2.5)
fades = st.dictionaries(st.integers(0, 10), gains, min_size=1, max_size=4).map(
    lambda points: Fade(tuple(sorted(points.items())))
)
FADERS = [Fader("pirate"), Fader("poet"), Fader("pirate", "kind", "q_proj"), Fader("pirate", "layer", 1)]


@cache
def two() -> Desk:
    return Desk(tiny.two())


@st.composite
def columns(draw: st.DrawFn) -> list[Mix]:
    mixes = draw(st.lists(tiny.mixes(two().adapters.values(), gains), min_size=2, max_size=5))
    for fader in draw(st.lists(st.sampled_from(FADERS), max_size=2)):
        at = draw(st.integers(0, len(mixes) - 1))
        mixes[at] = fader.put_fade(mixes[at], draw(fades))
    return mixes


def said(column: ColumnResult) -> tuple[Any, ...]:
    return column.token_ids, column.text, column.finish


@given(data=st.data(), mixes=columns(), seed=st.integers(0, 2**63 - 1), generation=SAMPLING | GREEDY)
@settings(some, max_examples=25)
def test_a_batched_column_equals_the_same_mix_alone(
    data: st.DataObject, mixes: list[Mix], seed: int, generation: dict[str, Any]
):
    generation = {**generation, "max_new_tokens": 10}
    _, whole = heard(two(), mixes, generation, seed=seed)
    # A stop string out of what one column says ends that one early, and others wherever they say it.
    letters = [letter for letter in whole.columns[0].text if letter.isascii()]
    stops = data.draw(st.lists(st.sampled_from(letters), max_size=2)) if letters else []
    _, together = heard(two(), mixes, generation, seed=seed, stop_strings=stops)
    assert together.batched
    for mix, column in zip(mixes, together.columns, strict=True):
        _, alone = heard(two(), [mix], generation, seed=seed, stop_strings=stops)
        assert said(alone.columns[0]) == said(column)
    for column, before in zip(together.columns, whole.columns, strict=True):
        assert column.token_ids == before.token_ids[: len(column.token_ids)]
        assert not any(stop in column.text for stop in stops)


@given(mix=columns().map(lambda mixes: mixes[0]), seed=st.integers(0, 2**63 - 1), generation=SAMPLING | GREEDY)
@settings(some, max_examples=25)
def test_a_column_says_what_generate_says_with_its_mix_on_the_desk(mix: Mix, seed: int, generation: dict[str, Any]):
    generation = {**generation, "max_new_tokens": 10}
    _, result = heard(two(), [mix, Mix()], generation, seed=seed)
    two().apply(mix)
    assert generated(two().engine.model, generation, seed=seed) == result.columns[0].token_ids
    two().reset()


@pytest.mark.parametrize("generation", [{"do_sample": False}, {"do_sample": True, "temperature": 1.3}], ids=str)
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_sixteen_columns_with_fades_say_what_each_says_alone(generation: dict[str, Any], batched: bool):
    desk = two()
    mixes = [
        Fader("pirate").put_fade(mix_of(layers={1: at / 4}), Fade(((0, 0.0), (at + 1, at / 8)))) for at in range(16)
    ]
    _, together = heard(desk, mixes, generation, batched=batched)
    assert together.batches == ((16,) if batched else (1,) * 16)
    for mix, column in zip(mixes, together.columns, strict=True):
        assert said(heard(desk, [mix], generation)[1].columns[0]) == said(column)
    assert len({column.token_ids for column in together.columns}) > 8


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if "8-bit" not in kind.name], ids=str)
def test_every_kind_of_adapter_fades_in_a_comparison_as_it_does_alone(kind: tiny.Kind):
    desk = Desk(kind.build())
    mixes = [
        Mix(dict.fromkeys(desk.adapters, faders))
        for faders in (mix_of(fades={"master": Fade.parse(f"{at} at 0, 1.5 at 4")})["pirate"] for at in (0, 1))
    ]
    generation = {"do_sample": True, "temperature": 0.8, "max_new_tokens": 6}
    _, result = heard(desk, mixes, generation)
    assert result.batched is kind.rows
    for column in result.columns:
        desk.apply(column.mix)
        assert generated(desk.engine.model, generation) == column.token_ids
        desk.reset()


@pytest.mark.parametrize(
    "generation",
    [{"num_beams": 2}, {"cache_implementation": "static"}, {"prefill_chunk_size": 3}, {"use_cache": False}],
    ids=str,
)
def test_fades_follow_under_settings_with_loops_of_their_own(generation: dict[str, Any]):
    desk = two()
    mixes = [mix_of(fades={"master": Fade.parse("0 at 0, 1 at 5, -1 at 9")}), Mix()]
    _, result = heard(desk, mixes, generation)
    for mix, column in zip(mixes, result.columns, strict=True):
        desk.apply(mix)
        assert generated(desk.engine.model, generation) == column.token_ids
        desk.reset()


def test_somebody_elses_way_of_generating_follows_the_fades_of_its_column():
    desk = two()
    mixes = [mix_of(fades={"master": Fade.parse("0 at 0, 1 at 5, -1 at 9")}), Mix()]
    expected = [column.text for column in heard(desk, mixes)[1].columns]

    def generate() -> Any:
        ids = list(generated(desk.engine.model, {}))
        yield tiny.tokenizer().decode(ids).rstrip("\ufffd")

    _, result = heard(desk, mixes, batched=False, alone=generate)
    assert [column.text for column in result.columns] == expected
