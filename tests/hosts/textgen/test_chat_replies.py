"""TextGen as a host: its own generation, and how a reply is kept, measured against the stand-in."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.hosted import MODES, QUICK, streamed
from hypothesis import given
from hypothesis import strategies as st
from standin.textgen import StandIn
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.protocol import HostError


def kept_by_host(textgen: StandIn, values_: list[Any], reply: str) -> dict[str, Any]:
    """The history that "Regenerate" leaves when the model answers `reply`."""
    before = textgen.chat.generate_reply
    textgen.chat.generate_reply = lambda *_, **__: iter([reply[: len(reply) // 2], reply])
    try:
        state = textgen.ui.gather_interface_values(*copy.deepcopy(values_))
        list(textgen.chat.generate_chat_reply_wrapper("", state, regenerate=True))
    finally:
        textgen.chat.generate_reply = before
    return state["history"]


def timeless(history: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(history), object_hook=lambda d: {k: v for k, v in d.items() if k != "timestamp"})


# -- the host's own generation


# -- a reply that is used

replies_ = st.text(alphabet=st.sampled_from("ab<>&{user} \n:'\"\\1"), max_size=30) | st.sampled_from(
    ["  spaces", "AI: in character", "You: for the user", "<USER> and {{user}}", "\n\nlines", "x</think>y"]
)


@pytest.mark.parametrize("mode", MODES)
@QUICK
@given(reply=replies_.filter(str.strip), name=st.sampled_from(["You", r"<b>\1&"]), thinking=st.booleans())
def test_a_reply_is_kept_as_regenerate_keeps_it(textgen, host, mode, reply, name, thinking):
    given_ = values(mode=mode, history=a_chat(), name1=name, enable_thinking=thinking)
    history, drawn = host.use_reply(reply, given_)
    expected = kept_by_host(textgen, given_, reply)
    assert timeless(history) == timeless(expected)
    assert drawn["html"] == textgen.chat.redraw_html(history, name, "AI", mode)["html"]
    assert "<b>" not in drawn["html"]


@pytest.mark.parametrize("mode", MODES)
def test_a_begun_reply_is_kept_whole(textgen, host, mode):
    given_ = values(mode=mode, history=a_chat(), start_with="Arr <user>, ")
    history, _ = host.use_reply("AI: matey & co", given_)
    expected = kept_by_host(textgen, given_, "AI: matey & co")
    assert history["internal"] == expected["internal"]
    assert history["visible"] == expected["visible"]
    again, _ = host.use_reply(history["internal"][-1][1], given_)  # the whole reply does as well
    assert again["internal"] == history["internal"]


def test_versions_can_be_walked_through(textgen, host):
    given_ = values(history=a_chat())
    history, _ = host.use_reply("First.", given_)
    history, drawn = host.use_reply("Second.", values(history=history))
    assert [version["content"] for version in history["metadata"]["assistant_1"]["versions"]] == [
        "In France.", "First.", "Second.",
    ]  # fmt: skip
    assert "3/3" in drawn["html"]
    state = textgen.ui.gather_interface_values(
        *values(history=history, navigate_message_index=1, navigate_direction="left")
    )
    history, drawn = textgen.chat.handle_navigate_version_click(state)
    assert history["internal"][-1] == ["Where is Paris?", "First."]
    history, drawn = host.use_reply("Third.", values(history=history))
    assert history["metadata"]["assistant_1"]["current_version_index"] == 3
    assert "4/4" in drawn["html"]


def test_tool_calls_stay_with_the_version_that_made_them(textgen, host):
    history = a_chat()
    history["metadata"]["assistant_1"] = {"tool_sequence": ["called"]}
    history, _ = host.use_reply("Without tools.", values(history=history))
    own = history["metadata"]["assistant_1"]
    assert own["versions"][0]["tool_sequence"] == ["called"]
    assert "tool_sequence" not in own
    assert "tool_sequence" not in own["versions"][1]


def test_other_extensions_see_a_reply_as_it_is_shown(textgen, host):
    textgen.extensions._loaded["loud"] = SimpleNamespace(output_modifier=lambda text, state, is_chat: text.upper())
    history, _ = host.use_reply("a < b", values(history=a_chat()))
    assert history["internal"][-1][1] == "a < b"
    assert history["visible"][-1][1] == "A &LT; B"


def test_the_page_s_own_history_is_not_touched_and_a_reloaded_page_has_the_new_one(textgen, host):
    given_ = values(history=a_chat())
    before = copy.deepcopy(given_)
    history, _ = host.use_reply("New.", given_)
    assert given_ == before
    assert textgen.shared.persistent_interface_state["history"] == history
    saved = textgen.shared.user_data_dir / "logs" / "instruct" / "20260101-00.json"
    assert json.loads(saved.read_text(encoding="utf-8")) == history


def test_multi_user_writes_and_remembers_nothing(textgen, host):
    textgen.shared.args.multi_user = True
    before = sorted(textgen.root.rglob("*"))
    given_ = values(history=a_chat(), max_new_tokens=3)
    assert host.multi_user
    streamed(host, host.ask_again(given_))
    history, _ = host.use_reply("New.", given_)
    assert history["internal"][-1][1] == "New."
    assert sorted(textgen.root.rglob("*")) == before
    assert textgen.shared.persistent_interface_state == {}


@pytest.mark.parametrize("history", [None, {"internal": [], "visible": []}, a_chat(("", "Welcome."))])
def test_without_a_reply_there_is_nothing_to_replace(textgen, host, history):
    with pytest.raises(HostError, match="no reply to replace"):
        host.use_reply("New.", values(history=history, unique_id=None))
    assert not list(textgen.root.rglob("*.json"))


@pytest.mark.parametrize(
    ("history", "reply"),
    [(None, ""), ({"internal": [], "visible": []}, ""), (a_chat(("", "Welcome.")), ""), (a_chat(), "In France.")],
)
def test_the_last_reply_is_told_as_the_model_said_it(host, history, reply):
    assert host.last_reply(values(history=history)) == reply


def test_the_chat_is_told_turn_by_turn_and_a_greeting_replies_to_nothing(host):
    greeted = {"internal": [["<|BEGIN-VISIBLE-CHAT|>", "Welcome."]], "visible": [["", "Welcome."]]}
    assert list(host.turns(values(history=greeted))) == [("", "Welcome.")]
    assert list(host.turns(values(history=None))) == []
    assert [reply for _, reply in host.turns(values(history=a_chat()))][-1] == "In France."


def test_a_reply_can_be_used_when_the_model_is_gone(textgen, host):
    textgen.models.unload_model()
    textgen.text_generation.encode = lambda *_, **__: torch.zeros(1, 1)
    history, _ = host.use_reply("New.", values(history=a_chat(), mode="chat", name2=""))
    assert history["internal"][-1][1] == "New."
