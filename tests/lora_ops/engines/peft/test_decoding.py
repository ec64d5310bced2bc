"""Decoding: several rows from one prompt in transformers' own loop, each as it would be alone."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.decoding import alone, decoded
from torch import nn
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TextStreamer,
)

from lora_mixer.lora_ops.engines.engine import NotInRows, Token
from lora_mixer.lora_ops.engines.peft.decoding import decode, end_ids, setting

SETTINGS: list[dict[str, Any]] = [
    {"do_sample": False},
    {"do_sample": False, "repetition_penalty": 1.5},
    {"do_sample": False, "no_repeat_ngram_size": 2},
    {"do_sample": False, "use_cache": False},
    {"do_sample": True},
    {"do_sample": True, "temperature": 0.5},
    {"do_sample": True, "temperature": 3.0, "top_k": 0},
    {"do_sample": True, "top_k": 5},
    {"do_sample": True, "top_p": 0.6},
    {"do_sample": True, "min_p": 0.2, "temperature": 2.0},
    {"do_sample": True, "typical_p": 0.5},
    {"do_sample": True, "temperature": 1.3, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.2},
    {"do_sample": True, "min_new_tokens": 5, "eos_token_id": list(range(40, 120))},
    {"do_sample": True, "eos_token_id": list(range(40, 80))},
    {"do_sample": True, "bad_words_ids": [[5], [6]], "suppress_tokens": [7, 8]},
]


@pytest.mark.parametrize("generation", SETTINGS, ids=str)
@pytest.mark.parametrize("rows", [1, 3])
def test_each_row_says_what_generate_says(generation: dict[str, Any], rows: int):
    model = tiny.llama()
    for seed in (0, 1):
        assert decoded(model, rows, generation, seed) == [alone(model, generation, seed)] * rows


def test_the_seed_matters_when_sampling():
    model = tiny.llama()
    assert decoded(model, 1, {"do_sample": True}, 1) != decoded(model, 1, {"do_sample": True}, 2)


@pytest.mark.parametrize("build", [tiny.gpt2, tiny.opt, tiny.mixtral, tiny.gpt_oss], ids=lambda build: build.__name__)
def test_rows_work_for_other_models(build: Any):
    model = build()
    generation = {"do_sample": True, "temperature": 0.8}
    assert decoded(model, 2, generation) == [alone(model, generation)] * 2


def test_the_settings_of_the_model_hold_as_in_generate():
    model = tiny.llama()
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.4,
        top_k=7,
        repetition_penalty=1.3,
        eos_token_id=list(range(40, 60)),
        pad_token_id=0,
    )
    before = copy.deepcopy(model.generation_config)
    assert decoded(model, 2, {}) == [alone(model, {})] * 2
    assert model.generation_config == before


def test_a_generation_config_holds_as_in_generate():
    model = tiny.llama()
    config = GenerationConfig(do_sample=True, temperature=0.4, max_new_tokens=9, eos_token_id=[40, 41], pad_token_id=0)
    before = copy.deepcopy(config)
    given = {"generation_config": config}
    assert 0 < len(alone(model, given)) <= 9
    assert decoded(model, 2, given) == [alone(model, given)] * 2
    assert config == before
    assert end_ids(model, given) == [40, 41]


def test_settings_come_from_the_call_then_the_given_config_then_the_model():
    model = tiny.llama()
    model.generation_config.top_k = 1
    model.generation_config.eos_token_id = 5
    given = {"generation_config": GenerationConfig(top_k=2)}
    assert setting(model, {"top_k": 3, **given}, "top_k") == 3
    assert setting(model, given, "top_k") == 2
    assert setting(model, {}, "top_k") == 1
    assert setting(model, {"top_k": None}, "top_k") == 1
    assert setting(nn.Linear(1, 1), {}, "top_k") is None
    assert end_ids(model, {}) == [5]
    assert end_ids(model, {"eos_token_id": [3, 4]}) == [3, 4]
    assert end_ids(tiny.llama(), {}) == []


def test_a_row_that_is_called_finished_is_left_alone_and_the_others_go_on():
    model = tiny.llama()
    generation = {"do_sample": True, "temperature": 1.5}
    whole = alone(model, generation)
    assert decoded(model, 3, generation, stop={0: 2, 2: 5}) == [whole[:2], whole, whole[:5]]


def test_generation_ends_when_every_row_is_finished():
    model = tiny.llama()
    steps: list[int] = []
    model.register_forward_pre_hook(lambda *_: steps.append(1))
    decoded(model, 2, {"do_sample": False}, stop={0: 2, 1: 4})
    assert len(steps) == 4


def test_nothing_is_warned_about(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder):
    import transformers

    transformers.logging.set_verbosity_warning()
    try:
        decoded(tiny.llama(pad_token_id=None), 2, {"do_sample": True, "eos_token_id": [250]})
    finally:
        transformers.logging.set_verbosity_error()
    assert [record.message for record in caplog.records] == []
    assert [str(warning.message) for warning in recwarn if "generat" in str(warning.message).lower()] == []


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_random_numbers_of_the_process_are_untouched(error: Any):
    class Failing(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            random.random()
            torch.rand(())
            if error is not None and input_ids.shape[1] > 12:
                raise error
            return scores

    before = random.getstate(), torch.get_rng_state().tolist()
    try:
        decoded(tiny.llama(), 2, {"do_sample": True, "logits_processor": LogitsProcessorList([Failing()])})
    except BaseException as raised:
        assert type(raised) is error
    assert (random.getstate(), torch.get_rng_state().tolist()) == before


# Stopping


class After(StoppingCriteria):
    """Ends a row at so many tokens, each row at one more, and counts how often it was asked."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.asked = 0

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self.asked += 1
        return torch.tensor([input_ids.shape[1] >= self.tokens + row for row in range(input_ids.shape[0])])


def test_criteria_of_the_caller_end_their_rows_and_are_asked_once_a_step():
    model = tiny.llama()
    criteria = After(tiny.prompt().shape[1] + 3)
    generation = {"do_sample": True, "stopping_criteria": StoppingCriteriaList([criteria])}
    whole = alone(model, {"do_sample": True})
    assert decoded(model, 3, generation) == [whole[:3], whole[:4], whole[:5]]
    assert criteria.asked == 5


def test_stop_strings_of_generate_end_their_rows():
    model = tiny.llama()
    whole = alone(model, {"do_sample": False})
    text = tiny.tokenizer().decode(whole)
    stop = next(letter for letter in text[3:] if letter.isascii())
    generation = {"do_sample": False, "stop_strings": [stop], "tokenizer": tiny.tokenizer()}
    assert decoded(model, 2, generation) == [alone(model, generation)] * 2
    assert len(alone(model, generation)) < len(whole)


# Other loops


@pytest.mark.parametrize(
    ("generation", "reason"),
    [
        ({"num_beams": 3}, "beam search"),
        ({"generation_config": GenerationConfig(num_beams=3, max_new_tokens=12, pad_token_id=0)}, "beam search"),
        ({"num_beams": 2, "num_return_sequences": 2}, "beam search"),
        ({"do_sample": True, "num_return_sequences": 2}, "several replies to one prompt"),
        ({"prompt_lookup_num_tokens": 2, "eos_token_id": 1}, "speculative decoding"),
        ({"cache_implementation": "static"}, "the static cache is made for one row"),
        ({"cache_implementation": "static", "do_sample": True}, "the static cache is made for one row"),
    ],
    ids=str,
)
def test_settings_that_need_another_loop_are_refused_for_rows_and_work_for_one(generation: dict[str, Any], reason: str):
    model = tiny.llama()
    with pytest.raises(NotInRows, match=reason):
        decoded(model, 2, generation)
    assert decoded(model, 1, generation) == [alone(model, generation)]


@pytest.mark.parametrize(
    "generation", [{"assistant_model": tiny.llama}, {"penalty_alpha": 0.6, "top_k": 4}, {"dola_layers": "low"}], ids=str
)
def test_other_kinds_of_search_are_refused_for_rows(generation: dict[str, Any]):
    with pytest.raises(NotInRows, match=r"speculative|contrasti"):
        decoded(tiny.llama(), 2, generation)


def test_the_settings_of_the_model_can_need_another_loop():
    model = tiny.llama()
    model.generation_config.num_beams = 2
    with pytest.raises(NotInRows, match="beam search"):
        decoded(model, 2, {})


def test_a_streamer_listens_to_one_row(capsys: pytest.CaptureFixture[str]):
    model = tiny.llama()
    generation = {"do_sample": False, "streamer": TextStreamer(tiny.tokenizer(), skip_prompt=True)}
    with pytest.raises(NotInRows, match="a streamer listens to one row"):
        decoded(model, 2, generation)
    assert decoded(model, 1, generation) == [alone(model, {"do_sample": False})]
    assert capsys.readouterr().out


def test_the_reply_is_heard_token_by_token():
    for generation in ({"do_sample": False}, {"do_sample": False, "num_beams": 2}):
        seen: list[Token] = []

        def hear(tokens: Mapping[int, Token], seen: list[Token] = seen) -> list[bool]:
            seen.extend(tokens.values())
            return [False]

        decode(tiny.llama(), tiny.prompt(), [7], {"max_new_tokens": 6, **generation}, hear)
        assert [token.id for token in seen] == alone(tiny.llama(), {"max_new_tokens": 6, **generation})
        assert [token.last for token in seen] == [False] * 5 + [True]
