"""How TextGen calls its model: listened to, and nothing left behind."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.hosted import MODES, QUICK
from hypothesis import given
from hypothesis import strategies as st
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.protocol import HostError

some_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0.1, 3, allow_nan=False),
        "top_k": st.integers(0, 50),
        "do_sample": st.booleans(),
        "ban_eos_token": st.booleans(),
        "custom_token_bans": st.sampled_from(["", "5", "5, 6,", "nonsense"]),
        "auto_max_new_tokens": st.booleans(),
        "negative_prompt": st.sampled_from(["", "rude"]),
        "guidance_scale": st.sampled_from([1.0, 1.5]),
        "prompt_lookup_num_tokens": st.sampled_from([0, 3]),
        "static_cache": st.booleans(),
        "penalty_alpha": st.sampled_from([0.0, 0.6]),
        "seed": st.integers(-1, 2**40),
        "mode": st.sampled_from(MODES),
        "max_new_tokens": st.integers(1, 1200),
    },
)


def comparable(arguments: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in arguments.items()}
    return {key: value for key, value in plain.items() if key not in ("inputs", "stopping_criteria")}


@QUICK
@given(changes=some_settings)
def test_records_what_the_host_passes_and_leaves_no_trace(textgen, host, changes):
    model, given_ = textgen.shared.model, values(history=a_chat(), **changes)
    dice = torch.get_rng_state(), random.getstate()
    try:
        request = host.ask_again(given_)
    except HostError:
        assert changes.get("custom_token_bans") == "nonsense" or changes.get("max_new_tokens", 0) > 700
        request = None
    assert torch.equal(torch.get_rng_state(), dice[0])
    assert random.getstate() == dice[1]
    assert "generate" not in vars(model)
    assert not textgen.shared.generation_lock.locked()
    if request is None:
        return
    assert request.seed != -1
    assert changes.get("seed", -1) in (-1, request.seed)

    calls: list[dict[str, Any]] = []
    model.generate = lambda **kwargs: calls.append(kwargs) or kwargs["inputs"]
    try:
        state = textgen.ui.gather_interface_values(*given_)
        list(textgen.chat.generate_chat_reply_wrapper("", state, regenerate=True))
    finally:
        del model.generate
    assert [list(request.token_ids)] == calls[0]["inputs"].tolist()
    assert comparable(request.sampling.to_dict()) == comparable(calls[0])


def test_a_generate_of_someone_else_is_put_back(textgen, host):
    textgen.shared.model.generate = own = lambda **_: None
    try:
        host.ask_again(values(history=a_chat()))
        assert vars(textgen.shared.model)["generate"] is own
    finally:
        del textgen.shared.model.generate


def test_a_model_replaced_meanwhile_is_said(textgen, host):
    def reload(state, prompt, input_ids, embeds):
        textgen.shared.model = SimpleNamespace(generate=lambda **kwargs: kwargs["inputs"])
        return prompt, input_ids, embeds

    textgen.extensions._loaded["reloader"] = SimpleNamespace(tokenizer_modifier=reload)
    with pytest.raises(HostError, match="try again"):
        host.ask_again(values(history=a_chat()))


def test_a_host_that_is_too_fast_for_its_clock_is_fine(textgen, host, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 7.0)  # the host divides by the time that it took
    assert host.ask_again(values(history=a_chat())).sampling.max_new_tokens == 64


def test_random_seeds_differ_and_asking_keeps_the_idle_timer_away(textgen, host):
    seeds = {host.ask_again(values(history=a_chat())).seed for _ in range(5)}
    assert len(seeds) == 5
    assert textgen.models.last_generation_time > time.time() - 60
    assert host.ask_again(values(history=a_chat(), seed=None)).seed > 0
    assert host.ask_again(values(history=a_chat(), seed=7.0)).seed == 7
