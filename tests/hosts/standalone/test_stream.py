"""The standalone host's stream: grows into what `generate` says, and ends where and when it should."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers import standalone_tiny
from helpers.standalone_tiny import GREEDY, LONG, generating_threads, values_of

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.prompt import Settings, build_request
from lora_mixer.hosts.standalone.stream import stream


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return standalone_tiny.tokenizer()


@pytest.fixture(scope="module")
def model() -> Any:
    return standalone_tiny.model()


@pytest.fixture
def host() -> StandaloneHost:
    return standalone_tiny.host()


def test_a_stream_grows_into_what_generate_says(model: Any, tokenizer: Any) -> None:
    request = build_request(model, tokenizer, History().say("Hi").messages(), GREEDY)
    parts = list(stream(model, tokenizer, request, threading.Event()))
    ids = torch.tensor([request.token_ids])
    alone = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **request.sampling.to_dict())
    fresh = alone[0, ids.shape[1] :]
    assert parts[-1].text == tokenizer.decode(fresh, skip_special_tokens=True)
    assert parts[-1].tokens == len(fresh)
    assert all(later.text.startswith(earlier.text) for earlier, later in zip(parts, parts[1:], strict=False))


def test_a_stop_string_ends_the_stream(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    request = build_request(model, tokenizer, messages, GREEDY)
    whole = list(stream(model, tokenizer, request, threading.Event()))[-1].text
    stop = build_request(model, tokenizer, messages, replace(GREEDY, stop_strings=whole[4:6]))
    assert list(stream(model, tokenizer, stop, threading.Event()))[-1].text == whole[: whole.index(whole[4:6])]
    assert not generating_threads()


def test_the_same_seed_says_the_same(host: StandaloneHost) -> None:
    again = [
        list(host.generate(host.ask("Hi", values_of(History(), Settings(max_new_tokens=12, seed=3)))))[-1]
        for _ in range(2)
    ]
    assert again[0] == again[1]


def test_stop_ends_a_stream_and_so_does_leaving_it(host: StandaloneHost) -> None:
    request = host.ask("Hi", values_of(History(), LONG))
    for index, _ in enumerate(host.generate(request)):
        if index == 2:
            host.stop()
    assert index < 500
    leaving = host.generate(request)
    next(leaving)
    leaving.close()
    assert not generating_threads()


def test_what_goes_wrong_in_the_model_comes_out_of_the_stream(host: StandaloneHost) -> None:
    request = host.ask("Hi", values_of(History()))
    request = replace(request, sampling=replace(request.sampling, max_new_tokens=-5))
    with pytest.raises(ValueError, match="max_new_tokens"):
        list(host.generate(request))
    assert not generating_threads()
