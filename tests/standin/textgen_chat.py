"""The chat of the stand-in of TextGen: prompts, stopping strings, history, versions, and what is kept on disk."""

from __future__ import annotations

import copy
import html
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

State = dict[str, Any]
History = dict[str, Any]

INSTRUCTION_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]\n{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}{% endif %}"
)
CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n{% else %}"
    "{{ name1 if m.role == 'user' else name2 }}: {{ m.content }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ name2 }}:{% endif %}"
)
PLACEHOLDER = "here the reply begins"
GREETING_ROW = "<|BEGIN-VISIBLE-CHAT|>"


class ReasoningModule:
    """`modules.reasoning`."""

    THINKING_FORMATS = [("<think>", "</think>", None), (None, "</think>", None)]


class ChatModule:
    """`modules.chat`."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._jinja.globals["raise_exception"] = self._refuse
        self._clock = itertools.count()

    @staticmethod
    def _refuse(message: str) -> None:
        raise ValueError(message)

    def generate_chat_prompt(self, user_input: str, state: State, **kwargs: Any) -> str:
        history = kwargs.get("history", state["history"])
        _continue = kwargs.get("_continue", False)
        messages = []
        for user, assistant in (row[:2] for row in history["internal"]):
            if user.strip() not in ("", GREETING_ROW):
                messages.append({"role": "user", "content": user.strip()})
            if assistant.strip():
                messages.append({"role": "assistant", "content": assistant.strip()})
        if user_input.strip() and not _continue:
            messages.append({"role": "user", "content": user_input.strip()})
        while True:
            prompt = self._rendered(messages, state, _continue)
            if self._host.text_generation.get_encoded_length(prompt) <= self._room(state):
                return prompt
            if len(messages) <= 1:
                raise ValueError
            messages = messages[1:]

    def _room(self, state: State) -> int:
        return self._host.text_generation.get_max_prompt_length(state)

    def _rendered(self, messages: list[dict[str, str]], state: State, _continue: bool) -> str:
        reply = messages[-1]["content"] if _continue else ""
        if _continue:
            messages = [*messages[:-1], {"role": "assistant", "content": PLACEHOLDER}]
        instruct = state["mode"] == "instruct"
        system = state["custom_system_message"] if instruct else state["context"]
        if system.strip():
            messages = [{"role": "system", "content": system}, *messages]
        template = state["instruction_template_str" if instruct else "chat_template_str"]
        variables = {key: state.get(key) for key in ("name1", "name2", "tools", "enable_thinking")}
        prompt = self._jinja.from_string(template).render(
            messages=messages, add_generation_prompt=not _continue, **variables
        )
        if state["mode"] == "chat-instruct":
            command = state["chat-instruct_command"].replace("<|prompt|>", prompt)
            outer = [{"role": "user", "content": command}]
            prompt = self._jinja.from_string(state["instruction_template_str"]).render(
                messages=outer, add_generation_prompt=True, **variables
            )
        prompt = prompt.split(PLACEHOLDER)[0] + reply
        if not instruct and not _continue:
            prompt += self._host.extensions.apply_extensions("bot_prefix", "", state)
        return prompt

    def get_stopping_strings(self, state: State) -> list[str]:
        names = [f"\n{state['name1']}:", f"\n{state['name2']}:"]
        self._rendered([{"role": "user", "content": "first"}], state, False)  # the host finds them in a chat like this
        return names if state["mode"] == "chat" else ["<|im_end|>"]

    def chatbot_wrapper(
        self, text: str, state: State, regenerate: bool = False, _continue: bool = False
    ) -> Iterator[History]:
        apply_extensions = self._host.extensions.apply_extensions
        output = apply_extensions("history", copy.deepcopy(state["history"]))
        state = apply_extensions("state", state)
        if state["mode"] != "chat":
            state["add_bos_token"] = False
        stops = self._host.chat.get_stopping_strings(state)
        begun = ["", ""]
        if regenerate or _continue:
            text = output["internal"][-1][0]
        else:
            text, visible = apply_extensions("chat_input", text, html.escape(text), state)
            text = apply_extensions("input", text, state, is_chat=True)
            output["internal"].append([text, ""])
            output["visible"].append([visible, ""])
        row = len(output["internal"]) - 1
        own = output["metadata"].setdefault(f"assistant_{row}", {})
        if regenerate:
            if not own.get("versions"):
                self._host.chat.add_message_version(output, "assistant", row, is_current=False)
            own["versions"].append({"content": "", "visible_content": "", "timestamp": self.get_current_timestamp()})
            own["current_version_index"] = len(own["versions"]) - 1
        if _continue:
            begun = [output["internal"][-1][1], output["visible"][-1][1]]
        earlier = {**output, "internal": output["internal"][:-1], "visible": output["visible"][:-1]}
        kwargs = {"_continue": _continue, "history": output if _continue else earlier}
        prompt = apply_extensions("custom_generate_chat_prompt", text, state, **kwargs)
        if prompt is None:
            prompt = self._host.chat.generate_chat_prompt(text, state, **kwargs)
        self.update_message_metadata(
            output["metadata"], "assistant", row, timestamp=self.get_current_timestamp(),
            model_name=self._host.shared.model_name,
        )  # fmt: skip
        thinking = "<think>" if not _continue and prompt.rstrip("\n").endswith("<think>") else ""
        for reply in self._host.chat.generate_reply(prompt, state, stops, is_chat=True, for_ui=True):
            internal, visible = self._split(thinking + reply, state, _continue)
            output["internal"][row][1] = begun[0] + internal
            output["visible"][row][1] = begun[1] + visible
            if "current_version_index" in own:
                own["versions"][own["current_version_index"]].update(
                    content=begun[0] + internal, visible_content=begun[1] + visible
                )
            yield output
        if _continue:  # made anew from the whole reply
            output["visible"][row][1] = self._shown(output["internal"][row][1], state)
        output["visible"][row][1] = apply_extensions("output", output["visible"][row][1], state, is_chat=True)
        if "current_version_index" in own:
            own["versions"][own["current_version_index"]]["visible_content"] = output["visible"][row][1]
        yield output

    def generate_reply(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        return self._host.text_generation.generate_reply(*args, **kwargs)

    def _split(self, reply: str, state: State, _continue: bool) -> tuple[str, str]:
        if state["mode"] != "instruct":
            reply = reply if _continue else reply.lstrip()
            for name in (state["name2"], state["name1"]):
                if reply.startswith(name + ":"):
                    reply = reply[len(name) + 1 :]
                    break
        visible = self._shown(reply, state)
        return (reply, visible) if _continue else (reply.lstrip(" "), visible.lstrip(" "))

    def _shown(self, reply: str, state: State) -> str:
        if state["mode"] != "instruct":
            reply = re.sub("<USER>|<user>|{{user}}", lambda _: state["name1"], reply)
        return html.escape(reply)

    def generate_chat_reply_wrapper(
        self, text: Any, state: State, regenerate: bool = False, _continue: bool = False
    ) -> Iterator[tuple[dict[str, Any], History]]:
        text = text["text"] if isinstance(text, dict) else text or ""
        if (regenerate or _continue) and not state["history"]["internal"]:
            return
        if state["start_with"] and not _continue:
            if regenerate:
                text, state["history"] = self.remove_last_message(state["history"])
                regenerate = False
            _continue = True
            self.send_dummy_message(text, state)
            self.send_dummy_reply(state["start_with"], state)
        if state["selected_tools"] or state["mcp_servers"]:
            tool_use = self._host.tool_use
            tools, runners = tool_use.load_tools(state["selected_tools"])
            more = tool_use.load_mcp_tools(state["mcp_servers"])[0]
            state["tools"] = tools + [tool for tool in more if tool["function"]["name"] not in runners]
        history = state["history"]
        for history in self._host.chat.chatbot_wrapper(text, state, regenerate, _continue):
            yield self._redrawn(history, state), history
        state["history"] = history
        self.save_history(history, state["unique_id"], state["character_menu"], state["mode"])

    def _redrawn(self, history: History, state: State) -> dict[str, Any]:
        look = (state[key] for key in ("name1", "name2", "mode", "chat_style", "character_menu"))
        return self.redraw_html(history, *look)

    def redraw_html(self, history: History, name1: str, name2: str, mode: str, *look: Any) -> dict[str, Any]:
        parts = []
        for row, (user, assistant) in enumerate(history["visible"]):
            own = history["metadata"].get(f"assistant_{row}", {})
            count = len(own.get("versions", []))
            arrows = f"{own['current_version_index'] + 1}/{count}" if count > 1 else ""
            parts.append(f'<div class="user-message">{user}</div>' if user else "")
            body = f'<div class="message-body" data-index="{row}">{assistant}</div>'
            parts.append(f'<div class="assistant-message">{body}<span class="version-position">{arrows}</span></div>')
        return {"html": f'<div class="chat" id="chat">{"".join(parts)}</div>', "last_message_only": False}

    def handle_navigate_version_click(self, state: State) -> list[Any]:
        history, row = state["history"], int(state["navigate_message_index"])
        own = history["metadata"][f"assistant_{row}"]
        step = -1 if state["navigate_direction"] == "left" else 1
        own["current_version_index"] = min(max(own["current_version_index"] + step, 0), len(own["versions"]) - 1)
        version = own["versions"][own["current_version_index"]]
        history["internal"][row][1] = version["content"]
        history["visible"][row][1] = version["visible_content"]
        self.save_history(history, state["unique_id"], state["character_menu"], state["mode"])
        return [history, self._redrawn(history, state)]

    def add_message_version(self, history: History, role: str, row_idx: int, is_current: bool = True) -> None:
        side = 0 if role == "user" else 1
        own = history.setdefault("metadata", {}).setdefault(f"{role}_{row_idx}", {})
        versions = own.setdefault("versions", [])
        content, visible = history["internal"][row_idx][side], history["visible"][row_idx][side]
        stamp = self.get_current_timestamp()
        versions.append({"content": content, "visible_content": visible, "timestamp": stamp})
        if is_current:
            own["current_version_index"] = len(versions) - 1

    def update_message_metadata(self, metadata: dict[str, Any], role: str, index: int, **fields: Any) -> None:
        metadata.setdefault(f"{role}_{index}", {}).update(fields)

    def get_current_timestamp(self) -> str:
        return f"moment {next(self._clock)}"

    def remove_last_message(self, history: History) -> tuple[str, History]:
        if not history["visible"] or history["internal"][-1][0] == GREETING_ROW:
            return "", history
        row = len(history["internal"]) - 1
        history["internal"].pop()
        for role in ("user", "assistant"):
            history["metadata"].pop(f"{role}_{row}", None)
        return html.unescape(history["visible"].pop()[0]), history

    def send_dummy_message(self, text: str, state: State) -> History:
        internal = self._host.extensions.apply_extensions("input", text, state, is_chat=True)
        state["history"]["visible"].append([html.escape(text), ""])
        state["history"]["internal"].append([internal, ""])
        return state["history"]

    def send_dummy_reply(self, text: str, state: State) -> History:
        internal = self._host.extensions.apply_extensions("input", text, state, is_chat=True)
        state["history"]["visible"][-1][1] = html.escape(text)
        state["history"]["internal"][-1][1] = internal
        return state["history"]

    def _file(self, unique_id: str, character: str, mode: str) -> Path:
        folder = Path("instruct") if mode == "instruct" else Path("chat") / character
        return self._host.shared.user_data_dir / "logs" / folder / f"{unique_id}.json"

    def save_history(self, history: History, unique_id: str, character: str, mode: str) -> None:
        if not self._host.shared.args.multi_user and not unique_id.startswith("incognito-"):
            file = self._file(unique_id, character, mode)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(history), encoding="utf-8")

    def load_history(self, unique_id: str, character: str, mode: str) -> History:
        file = self._file(unique_id, character, mode)
        if not file.exists():
            return {"internal": [], "visible": [], "metadata": {}}
        return json.loads(file.read_text(encoding="utf-8"))
