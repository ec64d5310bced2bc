"""The stand-in of TextGen itself: its loader, its page, and what it leaves of itself."""

from __future__ import annotations

import sys

import pytest
import transformers
from standin.textgen import StandIn

from lora_mixer.hosts.textgen.host import TextGenHost


@pytest.fixture
def textgen(tmp_path):
    """A running stand-in, with no model."""
    with StandIn(tmp_path).installed() as standin:
        yield standin


EXTENSION = """
import gradio as gr
params = {"display_name": "Probe", "is_tab": True, "colour": "red"}
calls = []
def setup(): calls.append("setup")
def ui(): calls.append("ui"); gr.Markdown("probe " + params["colour"])
def custom_css(): return ".probe { color: red }"
def custom_js(): return "window.probe = 1;"
"""


@pytest.mark.parametrize("user_data", [True, False])
def test_the_stand_in_loads_extensions_as_the_host_does(textgen, user_data):
    folder = (textgen.shared.user_data_dir if user_data else textgen.root) / "extensions" / "my-probe"
    folder.mkdir(parents=True)
    (folder / "script.py").write_text(EXTENSION, encoding="utf-8")
    textgen.shared.settings["my-probe-colour"] = "blue"
    (probe,) = textgen.load_extensions("my-probe")
    assert probe.__name__ == ("user_ext_my-probe" if user_data else "extensions.my-probe.script")
    assert probe.params["colour"] == "blue"
    page = textgen.create_interface()
    assert probe.calls == ["setup", "ui"]
    shown = [block.value for block in page.blocks.values() if type(block).__name__ == "Markdown"]
    assert shown == ["probe blue"]
    textgen.load_extensions()
    textgen.create_interface()
    (again,) = (module for module, _ in textgen.extensions.iterator())
    # A lone module is executed anew with each page; one of a package is kept, and not set up again.
    assert (again is probe, again.calls[-2:]) == ((False, ["setup", "ui"]) if user_data else (True, ["ui", "ui"]))


def test_the_stand_in_survives_a_broken_extension_but_no_missing_module(textgen, caplog):
    for name, body in (("broken", "1 / 0"), ("missing", "import no_such_module")):
        folder = textgen.shared.user_data_dir / "extensions" / name
        folder.mkdir(parents=True)
        (folder / "script.py").write_text(body, encoding="utf-8")
    assert textgen.load_extensions("broken") == []
    assert 'Failed to load the extension "broken"' in caplog.text
    with pytest.raises(ModuleNotFoundError):
        textgen.load_extensions("missing")


def test_reads_and_updates_the_components_of_the_page(textgen):
    host = TextGenHost()
    textgen.create_interface()
    parts = textgen.shared.gradio
    assert host.chat_inputs() == [parts[name] for name in textgen.shared.input_elements]
    assert host.chat_outputs() == [parts["history"], parts["display"]]
    textgen.create_interface()  # the page is rebuilt: other components
    assert host.chat_outputs() == [textgen.shared.gradio["history"], textgen.shared.gradio["display"]]


def test_the_stand_in_leaves_the_process_as_it_was(tmp_path):
    before = set(dir(transformers.GenerationConfig)), list(sys.path)
    with StandIn(tmp_path).installed():
        assert "modules.shared" in sys.modules
    assert not [name for name in sys.modules if name.split(".")[0] in ("modules", "extensions")]
    assert (set(dir(transformers.GenerationConfig)), list(sys.path)) == before
