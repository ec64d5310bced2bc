"""TextGen as a host: adapters come and go with its own menu, and nothing is left half-way."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from peft import LoraConfig
from standin.textgen import StandIn
from standin.textgen_model import save_adapter, tiny_model

from lora_mixer.hosts.protocol import Host, HostError
from lora_mixer.lora_ops import Desk, Faders, Mix


@pytest.fixture
def loras(textgen) -> Path:
    """Two adapters of different ranks, one of the same rank as the first, and a run with checkpoints."""
    folder = Path(textgen.shared.args.lora_dir)
    for seed, (name, rank) in enumerate(
        [("pirate", 4), ("butler", 2), ("poet", 4), ("run/checkpoint-5", 8), ("run/checkpoint-10", 8), ("v1.5 x", 4)], 1
    ):
        save_adapter(folder / name, rank, seed=seed)
    return folder.resolve()


@pytest.fixture
def bare(textgen, loras) -> Any:
    """The stand-in's model without adapters."""
    textgen.shared.model = tiny_model()
    return textgen.shared.model


def said(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def agree(textgen: StandIn, host: Host) -> list[str]:
    """What the host's own menu shows, which must be what is in the layers."""
    names = list(textgen.shared.lora_names)
    assert list(host.loaded_adapters().values()) == [host.lora_dir / name for name in names]
    assert set(host.model.active_adapters if names else ()) == set(host.loaded_adapters())
    with gr.Blocks():
        textgen.shared.gradio["lora_menu"] = gr.Dropdown(multiselect=True)
    [update] = host.adapter_menu_updates()
    assert update["value"] == names and set(names) <= set(update["choices"])
    assert {"None", "pirate", "butler"} <= set(update["choices"])
    return names


def test_folders(textgen, host, loras):
    assert host.lora_dir == loras and host.shelf_folders() == [loras]
    assert host.user_data == textgen.shared.user_data_dir.resolve() / "lora-mixer"
    assert not host.user_data.exists()
    assert host.model_dir == textgen.shared.user_data_dir.resolve() / "models"
    textgen.shared.args.multi_user = True
    assert (host.lora_dir, host.model_dir, host.user_data, host.shelf_folders()) == (None, None, None, [])


def test_loads_switches_and_unloads_with_the_host_s_menu(textgen, host, bare):
    plain = said(bare)
    assert host.loaded_adapters() == {}
    assert host.load_adapters(["pirate"]) == {"pirate": "pirate"}
    first = said(host.model)
    assert agree(textgen, host) == ["pirate"] and not torch.equal(first, plain)
    host.load_adapters(["butler", "run/checkpoint-10"], keep=True)
    assert agree(textgen, host) == ["pirate", "butler", "run/checkpoint-10"]
    assert host.merged_sources() == []  # nothing was blended, so there is nothing to play apart
    host.load_adapters(["poet"], keep=True)  # of the rank of the first, for which the host would make a blend
    assert agree(textgen, host) == ["pirate", "butler", "run/checkpoint-10", "poet"]
    host.unload_adapters(["butler", "poet"])
    host.unload_adapters(["run/checkpoint-10"])
    assert agree(textgen, host) == ["pirate"] and torch.equal(said(host.model), first)
    host.load_adapters(["v1.5 x"])
    assert list(host.loaded_adapters()) == ["v1_5 x"] and agree(textgen, host) == ["v1.5 x"]
    host.unload_adapters()
    assert host.model is bare and agree(textgen, host) == [] and torch.equal(said(bare), plain)
    assert not textgen.shared.generation_lock.locked()


def test_loads_beside_what_the_host_loaded(textgen, host, bare):
    textgen.LoRA.add_lora_to_model(["pirate"])
    alone = said(host.model)
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    assert host.model.active_adapters == ["__merged"] and list(host.loaded_adapters()) == ["pirate", "poet"]
    host.load_adapters(["butler"], keep=True)
    assert agree(textgen, host) == ["pirate", "poet", "butler"] and host.merged_sources() == []
    host.unload_adapters(["poet", "butler"])
    assert agree(textgen, host) == ["pirate"] and torch.equal(said(host.model), alone)


def test_the_host_s_menu_goes_on_from_there(textgen, host, bare):
    """And what it leaves behind keeps nothing out of the layers."""
    host.load_adapters(["pirate", "butler"])
    textgen.LoRA.add_lora_to_model(["butler"])
    assert agree(textgen, host) == ["butler"]
    textgen.LoRA.add_lora_to_model([])
    assert agree(textgen, host) == []
    bare.peft_config = {"pirate": LoraConfig()}  # as the host's way leaves it, in the PEFT that it pins
    host.load_adapters(["pirate"])
    assert agree(textgen, host) == ["pirate"] and not torch.equal(said(host.model), said_without(host.model))


def said_without(model: Any) -> torch.Tensor:
    with model.disable_adapter():
        return said(model)


def test_heals_lora_names_that_say_nothing(textgen, host, bare):
    """Two LoRAs at once make the host fail half way: they are in the model, and its list is empty."""
    textgen.LoRA.add_lora_to_model(["pirate", "butler"])
    textgen.shared.lora_names = []
    host.load_adapters(["poet"], keep=True)
    assert agree(textgen, host) == ["pirate", "butler", "poet"]


def test_what_cannot_be_loaded_leaves_everything_as_it_was(textgen, host, bare, loras, tmp_path):
    host.load_adapters(["pirate"])
    before, text = host.model, said(host.model)
    (loras / "butler" / "adapter_model.safetensors").write_bytes(b"half")
    for name in ("outside", "linked"):
        save_adapter(tmp_path / name)
    (loras / "link").mkdir()
    for file in (tmp_path / "linked").iterdir():
        (loras / "link" / file.name).symlink_to(file)
    for asked, says in (
        (["poet", "butler"], "cut off"),
        (["pirat"], "There is pirate"),
        (["link"], "symbolic link"),  # a folder may be one, a file in it may not lead out
        ([tmp_path / "outside"], "put it into their folder"),
        (["None"], "no adapter 'None'"),
        (["../../../outside"], "no adapter"),
    ):
        for keep in (True, False):
            with pytest.raises(HostError, match=says):
                host.load_adapters(asked, keep=keep)
    with pytest.raises(HostError, match="'poet' is not loaded"):
        host.unload_adapters(["pirate", "poet"])
    assert host.model is before and torch.equal(said(before), text)
    assert agree(textgen, host) == ["pirate"] and not textgen.shared.generation_lock.locked()


def test_adapters_wait_until_the_model_is_at_rest(textgen, host, bare):
    seen = []
    with host.lock:
        thread = threading.Thread(target=lambda: host.load_adapters(["pirate"], on_loaded=seen.append))
        thread.start()
        time.sleep(0.3)
        assert not seen and host.loaded_adapters() == {}
    thread.join(20)
    assert seen == [{"pirate": "pirate"}] and list(host.loaded_adapters()) == ["pirate"]


def test_the_first_gains_are_set_before_anything_is_generated(textgen, host, bare):
    def quieter(names):
        assert textgen.shared.generation_lock.locked() and textgen.shared.lora_names == ["pirate"]
        Desk(host.model).apply(Mix({names["pirate"]: Faders(master=0.0)}))

    plain = said(bare)
    host.load_adapters(["pirate"], on_loaded=quieter)
    assert torch.equal(said(host.model), plain)


def test_adapters_need_a_model_of_transformers_and_a_user_of_one_s_own(textgen, host, bare):
    textgen.shared.args.loader = "ExLlamav3_HF"
    with pytest.raises(HostError, match="ExLlamav3_HF does not load adapters"):
        host.load_adapters(["pirate"])
    textgen.shared.args.loader = "Transformers"
    textgen.models.unload_model()
    with pytest.raises(HostError, match="no model"):
        host.unload_adapters()
    textgen.shared.model = bare
    textgen.shared.args.multi_user = True
    with pytest.raises(HostError, match="multi-user"):
        host.load_adapters(["pirate"])
    assert not textgen.shared.generation_lock.locked() and host.loaded_adapters() == {}


def test_a_page_without_a_menu_of_loras(textgen, host):
    textgen.shared.gradio.pop("lora_menu", None)
    assert host.adapter_menu() == host.adapter_menu_updates() == []
    textgen.create_interface()
    assert host.adapter_menu() == [textgen.shared.gradio["lora_menu"]]
