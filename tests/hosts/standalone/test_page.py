"""The standalone page: the extension on it as on its host's, and the adapters that are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import standalone_tiny

from lora_mixer.hosts.standalone import page as standalone_page
from lora_mixer.hosts.standalone.host import StandaloneHost


@pytest.fixture
def host() -> StandaloneHost:
    return standalone_tiny.host()


@pytest.fixture
def shelved(tmp_path: Path) -> StandaloneHost:
    return standalone_tiny.shelved(tmp_path)


def test_the_page_names_the_adapters_that_are_loaded(shelved: StandaloneHost, extension_folder: Path) -> None:
    standalone_page.build_page(shelved, extension_folder)
    assert [part.elem_id for part in shelved.adapter_menu()] == ["page-header", "chat-send", "page-offer"]
    shelved.load_adapters(["butler"], keep=True)
    shown, _, _ = shelved.adapter_menu_updates()
    assert ">pirate<" in shown and ">butler<" in shown


EXTENSION = """
import gradio as gr
params = {"display_name": "The Extension", "is_tab": True}
calls = []
def use_host(host): calls.append(("use_host", host.name))
def setup(): calls.append("setup")
def custom_css(): return "#mine { color: red }"
def custom_js(): return "window.mine = 1;"
def ui():
    calls.append("ui")
    box = gr.Textbox(elem_id="mine")
    gr.context.Context.root_block.load(lambda: "loaded", None, box)
"""


@pytest.fixture
def extension_folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "script.py").write_text(EXTENSION)
    yield tmp_path
    sys.modules.pop("lora_mixer_script", None)


def test_the_page_hosts_the_extension_as_a_host_does(host: StandaloneHost, extension_folder: Path) -> None:
    page = standalone_page.build_page(host, extension_folder)
    assert sys.modules["lora_mixer_script"].calls == [("use_host", host.name), "setup", "ui"]
    components = page.blocks.get_config_file()["components"]
    ids = {component["props"].get("elem_id") for component in components}
    assert {"lora-mixer-chat", "chat-input", "chat-send", "chat-stop", "chat-settings", "mine"} <= ids
    tabs = [component["props"]["label"] for component in components if component["type"] == "tabitem"]
    assert tabs == ["Chat", "The Extension"]
    css = page.launch_options.get("css") or page.blocks.css
    js = page.launch_options.get("js") or page.blocks.js
    assert "#mine { color: red }" in css and "#chat-log" in css
    assert js.startswith("() => {") and "window.mine = 1;" in js
