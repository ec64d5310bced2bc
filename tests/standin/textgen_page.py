"""The page of the stand-in of TextGen: its chat, its settings, and the extensions, on Gradio 4 and 6."""

from __future__ import annotations

import html
from functools import partial
from typing import Any

from standin.textgen_chat import CHAT_TEMPLATE, INSTRUCTION_TEMPLATE
from standin.textgen_look import LOOK

#: Every component that the page's buttons read, in their order, with the value that it starts with.
DEFAULTS: dict[str, Any] = {
    "temperature": 1.0, "dynatemp_low": 1.0, "dynatemp_high": 1.0, "min_p": 0.0, "top_p": 0.9, "top_k": 20,
    "typical_p": 1.0, "tfs": 1.0, "repetition_penalty": 1.0, "repetition_penalty_range": 0, "penalty_alpha": 0.0,
    "guidance_scale": 1.0, "max_new_tokens": 64, "prompt_lookup_num_tokens": 0, "do_sample": True,
    "dynamic_temperature": False, "temperature_last": False, "auto_max_new_tokens": False, "ban_eos_token": False,
    "add_bos_token": True, "enable_thinking": False, "skip_special_tokens": True, "stream": True,
    "static_cache": False, "truncation_length": 1024, "seed": -1, "sampler_priority": "temperature\ntop_k\ntop_p",
    "custom_stopping_strings": "", "custom_token_bans": "", "negative_prompt": "", "navigate_message_index": 0,
    "navigate_direction": "", "history": {"internal": [], "visible": [], "metadata": {}}, "unique_id": "20260101-00",
    "textbox": "", "start_with": "", "selected_tools": [], "mcp_servers": "", "mode": "instruct",
    "chat_style": "cai-chat", "chat-instruct_command": "Continue the chat.\n\n<|prompt|>",
    "character_menu": "Assistant", "name2": "AI", "context": "A chat with an AI.", "name1": "You",
    "custom_system_message": "", "instruction_template_str": INSTRUCTION_TEMPLATE,
    "chat_template_str": CHAT_TEMPLATE,
}  # fmt: skip
IN_THE_CHAT_TAB = ("textbox", "history")


def values(**changes: Any) -> list[Any]:
    """What the page sends when its components stand as in `DEFAULTS`, but for `changes`."""
    unknown = changes.keys() - DEFAULTS.keys()
    assert not unknown, f"not on the page: {unknown}"
    return [changes.get(name, default) for name, default in DEFAULTS.items()]


def a_chat(*turns: tuple[str, str]) -> dict[str, Any]:
    """A history of these turns (or of two) as the page holds it."""
    turns = turns or (("Hello", "Hi."), ("Where is Paris?", "In France."))
    visible = [[html.escape(user), html.escape(reply)] for user, reply in turns]
    return {"internal": [list(turn) for turn in turns], "visible": visible, "metadata": {}}


def create_interface(host: Any) -> Any:
    """The page as a `gr.Blocks`, not launched yet; the components are in `host.shared.gradio` by name."""
    import gradio as gr

    parts = host.shared.gradio
    style, script = (host.extensions.apply_extensions(kind) for kind in ("css", "js"))
    with gr.Blocks(title="TextGen (stand-in)", analytics_enabled=False) as page:
        parts["interface"] = page
        # Gradio 6 takes no css in `Blocks`; what the page then shows is the same.
        gr.HTML(f"<style>{LOOK}\n{style}\n#display {{ display: none }}</style>")
        parts["interface_state"] = gr.State({})
        parts["history"] = gr.State(DEFAULTS["history"])
        with gr.Tab("Chat", elem_id="chat-tab"):
            parts["display"] = gr.JSON(value={}, elem_id="display")
            parts["html_display"] = gr.HTML('<div class="chat" id="chat"></div>', elem_classes=["chat-parent"])
            parts["textbox"] = gr.Textbox(label="Message", elem_id="chat-input")
            with gr.Row():
                for name in ("Generate", "Regenerate", "Stop"):
                    parts[name] = gr.Button(name, elem_id="stop" if name == "Stop" else name)
        with gr.Tab("Notebook", elem_id="notebook-parent-tab"):
            gr.Textbox(label="Text", lines=20, elem_classes=["textbox"])
        with gr.Tab("Parameters", elem_id="parameters"):
            for name, value in DEFAULTS.items():
                if name not in IN_THE_CHAT_TAB:
                    parts[name] = _component(gr, name, value)
            parts["navigate_version"] = gr.Button("Navigate", elem_id="Navigate-version")
        with gr.Tab("Model", elem_id="model-tab"):
            parts["lora_menu"] = gr.Dropdown(
                multiselect=True,
                choices=host.utils.get_available_loras(),
                value=host.shared.lora_names,
                label="LoRA(s)",
                elem_id="lora-menu",
            )
            parts["lora_menu_apply"] = gr.Button("Apply LoRAs", elem_id="lora-menu-apply")
            parts["lora_menu_apply"].click(host.LoRA.add_lora_to_model, parts["lora_menu"], None)
        _wire(host, parts)
        page.load(None, None, None, js=f"() => {{ {script} }}")
        host.extensions.create_extensions_tabs()
        host.extensions.create_extensions_block()
    return page.queue()


def _component(gr: Any, name: str, value: Any) -> Any:
    options = {"label": name, "value": value, "elem_id": f"setting-{name}"}
    if isinstance(value, bool):
        return gr.Checkbox(**options)
    if isinstance(value, (int, float)):
        return gr.Number(**options, precision=0 if isinstance(value, int) else None)
    if isinstance(value, list):
        return gr.CheckboxGroup(choices=["clock"], **options)
    return gr.Textbox(**options)


def _wire(host: Any, parts: dict[str, Any]) -> None:
    inputs = [parts[name] for name in host.shared.input_elements]
    chat, state, shown = host.chat, parts["interface_state"], [parts["display"], parts["history"]]
    gather = host.ui.gather_interface_values
    # The real page redraws itself with a script of its own whenever `display` changes.
    parts["display"].change(lambda drawn: (drawn or {}).get("html", ""), parts["display"], parts["html_display"])
    for event, kwargs in (
        (parts["Generate"].click, {}),
        (parts["textbox"].submit, {}),
        (parts["Regenerate"].click, {"regenerate": True}),
    ):
        event(gather, inputs, state).then(
            partial(chat.generate_chat_reply_wrapper, **kwargs), [parts["textbox"], state], shown
        )
    parts["Stop"].click(host.text_generation.stop_everything_event, None, None, queue=False)
    parts["navigate_version"].click(gather, inputs, state).then(
        chat.handle_navigate_version_click, state, [parts["history"], parts["display"]]
    )
