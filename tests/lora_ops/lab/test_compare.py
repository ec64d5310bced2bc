"""Comparing: every column says exactly what it would say alone, live, and ends where it would end alone."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.comparing import ends_in_one_row, generated, heard, three
from helpers.tiny import mix_of, some
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from lora_mixer.lora_ops import Column, Desk, Mix, compare

SETTINGS: list[dict[str, Any]] = [
    {"do_sample": False},
    {"do_sample": False, "repetition_penalty": 1.4},
    {"do_sample": True, "temperature": 0.7},
    {"do_sample": True, "temperature": 1.5, "top_k": 20},
    {"do_sample": True, "top_p": 0.8},
    {"do_sample": True, "temperature": 2.0, "min_p": 0.1},
    {"do_sample": True, "temperature": 1.2, "top_p": 0.9, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3},
    {"do_sample": True, "temperature": 2.0, "eos_token_id": list(range(40, 60))},
]


# What columns say


@pytest.mark.parametrize("generation", SETTINGS, ids=str)
def test_columns_of_one_batch_say_what_each_says_alone_and_what_generate_says(generation: dict[str, Any]):
    seed = 12345
    model = tiny.two()
    desk = Desk(model)
    _, together = heard(desk, three(desk), generation, seed=seed)
    assert together.batched and together.why_not_batched == ""
    for column in together.columns:
        _, alone = heard(desk, [column.mix], generation, seed=seed)
        assert alone.columns[0].token_ids == column.token_ids
        assert (alone.columns[0].text, alone.columns[0].finish) == (column.text, column.finish)
        desk.apply(column.mix)
        assert generated(model, generation, seed=seed) == column.token_ids
        desk.reset()
    _, after_each_other = heard(desk, three(desk), generation, seed=seed, batched=False)
    assert [column.token_ids for column in after_each_other.columns] == [
        column.token_ids for column in together.columns
    ]


@given(data=st.data())
@settings(some, max_examples=10)  # any samplers, stop strings and fades: test_dice_of_columns.py
def test_columns_of_any_mixes_say_what_each_says_alone(data: st.DataObject):
    desk = _two()
    mixes = data.draw(st.lists(tiny.mixes(desk.adapters.values(), st.floats(-1.5, 1.5)), min_size=2, max_size=4))
    seed = data.draw(st.integers(0, 2**63 - 1))
    generation = {"do_sample": True, "temperature": data.draw(st.floats(0.3, 2.0)), "max_new_tokens": 6}
    _, together = heard(desk, mixes, generation, seed=seed)
    for mix, column in zip(mixes, together.columns, strict=True):
        assert heard(desk, [mix], generation, seed=seed)[1].columns[0].token_ids == column.token_ids


@cache
def _two() -> Desk:
    return Desk(tiny.two())


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if "8-bit" not in kind.name], ids=str)
def test_every_kind_of_adapter_says_in_a_comparison_what_it_says_alone(kind: tiny.Kind):
    model = kind.build()
    desk = Desk(model)
    generation = {"do_sample": True, "temperature": 0.8, "max_new_tokens": 6}
    _, result = heard(desk, [Mix(), desk.base()], generation)
    assert result.batched is kind.rows
    assert bool(result.why_not_batched) is not kind.rows
    for column in result.columns:
        desk.apply(column.mix)
        assert generated(model, generation) == column.token_ids
        desk.reset()


@pytest.mark.parametrize("generation", SETTINGS[:4], ids=str)
def test_the_same_mix_twice_says_the_same(generation: dict[str, Any]):
    desk = Desk(tiny.two())
    mix = mix_of(master=0.5)
    for mixes in ([mix, mix], [mix, Mix(), mix]):
        _, result = heard(desk, mixes, generation)
        assert result.columns[0].token_ids == result.columns[-1].token_ids


def test_columns_differ_when_their_mixes_do():
    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk))
    assert len({column.token_ids for column in result.columns}) == 3


def test_the_faders_do_not_matter_to_the_columns():
    desk = Desk(tiny.two())
    _, expected = heard(desk, three(desk))
    desk.apply(mix_of(master=-3.0))
    _, result = heard(desk, three(desk))
    assert [column.token_ids for column in result.columns] == [column.token_ids for column in expected.columns]
    assert desk.mix == mix_of(master=-3.0)


def test_the_result_tells_what_was_asked_and_how_it_went():
    desk = Desk(tiny.two())
    mixes = three(desk)
    run = compare(
        desk,
        tiny.tokenizer(),
        tiny.prompt(),
        [Column("loud", mixes[0]), Column("base", mixes[1])],
        seed=11,
        generation={"max_new_tokens": 5, "do_sample": False},
    )
    updates = list(run)
    result = run.result
    assert [column.label for column in result.columns] == ["loud", "base"]
    assert [column.mix for column in result.columns] == mixes[:2]
    assert result.seed == 11
    assert [column.finish for column in result.columns] == ["length", "length"]
    assert all(len(column.token_ids) == 5 for column in result.columns)
    assert result.seconds > 0
    assert all(column.tokens_per_second == 5 / column.seconds for column in result.columns)
    assert updates[-1].texts == tuple(column.text for column in result.columns)
    assert updates[-1].tokens == (5, 5)
    assert updates[-1].finished == (True, True)


# Ends


@pytest.mark.parametrize("generation", [{"do_sample": False}, {"do_sample": True, "temperature": 1.2}], ids=str)
def test_a_row_that_ends_early_leaves_the_others_going(generation: dict[str, Any]):
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, generation)
    _, whole = heard(desk, mixes, generation)
    updates, result = heard(desk, mixes, {**generation, "eos_token_id": token}, in_step=True)
    first, second = result.columns
    assert (first.token_ids, first.finish) == (whole.columns[0].token_ids[:at], "end")
    assert (second.token_ids, second.finish) == (whole.columns[1].token_ids, "length")
    assert any(update.finished == (True, False) for update in updates)


def test_the_end_tokens_of_the_model_end_a_reply():
    model = tiny.two()
    desk = Desk(model)
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    model.generation_config.eos_token_id = [1, token]
    _, result = heard(desk, mixes)
    assert [column.finish for column in result.columns] == ["end", "length"]
    assert len(result.columns[0].token_ids) == at


def test_the_end_tokens_of_a_generation_config_end_a_reply():
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    token, at = ends_in_one_row(desk, mixes, {})
    config = GenerationConfig(eos_token_id=token, pad_token_id=tiny.PAD, max_new_tokens=16)
    _, result = heard(desk, mixes, {"generation_config": config})
    assert [column.finish for column in result.columns] == ["end", "length"]
    assert [len(column.token_ids) for column in result.columns] == [at, 16]


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_stop_string_ends_one_column_and_is_cut_off(batched: bool):
    desk = Desk(tiny.two())
    mixes = [Mix(), desk.base()]
    _, whole = heard(desk, mixes)
    texts = [column.text for column in whole.columns]
    stop = next(
        texts[0][at : at + 2]
        for at in range(1, len(texts[0]) - 2)
        if texts[0][at : at + 2].isascii() and texts[0][at : at + 2] not in texts[1]
    )
    updates, result = heard(desk, mixes, stop_strings=[stop], batched=batched, in_step=True)
    assert result.columns[0].text == texts[0][: texts[0].index(stop)]
    assert result.columns[0].finish == "stop string"
    assert result.columns[1].text == texts[1]
    assert result.columns[1].finish == "length"
    assert all(stop not in text for update in updates for text in update.texts)
    assert result.columns[0].token_ids == whole.columns[0].token_ids[: len(result.columns[0].token_ids)]


def test_a_limit_of_the_callers_own_ends_a_reply_by_length():
    class Three(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return torch.full((input_ids.shape[0],), input_ids.shape[1] >= tiny.prompt().shape[1] + 3)

    desk = Desk(tiny.two())
    _, result = heard(desk, three(desk), {"stopping_criteria": StoppingCriteriaList([Three()])})
    assert [(column.finish, len(column.token_ids)) for column in result.columns] == [("length", 3)] * 3


class Script(LogitsProcessor):
    """Has the model say a text, and then whatever it likes."""

    def __init__(self, text: str, *after: int) -> None:
        self.tokens = [*tiny.ids_of(text), *after]
        self.prompt = tiny.prompt().shape[1]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        at = input_ids.shape[1] - self.prompt
        if at < len(self.tokens):
            scores = torch.full_like(scores, -torch.inf)
            scores[:, self.tokens[at]] = 0.0
        return scores


def script(text: str, *after: int) -> dict[str, Any]:
    tokens = [*tiny.ids_of(text), *after]
    return {"logits_processor": LogitsProcessorList([Script(text, *after)]), "max_new_tokens": len(tokens)}


def test_updates_only_grow_and_show_no_half_character_and_no_beginning_of_a_stop_string():
    desk = Desk(tiny.two())
    text = "Ahøy, 🦜 the\nYo-ho\nYou"
    updates, result = heard(desk, [Mix(), desk.base()], script(text), stop_strings=["\nYou:", "🦜🦜"], in_step=True)
    assert [update.tokens[0] for update in updates[:-1]] == list(range(1, len(tiny.ids_of(text)) + 1))
    assert [column.text for column in result.columns] == [text, text]
    assert updates[-1].texts == (text, text)
    for earlier, later in pairwise(updates):
        assert all(b.startswith(a) for a, b in zip(earlier.texts, later.texts, strict=True))
        assert all(b >= a for a, b in zip(earlier.tokens, later.tokens, strict=True))
        assert all(b >= a for a, b in zip(earlier.finished, later.finished, strict=True))
        assert later.seconds >= earlier.seconds
    for update in updates:
        if update.finished == (True, True):
            continue  # then it is sure
        assert not any("\ufffd" in one or one.endswith(("\n", "\nY", "\nYo", "\nYou")) for one in update.texts)


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "one after the other"])
def test_a_reply_cut_in_the_middle_of_a_character_does_without_it(batched: bool):
    desk = Desk(tiny.two())
    generation = script("aye 🦜")
    generation["max_new_tokens"] -= 1
    updates, result = heard(desk, [Mix(), desk.base()], generation, batched=batched)
    assert [column.text for column in result.columns] == ["aye ", "aye "]
    assert updates[-1].texts == ("aye ", "aye ")


def test_special_tokens_are_left_out_or_kept():
    desk = Desk(tiny.two())
    generation = script("Aye", tiny.PAD)
    assert heard(desk, [Mix()], generation)[1].columns[0].text == "Aye"
    assert heard(desk, [Mix()], generation, skip_special_tokens=False)[1].columns[0].text == "Aye<pad>"
