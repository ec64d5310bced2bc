"""The host's door: loaded by path from both of the host's extension folders, under any name, at no cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from standin.textgen import StandIn

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("lora_mixer", "lora-mixer", "LoRA Mixer (my copy)")

BESIDE = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import ui as own
params = {"display_name": "Beside", "is_tab": True}
"""

# What a host's start costs: nothing heavy may be imported until there is a model to mix.
START = """
import importlib.util, json, sys, types
def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)
module("modules")
module("modules.shared", args=types.SimpleNamespace(loader=sys.argv[2]))
module("modules.models", load_model=lambda name: None)
spec = importlib.util.spec_from_file_location("user_ext_lora-mixer", sys.argv[1])
script = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = script
spec.loader.exec_module(script)
script.setup()
assert script.params["is_tab"] and len(script.custom_css()) > 1000 and len(script.custom_js()) > 1000
before_the_page = sorted(sys.modules)
import gradio as gr
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate"}
heavy = HEAVY & set(sys.modules)
class Host:
    name, multi_user, initial_off, model, engine, model_name = "a host", False, (), None, None, ""
    lora_dir = model_dir = None
    user_data = None
    def trouble(self): return None
    def merged_sources(self): return ()
    def chat_inputs(self): return []
    def chat_outputs(self): return []
    def adapter_menu(self): return []
    def answer_turns(self, answerer): return None
    def watch_changes(self, around): return None
script.use_host(Host())
with gr.Blocks() as page:
    script.ui()
print(json.dumps({
    "before the page": [name for name in before_the_page if name.split(".")[0] in {*HEAVY, "gradio"}],
    "with the page": sorted((HEAVY & set(sys.modules)) - heavy),
    "outside": sorted(n for n in sys.modules if n.split(".")[0] in ("ui", "hosts", "lora_ops", "demo", "tools")),
}))
"""


@pytest.fixture(params=["user_data", "extensions"])
def in_user_data(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "user_data")


@pytest.fixture
def no_door() -> Iterator[None]:
    """The package's door is as in a process that starts, and is so again afterwards."""
    package = sys.modules["lora_mixer"].__dict__
    door = package.pop("door", None)
    yield
    package.pop("door", None)
    if door is not None:
        package["door"] = door


def door() -> Any:
    return sys.modules["lora_mixer"].__dict__["door"]


def put(textgen: StandIn, name: str, in_user_data: bool) -> None:
    """Puts this project into one of the host's extension folders, as a clone would."""
    folder = (textgen.shared.user_data_dir if in_user_data else textgen.root) / "extensions"
    (folder / name).symlink_to(ROOT, target_is_directory=True)


def elements(page: Any) -> set[str]:
    return {block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)}


@pytest.mark.parametrize("name", NAMES)
def test_the_host_loads_it_from_both_folders_under_any_name(
    tmp_path: Path, in_user_data: bool, name: str, no_door: None
) -> None:
    with StandIn(tmp_path, tiny.pirate(), tiny.tokenizer()).installed() as textgen:
        put(textgen, name, in_user_data)
        textgen.shared.settings[f"{name}-fader_max"] = 3
        (extension,) = textgen.load_extensions(name)
        page = textgen.create_interface()
        assert {"lora-mixer-state", "lora-mixer-panel", "lora-mixer-poll", "lora-mixer-lab-start"} <= elements(page)
        assert extension.params["display_name"] == "LoRA Mixer"
        assert door().console.fader_range == (0.0, 3.0)
        assert list(door().console.desk().adapters) == ["pirate"]


def test_faders_stand_where_they_stood_when_the_page_is_built_anew(
    tmp_path: Path, in_user_data: bool, no_door: None
) -> None:
    from lora_mixer.ui.page.panel import Panel

    model = tiny.pirate()
    with StandIn(tmp_path, model, tiny.tokenizer()).installed() as textgen:
        put(textgen, "lora-mixer", in_user_data)
        textgen.load_extensions("lora-mixer")
        textgen.create_interface()
        door().console.move(Panel(tiny.mix_of(master=0.5)))
        moved = tiny.scalings(model)
        textgen.load_extensions()
        page = textgen.create_interface()
        assert "lora-mixer-state" in elements(page)
        assert door().console.desk().mix == door().console.panel.effective(door().console.desk().adapters.values())
        assert tiny.scalings(model) == moved != tiny.scalings(tiny.pirate())


def test_another_extension_may_have_a_ui_of_its_own(tmp_path: Path, no_door: None) -> None:
    with StandIn(tmp_path).installed() as textgen:
        beside = textgen.shared.user_data_dir / "extensions" / "beside"
        beside.mkdir()
        (beside / "script.py").write_text(BESIDE, encoding="utf-8")
        (beside / "ui.py").write_text("owner = 'beside'", encoding="utf-8")
        put(textgen, "lora-mixer", True)
        try:
            assert len(textgen.load_extensions("beside", "lora-mixer")) == 2
            textgen.create_interface()
            assert sys.modules["ui"].owner == "beside"
        finally:
            sys.path.remove(str(beside))
            sys.modules.pop("ui", None)


def started(loader: str) -> dict[str, list[str]]:
    """What a process imports that starts as TextGen with this loader."""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    ran = subprocess.run(
        [sys.executable, "-c", START, str(ROOT / "script.py"), loader],
        capture_output=True, text=True, env=environment, cwd=ROOT.parent, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told: dict[str, list[str]] = json.loads(ran.stdout.splitlines()[-1])
    return told


def test_the_host_starts_without_waiting_for_torch() -> None:
    """In a process of its own: nothing heavy is imported by listing the extension, nor by building its page."""
    told = started("llama.cpp")
    assert told == {"before the page": [], "with the page": [], "outside": []}


def test_what_a_transformers_model_needs_is_imported_before_there_is_a_page() -> None:
    """Later, a thread of a page would import it while the host imports transformers to load a model."""
    told = started("Transformers")
    assert {"peft", "transformers"} <= set(told["before the page"]) and told["with the page"] == []


@pytest.mark.parametrize("model_first", [True, False], ids=["a model before the page", "the page before a model"])
def test_the_first_reply_obeys_faders_that_start_switched_off(no_door: None, model_first: bool) -> None:
    from lora_mixer.hosts.standalone.host import StandaloneHost
    from lora_mixer.hosts.standalone.load import Loaded, Start
    from lora_mixer.hosts.standalone.page import build_page

    model = tiny.two()
    host = StandaloneHost(Start(ROOT, Path("tiny"), dict.fromkeys(model.peft_config, ROOT)), initial_off=["poet"])
    for step in ("model", "page") if model_first else ("page", "model"):
        if step == "model":
            host.use(Loaded(model, tiny.tokenizer(), 1))
        else:
            build_page(host, ROOT)
    layers = list(tiny.adapter_layers(model))
    assert {layer.scaling["poet"] for layer in layers if "poet" in layer.scaling} == {0.0}
    assert 0.0 not in {layer.scaling["pirate"] for layer in layers}
