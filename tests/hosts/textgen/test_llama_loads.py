"""TextGen's model comes back by itself after an idle time: whoever asks first hears the faders, with no page open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin.textgen import StandIn
from standin.textgen_page import a_chat, values

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.hosts.textgen import llama_loads
from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio

DEMO = Path(__file__).resolve().parents[3] / "demo" / "adapters"
ASKED = values(history=a_chat(("Who are you?", "Nobody.")), seed=7, max_new_tokens=10, top_k=1, temperature=1.0)


@pytest.fixture
def textgen(tmp_path: Path) -> Iterator[StandIn]:
    """TextGen on llama.cpp with pirate on its shelf, and a model that is unloaded when nobody uses it."""
    standin = StandIn(tmp_path)
    standin.shared.args.loader, standin.shared.args.idle_timeout = "llama.cpp", 1
    models = Path(standin.shared.args.model_dir)
    models.mkdir()
    (models / "smollm2.gguf").symlink_to(gguf_file())
    shutil.copytree(DEMO / "pirate", Path(standin.shared.args.lora_dir, "pirate"))
    with standin.installed():
        standin.shared.model, standin.shared.tokenizer = standin.models.load_model("smollm2.gguf", "llama.cpp")
        yield standin
        standin.models.unload_model()


def api(textgen: StandIn) -> str:
    """What whoever asks without a page is answered."""
    state = textgen.ui.gather_interface_values(*ASKED)
    return list(textgen.text_generation.generate_reply("Who are you? I am", state, []))[-1]


def test_a_model_that_comes_back_says_what_the_faders_say(textgen: StandIn) -> None:
    host = TextGenHost()
    console = Studio(host)
    host.watch_models(console.desk)
    host.load_adapters(["pirate"], on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), 1.0)))
    loud = api(textgen)
    console.move(Panel(Mix({"pirate": Faders(master=0.0)})))
    quiet = api(textgen)
    assert quiet != loud
    textgen.models.unload_model(keep_model_name=True)
    trouble = host.trouble()
    assert trouble is not None and "with its adapters" in trouble.advice
    assert api(textgen) == quiet
    llama_loads.release()
    assert not hasattr(textgen.models.load_model, "lora_mixer")
