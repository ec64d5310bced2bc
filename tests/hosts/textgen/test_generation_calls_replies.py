"""TextGen's own generation: what it says, how it ends, and what is left of it."""

from __future__ import annotations

import copy
import random
import threading
from types import SimpleNamespace

import pytest
import torch
from helpers.hosted import MODES, streamed
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.protocol import HostError


@pytest.mark.parametrize("mode", MODES)
def test_generates_what_the_chat_itself_would_say(textgen, host, mode):
    given_ = values(mode=mode, history=a_chat(), seed=11, max_new_tokens=20, ban_eos_token=True)
    replies = streamed(host, host.ask_again(given_))
    assert len(replies) > 5
    assert all(later.startswith(earlier) for earlier, later in zip(replies, replies[1:], strict=False))
    state = textgen.ui.gather_interface_values(*copy.deepcopy(given_))
    list(textgen.chat.generate_chat_reply_wrapper("", state, regenerate=True))
    own = state["history"]["internal"][-1][1]
    assert own == (replies[-1].lstrip() if mode != "instruct" else replies[-1].lstrip(" "))
    assert own


def test_the_same_request_gives_the_same_reply_again_and_again(textgen, host):
    request = host.ask_again(values(history=a_chat(), max_new_tokens=30, custom_stopping_strings='"e", "a"'))
    dice = random.getstate()
    replies = {streamed(host, request)[-1] for _ in range(8)}
    assert len(replies) == 1
    assert random.getstate() == dice
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(gentask)")]


def test_a_sampler_that_rolls_python_s_dice_rolls_the_same_for_every_column(textgen, host):
    rolls: list[list[float]] = []

    def roll(processors, input_ids):
        rolls[-1].append(random.random())

    textgen.extensions._loaded["dice"] = SimpleNamespace(logits_processor_modifier=roll)
    rolls.append([])
    request = host.ask_again(values(history=a_chat(), max_new_tokens=2))
    for _ in range(2):
        rolls.append([])
        streamed(host, request)
    assert rolls[1] == rolls[2] != []


def test_stop_ends_it(textgen, host):
    request = host.ask_again(values(history=a_chat(), max_new_tokens=500, ban_eos_token=True))
    with host.lock:
        replies = host.generate(request)
        next(replies)
        host.stop()
        assert len(list(replies)) < 100
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(gentask)")]


def test_closing_it_leaves_the_model_at_rest(textgen, host):
    request = host.ask_again(values(history=a_chat(), max_new_tokens=500, ban_eos_token=True))
    with host.lock:
        replies = host.generate(request)
        next(replies)
        replies.close()
        assert not [thread for thread in threading.enumerate() if thread.name.endswith("(gentask)")]
    assert "generate" not in vars(textgen.shared.model)


def test_an_error_in_the_model_is_an_error(textgen, host, monkeypatch):
    request = host.ask_again(values(history=a_chat()))

    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has 1 GiB")

    monkeypatch.setattr(textgen.shared.model.get_base_model().model, "forward", fail)
    with pytest.raises(
        HostError, match="could not generate: there is not enough memory for this .2.50 GiB more were needed"
    ) as raised:
        streamed(host, request)
    assert isinstance(raised.value.__cause__, torch.OutOfMemoryError)
    assert not textgen.shared.generation_lock.locked()
    assert "generate" not in vars(textgen.shared.model)


def test_says_when_the_host_has_no_such_generation_or_no_model(textgen, host):
    request = host.ask_again(values(history=a_chat()))
    del textgen.text_generation._generate_reply
    with pytest.raises(HostError, match="in one batch"):
        streamed(host, request)
    textgen.models.unload_model()
    with pytest.raises(HostError, match="No model is loaded"):
        streamed(host, request)
