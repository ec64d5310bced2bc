"""TextGen as a host: what is asked of its model, and the call that it would make, measured against the stand-in."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.hosted import MODES
from standin.textgen import StandIn
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.protocol import HostError


def asked_by_host(textgen: StandIn, values_: list[Any], text: str = "", **kwargs: Any) -> dict[str, Any]:
    """What the stand-in's own chat would generate from."""
    asked: dict[str, Any] = {}

    def generate_reply(prompt, state, stopping_strings, **_):
        asked.update(prompt=prompt, state=state, stopping_strings=stopping_strings)
        yield "x"

    before, textgen.chat.generate_reply = textgen.chat.generate_reply, generate_reply
    try:
        state = textgen.ui.gather_interface_values(*copy.deepcopy(values_))
        list(textgen.chat.generate_chat_reply_wrapper(text, state, **kwargs))
    finally:
        textgen.chat.generate_reply = before
    return asked


# -- what is asked


SETTINGS = [
    {},
    {"start_with": "Sure, "},
    {"start_with": "Arr <user>"},
    {"custom_system_message": "Be short.", "custom_stopping_strings": r'"\nX", "Y"'},
    {"selected_tools": ["clock"], "mcp_servers": "weather clock"},
    {"enable_thinking": True},
    {"truncation_length": 180, "max_new_tokens": 40},  # the host drops the first turn
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_asks_again_what_regenerate_would_ask(textgen, host, mode, changes):
    given_ = values(mode=mode, history=a_chat(), **changes)
    before = copy.deepcopy(given_)
    request = host.ask_again(given_)
    assert given_ == before
    expected = asked_by_host(textgen, given_, regenerate=True)
    assert request.prompt == expected["prompt"]
    assert request.state["add_bos_token"] == expected["state"]["add_bos_token"]
    assert set(expected["stopping_strings"]) <= set(request.stop_strings)
    if "custom_stopping_strings" in changes:
        assert request.stop_strings[-2:] == ("\nX", "Y")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", SETTINGS[:-1], ids=str)
def test_asks_a_typed_text_as_a_new_chat_would(textgen, host, mode, changes):
    given_ = values(mode=mode, history=a_chat(), **changes)
    request = host.ask("Sing a <user> song", given_)
    alone = values(mode=mode, unique_id="new", **changes)
    assert request.prompt == asked_by_host(textgen, alone, "Sing a <user> song")["prompt"]


@pytest.mark.parametrize("mode", MODES)
def test_a_system_message_of_its_own_stands_where_the_chats_own_would(textgen, host, mode):
    own = {"custom_system_message": "Be brief.", "context": "Be brief."}
    given_ = values(mode=mode, **own)
    before = copy.deepcopy(given_)
    request = host.ask("Sing", given_, system="Be loud.")
    loud = values(mode=mode, unique_id="new", custom_system_message="Be loud.", context="Be loud.")
    assert "Be loud." in request.prompt and "Be brief." not in request.prompt and given_ == before
    assert request.prompt == asked_by_host(textgen, loud, "Sing")["prompt"]
    assert host.ask("Sing", given_, system=" ").prompt == host.ask("Sing", given_).prompt


def test_other_extensions_have_their_say(textgen, host):
    def before(history):
        return {**history, **{side: [["(before)", "Yes?"], *history[side]] for side in ("internal", "visible")}}

    modifier = SimpleNamespace(
        history_modifier=before,
        state_modifier=lambda state: {**state, "custom_system_message": "From an extension."},
        bot_prefix_modifier=lambda prefix, state: prefix + " *thinks*",
        input_modifier=lambda text, state, is_chat: text.upper(),
    )
    textgen.extensions._loaded["other"] = modifier
    for mode in MODES:
        given_ = values(mode=mode, history=a_chat())
        assert host.ask_again(given_).prompt == asked_by_host(textgen, given_, regenerate=True)["prompt"]
        assert "(before)" in host.ask_again(given_).prompt
        assert "SING" in host.ask("sing", given_).prompt
    modifier.custom_generate_chat_prompt = lambda text, state, history, **_: f"{text}|{len(history['internal'])}"
    assert host.ask_again(given_).prompt == "Where is Paris?|2"


def test_a_reply_s_tool_calls_are_not_shown_to_the_model_that_is_asked_again(textgen, host):
    history = a_chat()
    history["metadata"]["assistant_1"] = {"tool_sequence": [{"role": "tool", "content": "12:00"}]}
    seen = {}
    textgen.extensions._loaded["spy"] = SimpleNamespace(history_modifier=lambda h: seen.update(h) or h)
    host.ask_again(values(history=history))
    assert seen["metadata"]["assistant_1"] == {}
    assert "tool_sequence" in history["metadata"]["assistant_1"]


REFUSING = "{{ raise_exception('roles must alternate') }}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"history": {"internal": [], "visible": [], "metadata": {}}, "unique_id": None}, "no message to ask again"),
        ({"history": None, "unique_id": None}, "no message to ask again"),
        ({"history": a_chat(("", "Welcome."))}, "no message to ask again"),
        ({"truncation_length": 40, "max_new_tokens": 20}, "20 tokens are left"),
        ({"truncation_length": 64, "max_new_tokens": 64}, "0 tokens are left"),
        ({"instruction_template_str": REFUSING}, "template refuses this chat: roles must alternate"),
        ({"instruction_template_str": "{% if %}"}, "template refuses"),
        ({"instruction_template_str": "{% if messages[0].content != 'first' %}" + REFUSING + "{% endif %}"}, "refuses"),
        ({"custom_stopping_strings": '"open'}, "stopping strings cannot be read"),
        ({"custom_token_bans": "7,x"}, "settings cannot be used: ValueError.*'x'"),
        ({"mode": "chat", "name2": ""}, "No character"),
    ],
)
def test_says_why_it_cannot_ask(host, changes, message):
    with pytest.raises(HostError, match=message):
        host.ask_again(values(**{"history": a_chat(), **changes}))


def test_a_prompt_of_an_extension_is_refused_when_the_host_would_cut_it(textgen, host):
    textgen.extensions._loaded["long"] = SimpleNamespace(custom_generate_chat_prompt=lambda *_, **__: "x" * 500)
    with pytest.raises(HostError, match="has 500 tokens.*456 tokens are left"):
        host.ask_again(values(history=a_chat(), truncation_length=520))


def test_empty_text_is_no_prompt(host):
    with pytest.raises(HostError, match="Type a prompt"):
        host.ask(" \n", values())


# -- the recorded call
