"""The standalone host's prompts and settings: what is asked of the model, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import standalone_tiny
from helpers.standalone_tiny import GREEDY, TEMPLATE
from standin.textgen_model import tiny_tokenizer

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings, build_request, context_length, end_tokens, render


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return standalone_tiny.tokenizer()


@pytest.fixture(scope="module")
def model() -> Any:
    return standalone_tiny.model()


def test_emptied_fields_count_as_their_defaults() -> None:
    assert Settings.of([None] * len(Settings.__dataclass_fields__)) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("max_new_tokens", 0, "Reply length"),
        ("temperature", float("nan"), "Temperature"),
        ("top_p", 0, "Top-p"),
        ("min_p", 2, "Min-p"),
        ("repetition_penalty", 0, "Repetition penalty"),
        ("seed", -2, "Seed"),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: Any, says: str) -> None:
    given = {**vars(Settings()), name: value}
    with pytest.raises(HostError, match=says):
        Settings.of(list(given.values()))


def test_a_request_is_the_chat_under_its_template(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages("Be brief.")
    request = build_request(model, tokenizer, messages, GREEDY)
    assert request.prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer.decode(request.token_ids) == request.prompt
    assert request.sampling.max_new_tokens == 12
    assert request.sampling.do_sample is False
    assert request.seed >= 0


def test_sampling_settings_reach_generate_and_temperature_0_is_greedy(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    sampled = build_request(model, tokenizer, messages, Settings(top_k=7, min_p=0.1, seed=5, stop_strings="a\n\\nB"))
    assert sampled.seed == 5
    assert sampled.stop_strings == ("a", "\nB")
    assert {key: getattr(sampled.sampling, key) for key in ("do_sample", "temperature", "top_p", "top_k", "min_p")} == {
        "do_sample": True, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1,
    }  # fmt: skip
    assert build_request(model, tokenizer, messages, Settings(temperature=0.0)).sampling.do_sample is False


def test_the_dice_are_thrown_anew_for_seed_minus_1(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    seeds = {build_request(model, tokenizer, messages, Settings()).seed for _ in range(5)}
    assert len(seeds) > 1


def test_a_template_that_refuses_a_system_prompt_gets_it_from_the_user() -> None:
    strict = tiny_tokenizer()
    strict.chat_template = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
    text = render(strict, History().say("Hi").messages("Be brief."))
    assert "<|im_start|>user\nBe brief.\n\nHi<|im_end|>" in text


def test_a_tokenizer_without_a_template_gets_a_plain_one(model: Any) -> None:
    plain = tiny_tokenizer()
    history = History().say("Hi").answer("Ho").say("And?")
    request = build_request(model, plain, history.messages("Be brief."), GREEDY)
    assert request.prompt == "Be brief.\nUser: Hi\nAssistant: Ho\nUser: And?\nAssistant:"
    assert request.stop_strings == ("\nUser:",)


def test_what_the_template_puts_after_a_reply_ends_one(model: Any) -> None:
    other = tiny_tokenizer()
    other.add_special_tokens({"additional_special_tokens": ["<|done|>"]})
    other.chat_template = TEMPLATE.replace("<|im_end|>", "<|done|>")
    assert end_tokens(model, other) == sorted([other.eos_token_id, other.convert_tokens_to_ids("<|done|>")])


def test_a_chat_that_does_not_fit_the_context_is_refused(model: Any, tokenizer: Any) -> None:
    assert context_length(model, tokenizer) == 2048
    with pytest.raises(HostError, match=r"The prompt has 30\d\d tokens, and the model reads 2048\. Say it shorter"):
        build_request(model, tokenizer, History().say("x" * 3000).messages(), GREEDY)
    grown = History().say("x" * 3000).answer("y").say("z").messages()
    with pytest.raises(HostError, match=r"The chat has grown to 30\d\d tokens.* Clear the chat"):
        build_request(model, tokenizer, grown, GREEDY)
    tight = build_request(model, tokenizer, History().say("x" * 1990).messages(), Settings(max_new_tokens=500))
    assert tight.sampling.max_new_tokens == 2048 - len(tight.token_ids) < 100
