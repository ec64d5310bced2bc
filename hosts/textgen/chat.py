"""How TextGen's chat asks the model, and how it keeps a reply.

The steps are those of the host's own "Regenerate", taken through the host's own functions.
"""

from __future__ import annotations

import ast
import copy
import html
import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ..protocol import HostError

_CHAT_MODES = ("chat", "chat-instruct")
_GPT_OSS_REPLY = "<|channel|>final<|message|>"

State = dict[str, Any]
History = dict[str, Any]


def host_module(name: str) -> Any:
    """A module of the host, looked up at each call: the host reloads its interface in the same process."""
    return importlib.import_module(f"modules.{name}")


@dataclass(frozen=True)
class Turn:
    """What the host would generate from.

    Attributes:
        prompt: the text as the model sees it.
        state: the host's settings as they became on the way here, without the history.
        stop_strings: what ends a reply: the template's, and the user's own.
        opening: how the reply begins in the prompt already ("Start reply with", or a template's thinking tag): the
            model does not say it again, yet it belongs to the reply.
        continues: the opening is the user's own.
    """

    prompt: str
    state: State
    stop_strings: tuple[str, ...]
    opening: str
    continues: bool


def history_of(state: State) -> History:
    """The chat as the page holds it, as it always is after the host's first touch: with metadata."""
    history: History = state.get("history") or {"internal": [], "visible": []}
    history.setdefault("metadata", {})
    return history


def has_turn(history: History) -> bool:
    """Whether there is more than a greeting, which is all that "Regenerate" asks for."""
    greeting_alone = len(history["visible"]) == 1 and not history["visible"][0][0]
    return bool(history["internal"]) and not greeting_alone


def build_turn(state: State, history: History, text: str | None = None) -> Turn:
    """The last turn of `history` asked again, or `text` as the turn after it; both arguments stay as they are.

    Raises:
        HostError: no character, a template that refuses, a prompt that does not fit, unreadable stopping strings.
    """
    chat, apply_extensions = host_module("chat"), host_module("extensions").apply_extensions
    if state["mode"] in _CHAT_MODES and not state["name2"]:
        raise HostError("No character is loaded: choose one in the Character tab.")
    state = {**state, "history": copy.deepcopy(history)}
    _add_tools(state)
    continues = bool(state["start_with"])
    if continues:  # the host then asks anew, with the beginning of the reply put into the chat
        asked = chat.remove_last_message(state["history"])[0] if text is None else text
        chat.send_dummy_message(asked, state)
        chat.send_dummy_reply(state["start_with"], state)
    elif text is None:
        last = f"assistant_{len(history['internal']) - 1}"
        state["history"]["metadata"].get(last, {}).pop("tool_sequence", None)

    history = apply_extensions("history", copy.deepcopy(state["history"]))
    state = apply_extensions("state", state)
    if _GPT_OSS_REPLY in state["instruction_template_str"]:
        state["skip_special_tokens"] = False
    if state["mode"] in ("instruct", "chat-instruct"):
        state["add_bos_token"] = False  # the template writes it
    with _refusals_explained(state):
        of_template = chat.get_stopping_strings(state)
    stops = stop_strings(of_template, state["custom_stopping_strings"])

    if text is not None and not continues:
        asked, _ = apply_extensions("chat_input", text, html.escape(text), state)
        asked = apply_extensions("input", asked, state, is_chat=True)
    else:
        asked, reply = history["internal"][-1][:2]
        if not continues:
            history = {**history, "internal": history["internal"][:-1], "visible": history["visible"][:-1]}
    prompt = _prompt(asked, state, _continue=continues, history=history)
    opening = reply if continues else thinking_tag(prompt)
    kept = {key: value for key, value in state.items() if key != "history"}
    return Turn(prompt, kept, stops, opening, continues)


def too_long(state: State, tokens: int | None = None) -> str:
    """Says that a prompt (of `tokens`, if known) does not fit, and what can be done."""
    room = max(host_module("text_generation").get_max_prompt_length(state), 0)
    size = "is too long" if tokens is None else f"has {tokens} tokens, which is too long"
    return (
        f"The prompt {size}: {room} tokens are left for it (truncation_length {state['truncation_length']} less "
        f"max_new_tokens {state['max_new_tokens']}). Change either in the Parameters tab, or shorten the prompt."
    )


def stored_reply(text: str, state: State, history: History) -> tuple[str, str]:
    """`text` as the host keeps a reply: for the model, and for the page (escaped). Written after the last turn."""
    opening, continues = "", False
    with suppress(HostError):  # a prompt that cannot be built now adds no opening; the reply is good all the same
        turn = build_turn(state, history)
        opening, continues = turn.opening, turn.continues
    body = text.removeprefix(opening)
    in_character = state["mode"] in _CHAT_MODES
    if not continues:
        body = (opening + body).lstrip() if in_character else opening + body
    if in_character:
        speaker = next((name for name in (state["name2"], state["name1"]) if body.startswith(f"{name}:")), None)
        body = body if speaker is None else body[len(speaker) + 1 :]
    internal = opening + body if continues else body.lstrip(" ")
    shown = re.sub("<USER>|<user>|{{user}}", lambda _: state["name1"], internal) if in_character else internal
    return internal, host_module("extensions").apply_extensions("output", html.escape(shown), state, is_chat=True)


def add_version(history: History, internal: str, visible: str) -> None:
    """Puts a reply in the place of the last one of `history`, which stays as one of its versions.

    Tool calls belong to the version that they led to, and go with it.
    """
    chat, row = host_module("chat"), len(history["internal"]) - 1
    own = history["metadata"].setdefault(f"assistant_{row}", {})
    tools = own.pop("tool_sequence", None)
    if not own.get("versions"):
        chat.add_message_version(history, "assistant", row, is_current=False)
    if tools is not None:
        current = min(own.get("current_version_index", 0), len(own["versions"]) - 1)
        own["versions"][current].setdefault("tool_sequence", tools)
    history["internal"][row][1] = internal
    history["visible"][row][1] = visible
    chat.add_message_version(history, "assistant", row, is_current=True)
    stamp = {"timestamp": chat.get_current_timestamp(), "model_name": host_module("shared").model_name}
    chat.update_message_metadata(history["metadata"], "assistant", row, **stamp)


def _prompt(text: str, state: State, **kwargs: Any) -> str:
    with _refusals_explained(state):
        prompt = host_module("extensions").apply_extensions("custom_generate_chat_prompt", text, state, **kwargs)
        return str(host_module("chat").generate_chat_prompt(text, state, **kwargs) if prompt is None else prompt)


@contextmanager
def _refusals_explained(state: State) -> Iterator[None]:
    from jinja2 import TemplateError

    try:
        yield
    except (ValueError, TemplateError) as error:
        # A ValueError without a message is how the host says that even one message does not fit.
        refusal = f"The chat template refuses this chat: {error}" if str(error) else too_long(state)
        raise HostError(refusal) from error


def thinking_tag(prompt: str) -> str:
    formats = host_module("reasoning").THINKING_FORMATS
    return next((tag for tag, *_ in formats if tag and prompt.rstrip("\n").endswith(tag)), "")


def stop_strings(of_template: Sequence[str], custom: Any) -> tuple[str, ...]:
    try:
        own = ast.literal_eval(f"[{custom}]") if isinstance(custom, str) else list(custom or [])
    except (ValueError, SyntaxError) as error:
        advice = r'write them like "\n", "User:" in the Parameters tab'
        raise HostError(f"The custom stopping strings cannot be read ({custom}): {advice}.") from error
    return tuple(dict.fromkeys(str(item) for item in (*of_template, *own) if item != ""))


def _add_tools(state: State) -> None:
    """The tools that are ticked in the Chat tab: the prompt names them. (Nothing here ever runs one.)"""
    tool_use = host_module("tool_use")
    selected, servers = state.get("selected_tools") or [], state.get("mcp_servers") or ""
    has_servers = bool(servers) or tool_use.has_mcp_config()
    if selected or has_servers:
        tools = list(tool_use.load_tools(selected)[0])
        names = {tool["function"]["name"] for tool in tools}
        more = tool_use.load_mcp_tools(servers)[0] if has_servers else []
        state["tools"] = tools + [tool for tool in more if tool["function"]["name"] not in names]
