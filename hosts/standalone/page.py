"""The standalone page: the chat in one tab, and the extension, loaded as a host loads it, in another."""

from __future__ import annotations

import html
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from .calls import check_call
from .chat import Chat
from .gradio_versions import accepted
from .guard import Guard
from .host import StandaloneHost
from .openai_server import PLACE, OpenAi

TITLE = "LoRA Mixer"
_HERE = Path(__file__).parent
_SANS = ["ui-sans-serif", "system-ui", "sans-serif"]
_MONO = ["ui-monospace", "Consolas", "monospace"]


@dataclass(frozen=True)
class Page:
    blocks: Any
    launch_options: dict[str, Any]
    guard: Guard


def load_extension(root: Path) -> ModuleType:
    """`script.py` in `root` as a module of its own, the way a host loads an extension by its path."""
    name = "lora_mixer_script"
    spec = importlib.util.spec_from_file_location(name, root / "script.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"There is no script.py in {root}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def build_page(host: StandaloneHost, root: Path, names: Iterable[str] = (), key: str = "") -> Page:
    """The page around `host`, with the extension of `root` in it; `launch_options` go to `blocks.launch`.

    It answers at the loopback's names, at the address that a request came to, and at `names`: see `Guard`. With a `key`
    it answers programs too, below `/v1/`.
    """
    extension = load_extension(root)
    if hasattr(extension, "use_host"):
        extension.use_host(host)
    if hasattr(extension, "setup"):
        extension.setup()
    css = (_HERE / "page.css").read_text(encoding="utf-8") + _call(extension, "custom_css")
    js = (_HERE / "page.js").read_text(encoding="utf-8") + _call(extension, "custom_js")
    # Fonts of the system: the page asks nobody but this machine for anything.
    theme = gr.themes.Default(font=_SANS, font_mono=_MONO)
    # Where they belong differs: in Gradio 4 to the Blocks, since 6 to launch.
    look = {"css": css, "js": f"() => {{\n{js}\n}}", "theme": theme}
    launch_look = accepted(gr.Blocks.launch, **look)
    blocks_look = accepted(gr.Blocks, fill_width=True, **({} if launch_look else look))
    with gr.Blocks(title=TITLE, analytics_enabled=False, **blocks_look) as blocks:
        _fill(host, extension)
    # Faders may start elsewhere than as loaded: the first reply must obey them too, whether a page asked or not.
    host.on_model = getattr(extension, "model_changed", host.on_model)
    if host.model is not None:
        host.on_model()
    private = accepted(
        gr.Blocks.launch, ssr_mode=False, run_history=False, footer_links=[], show_api=False, enable_monitoring=False
    )
    guard = Guard(lambda path, body: check_call(blocks.fns, path, body), names)
    if key:
        guard.stand_beside(PLACE, OpenAi(host, key))
    return Page(blocks, {**launch_look, **private, "app_kwargs": {"lifespan": guard.lifespan}}, guard)


def _fill(host: StandaloneHost, extension: ModuleType) -> None:
    params = getattr(extension, "params", {})
    with gr.Row(elem_id="page-top"):
        top = gr.HTML(f"<div><strong>{html.escape(host.model_name)}</strong></div>", elem_id="page-header")
        offer = gr.Button("", elem_id="page-offer", size="sm", scale=0, min_width=140, visible=False)
        theme = gr.Button("◐", elem_id="page-theme", size="sm", scale=0, min_width=40)
    with gr.Tabs(selected="chat", elem_id="page-tabs"):
        with gr.Tab("Chat", id="chat"):
            chat = Chat(host)
            host.show_adapters([top, chat.send, offer], chat.head)
            if hasattr(extension, "ui") and not params.get("is_tab"):
                extension.ui()
        if hasattr(extension, "ui") and params.get("is_tab"):
            with gr.Tab(params.get("display_name", TITLE), id="mixer"):
                extension.ui()
    theme.click(None, None, None, js="() => { window.loraMixerPage.toggleTheme() }")
    head = [top, chat.send, offer]
    gr.context.Context.root_block.load(chat.watch, None, head, show_progress="hidden", concurrency_limit=None)
    # Pressed once more while it does that, the same button stops it.
    offer.click(chat.accept, None, head, show_progress="hidden", concurrency_limit=None, trigger_mode="multiple")


def _call(extension: ModuleType, name: str) -> str:
    return "\n" + str(getattr(extension, name)()) if hasattr(extension, name) else ""
