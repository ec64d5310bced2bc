"""Adapters in TextGen's own extra flags: heard as they were, opened up into a fader for each target, and back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin.textgen import StandIn
from standin.textgen_page import a_chat, values

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.hosts.protocol import HostError, OpensUp
from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.ui.adapters.shelf import shelf_json
from lora_mixer.ui.page.state import state
from lora_mixer.ui.page.studio import Studio

DEMO = Path(__file__).resolve().parents[3] / "demo" / "adapters"
MODEL = "smollm2.gguf"
ASKED = values(history=a_chat(("Who are you?", "Nobody.")), seed=7, max_new_tokens=10, top_k=1, temperature=1.0)


@pytest.fixture(scope="module")
def textgen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """TextGen on llama.cpp, with pirate as a folder and butler as a GGUF file in its folder of LoRAs."""
    standin = StandIn(tmp_path_factory.mktemp("textgen"))
    standin.shared.args.loader = "llama.cpp"
    models, loras = Path(standin.shared.args.model_dir), Path(standin.shared.args.lora_dir)
    models.mkdir()
    (models / MODEL).symlink_to(gguf_file())
    shutil.copytree(DEMO / "pirate", loras / "pirate")
    llama_server.whole(DEMO / "butler", gguf_file(), loras / "butler.gguf")
    with standin.installed():
        yield standin
        standin.models.unload_model()


def started(textgen: StandIn, flags: str) -> TextGenHost:
    """The host after its user pressed Load with these extra flags."""
    textgen.models.unload_model(keep_model_name=True)
    textgen.shared.args.extra_flags = flags
    textgen.shared.model, textgen.shared.tokenizer = textgen.models.load_model(MODEL, "llama.cpp")
    return TextGenHost()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An adapter of the user's, from elsewhere."""
    return llama_server.whole(DEMO / "pirate", gguf_file(), tmp_path / "mine.gguf")


def said(textgen: StandIn) -> str:
    """What TextGen's own chat answers."""
    now = textgen.ui.gather_interface_values(*ASKED)
    list(textgen.chat.generate_chat_reply_wrapper("", now, regenerate=True))
    return str(now["history"]["internal"][-1][1])


def test_a_file_is_opened_up_in_place_and_put_back_and_sounds_the_same(textgen: StandIn, own: Path) -> None:
    args = textgen.shared.args
    host = started(textgen, f"jinja,lora={own}")
    assert isinstance(host, OpensUp) and host.whole_adapters() == {"mine": False}
    one = said(textgen)
    told: list[Any] = []
    host.open_up("mine", tell=lambda text, part: told.append((text, part)))
    assert told[209:] == [("Splitting mine: 210 of 210 files …", 1.0), ("Starting the model again …", None)]
    assert host.whole_adapters() == {"mine": True}
    assert host.engine is not None and len(host.engine.adapters["mine"].targets) == 210
    assert said(textgen) == one and str(own) not in args.extra_flags and args.extra_flags.startswith("--jinja")
    host.load_adapters(["butler.gguf"])
    assert set(host.loaded_adapters()) == {"mine", "butler"}, "what was the user's own stays with what is loaded"
    with pytest.raises(HostError, match="back into one file first"):
        host.unload_adapters(["mine"])
    host.unload_adapters()
    host.close_up("mine")
    assert args.extra_flags == f"--jinja --lora {own}" and host.whole_adapters() == {"mine": False}
    assert said(textgen) == one


def test_a_scale_of_the_user_s_is_as_loaded_and_stays_when_it_is_opened_up(textgen: StandIn, own: Path) -> None:
    scaled = f"--lora-scaled {own}:0.25"
    host = started(textgen, scaled)
    bare = said(textgen)
    desk = Desk(host.engine)
    assert desk.engine.lora(Mix()) == [{"id": 0, "scale": 0.25}] and said(textgen) == bare  # type: ignore[attr-defined]
    desk.apply(Mix({"mine": Faders(master=2.0)}))
    assert desk.engine.lora() == [{"id": 0, "scale": 0.5}]  # type: ignore[attr-defined]
    host.open_up("mine")
    assert {one["scale"] for one in host.engine.lora()} == {0.25}  # type: ignore[union-attr]
    assert said(textgen) == bare
    host.close_up("mine")
    assert textgen.shared.args.extra_flags == scaled


def test_a_file_that_is_started_at_0_is_off_until_somebody_switches_it_on(textgen: StandIn, own: Path) -> None:
    host = started(textgen, f"lora-scaled={own}:0")
    engine = host.engine
    assert engine is not None and engine.as_loaded == () and engine.lora() == [{"id": 0, "scale": 0.0}]  # type: ignore[attr-defined]
    desk = Desk(engine)
    desk.apply(Mix({"mine": Faders()}))
    assert engine.lora() == [{"id": 0, "scale": 1.0}]  # type: ignore[attr-defined]


def test_two_files_of_one_name_have_a_fader_each(textgen: StandIn, own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / own.name
    other.parent.mkdir()
    shutil.copy(own, other)
    host = started(textgen, f"--lora {own},{other}")
    assert host.loaded_adapters() == {"mine": own, "mine-2": other}


def test_what_cannot_be_opened_up_is_refused_and_the_model_runs_on(textgen: StandIn, own: Path) -> None:
    flags = f"--lora {own}"
    host = started(textgen, flags)
    server = textgen.shared.model
    with pytest.raises(HostError, match="no adapter 'nobody'"):
        host.open_up("nobody")
    with pytest.raises(HostError, match="stands opened up"):
        host.close_up("mine")
    own.write_bytes(own.read_bytes()[:1000])
    with pytest.raises(HostError, match="could not be split"):
        host.open_up("mine")
    assert textgen.shared.model is server and textgen.shared.args.extra_flags == flags


def test_the_page_offers_it_and_the_shelf_has_the_file_of_the_flags(textgen: StandIn, own: Path) -> None:
    console = Studio(started(textgen, f"--lora {own}"))
    offer = state(console)["offer"]
    assert (offer["id"], offer["name"]) == ("open up", "mine")
    rows = {row["id"]: row for row in shelf_json(console)["entries"]}
    assert set(rows) == {"pirate", "butler.gguf", "mine.gguf"}
    assert (rows["mine.gguf"]["loaded"], rows["mine.gguf"]["whole"]) == ("mine", "whole")
    assert rows["butler.gguf"]["kinds"][0] == "q_proj" and not rows["butler.gguf"]["fits"]
    assert rows["butler.gguf"]["targets"] == 60 and rows["pirate"]["whole"] == ""


def test_ik_llama_takes_no_adapters_from_here(textgen: StandIn) -> None:
    host = started(textgen, "")
    textgen.shared.args.ik = True
    try:
        trouble = host.trouble()
        assert trouble is not None and "ik_llama.cpp" in trouble.title and host.engine is None and host.model is None
        with pytest.raises(HostError, match="Untick"):
            host.load_adapters(["pirate"])
    finally:
        textgen.shared.args.ik = False


def test_the_model_is_not_started_again_under_replies_that_hold_no_lock(textgen: StandIn) -> None:
    host = started(textgen, "")
    textgen.models.active_generation_count = 2
    try:
        with pytest.raises(HostError, match="2 replies are under way"):
            host.load_adapters(["pirate"])
    finally:
        textgen.models.active_generation_count = 0


def test_who_is_answered_beside_a_comparison_hears_the_faders(textgen: StandIn, own: Path) -> None:
    engine: Any = started(textgen, f"--lora {own}").engine
    beside: list[Any] = []
    with engine.rows([Mix({"mine": Faders(master=0.5)})]):
        other = threading.Thread(target=lambda: beside.append(engine.lora_at(0)))
        other.start()
        other.join()
        assert engine.lora_at(0) == [{"id": 0, "scale": 0.5}]
    assert beside == [[{"id": 0, "scale": 1.0}]]
