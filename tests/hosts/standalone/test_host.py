"""The standalone host: what it asks, what is wrong with it, and adapters that come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import standalone_tiny
from helpers.standalone_tiny import values_of
from standin.textgen_model import save_adapter, tiny_model, tiny_tokenizer

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History, Turn
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Loaded, Start
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.lora_ops.shelf.shelf import shelf


@pytest.fixture
def host() -> StandaloneHost:
    return standalone_tiny.host()


@pytest.fixture
def shelved(tmp_path: Path) -> StandaloneHost:
    return standalone_tiny.shelved(tmp_path)


def test_ask_again_leaves_the_last_reply_out(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho").say("And?").answer("Well.")
    request = host.ask_again(values_of(history))
    assert request.prompt.endswith("Ho<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n")


def test_the_chat_is_told_turn_by_turn(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho").say("And?")
    assert list(host.turns(values_of(history))) == [("Hi", "Ho"), ("And?", "")]


def test_ask_is_one_turn_under_the_same_system_prompt(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho")
    request = host.ask("New", values_of(history, Settings(system="Be brief.")))
    assert request.prompt.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nNew<|im_end|>")


def test_a_system_message_of_its_own_stands_instead_of_the_chats(host: StandaloneHost) -> None:
    chat = values_of(History().say("Hi").answer("Ho"), Settings(system="Be brief."))
    request = host.ask("New", chat, [("One", "Two")], "Be a pirate.")
    first = "<|im_start|>system\nBe a pirate.<|im_end|>\n<|im_start|>user\nOne<|im_end|>"
    assert request.prompt.startswith(first) and "Be brief." not in request.prompt
    assert host.ask("New", chat, system=" ").prompt == host.ask("New", chat).prompt


def test_a_used_reply_is_one_more_version(host: StandaloneHost) -> None:
    [history] = host.use_reply("Better", values_of(History().say("Hi").answer("Ho")))
    assert history.last == Turn("Hi", ("Ho", "Better"), 1)


def test_what_the_chat_cannot_give_is_said(host: StandaloneHost) -> None:
    with pytest.raises(HostError, match="empty"):
        host.ask_again(values_of(History()))
    with pytest.raises(HostError, match="empty"):
        host.ask("  \n", values_of(History()))
    with pytest.raises(HostError, match="no reply"):
        host.use_reply("x", values_of(History()))
    with pytest.raises(HostError, match="right now"):
        host.use_reply("x", values_of(History(busy=True).say("Hi").answer("")))


def test_trouble_says_what_there_is_to_wait_for(host: StandaloneHost) -> None:
    assert host.trouble() is None
    loading = StandaloneHost(Start(Path(), Path("tiny")))
    assert loading.model is None and "Loading tiny" in loading.trouble().advice
    with pytest.raises(HostError, match="Loading tiny"):
        loading.ask("Hi", values_of(History()))
    loading.use(Loaded(tiny_model(), tiny_tokenizer(), 31_000))
    assert "--lora" in loading.trouble().advice


def test_a_failed_load_stays_in_trouble(tmp_path: Path) -> None:
    host = StandaloneHost(Start(tmp_path, tmp_path / "nothing"))
    with pytest.raises(HostError):
        host.load()
    assert str(tmp_path / "nothing") in host.trouble().advice
    with pytest.raises(HostError, match="nothing"):
        host.ask("Hi", values_of(History()))


def test_the_shelf_is_what_was_baked_the_demo_and_what_it_was_started_with(
    shelved: StandaloneHost, tmp_path: Path
) -> None:
    root = tmp_path.resolve()
    assert shelved.user_data == root / "user_data" and shelved.lora_dir == root / "user_data" / "loras"
    assert shelved.shelf_folders() == [shelved.lora_dir, root / "demo" / "adapters", root / "far" / "poet"]
    entries = {entry.name: entry for entry in shelf(shelved.shelf_folders(), shelved.model)}
    assert list(entries) == ["butler", "pirate", "pirate-2", "poet", "v1.5/checkpoint-10"]
    assert not any(entry.error or entry.fits for entry in entries.values())


def test_adapters_are_loaded_by_name_or_folder_and_unloaded(shelved: StandaloneHost, tmp_path: Path) -> None:
    base = shelved.model.base_model.model
    with shelved.model.disable_adapter():
        plain = logits(shelved.model)
    demo = tmp_path / "demo" / "adapters"
    assert shelved.loaded_adapters() == {"pirate": demo / "pirate"}
    told: list[Any] = []
    shelved.on_model = lambda: told.append((shelved.lock.locked(), list(shelved.loaded_adapters())))
    asked: list[str | Path] = ["butler", demo / "pirate", "pirate", "v1.5/checkpoint-10"]
    names = shelved.load_adapters(asked, keep=True, on_loaded=lambda names: told.append(dict(names)))
    expected = {"butler": "butler", str(demo / "pirate"): "pirate", "pirate": "pirate-2",
                "v1.5/checkpoint-10": "v1_5/checkpoint-10"}  # fmt: skip
    assert names == expected
    assert told == [expected, (True, ["pirate", "butler", "pirate-2", "v1_5/checkpoint-10"])]
    assert shelved.model.active_adapters == ["pirate", "butler", "pirate-2", "v1_5/checkpoint-10"]
    assert not shelved.lock.locked()
    shelved.unload_adapters(["v1.5/checkpoint-10", "pirate"])  # a shelf name, and a PEFT name
    assert list(shelved.loaded_adapters()) == ["butler", "pirate-2"]
    shelved.load_adapters(["poet"])
    assert shelved.loaded_adapters() == {"poet": tmp_path / "far" / "poet"}
    shelved.unload_adapters()
    assert shelved.model is base and torch.equal(logits(base), plain)
    assert "Adapters tab" in shelved.trouble().advice
    shelved.load_adapters(["poet"])
    assert shelved.trouble() is None


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def test_what_cannot_be_loaded_leaves_the_model_as_it_was(shelved: StandaloneHost, tmp_path: Path) -> None:
    (tmp_path / "demo" / "adapters" / "butler" / "adapter_model.safetensors").write_bytes(b"half")
    outside = tmp_path / "outside"
    save_adapter(outside)
    before, said = shelved.model, logits(shelved.model)
    for asked, says in (
        (["butlr"], "no adapter 'butlr' here. There is butler"),
        (["butler"], "cut off"),
        ([outside], "put it into their folder first"),
        (["../../outside"], "no adapter"),
        ([], "Choose an adapter"),
    ):
        with pytest.raises(HostError, match=says):
            shelved.load_adapters(asked, keep=True)
    with pytest.raises(HostError, match="'butler' is not loaded"):
        shelved.unload_adapters(["pirate", "butler"])
    assert shelved.model is before and torch.equal(logits(before), said) and not shelved.lock.locked()


def test_nobody_changes_adapters_on_a_shared_page(shelved: StandaloneHost) -> None:
    shelved.multi_user = True
    assert shelved.user_data is None and shelved.lora_dir is None and shelved.shelf_folders() == []
    for change in (lambda: shelved.load_adapters(["butler"]), shelved.unload_adapters):
        with pytest.raises(HostError, match="--lora"):
            change()
    loading = StandaloneHost(Start(Path(), Path("tiny")))
    with pytest.raises(HostError, match="Loading tiny"):
        loading.load_adapters(["pirate"])
