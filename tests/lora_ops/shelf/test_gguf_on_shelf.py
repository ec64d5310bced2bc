"""GGUF adapters on the shelf: what their headers tell, and what fits which model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import tiny
from helpers.adapter_on_disk import names, written
from helpers.llama_families import Family
from helpers.tiny_gguf import pairs, write_adapter, write_model

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.shelf.adapter_files import AdapterFileError
from lora_mixer.lora_ops.shelf.gguf_on_shelf import read_gguf_on_shelf
from lora_mixer.lora_ops.shelf.shelf import arranged, places, shelf

DEMO = Path(__file__).resolve().parents[3] / "demo" / "adapters"


@pytest.fixture
def loras(tmp_path: Path) -> Path:
    """A PEFT folder with a GGUF file beside it, a folder with a GGUF file alone, a file, and a model."""
    loras = tmp_path / "loras"
    shutil.copytree(DEMO / "pirate", loras / "pirate")
    llama_server.whole(DEMO / "pirate", gguf_file(), loras / "pirate" / "pirate.gguf")
    llama_server.whole(DEMO / "butler", gguf_file(), loras / "mine" / "butler.GGUF")
    shutil.copy(loras / "mine" / "butler.GGUF", loras / "butler.gguf")
    write_model(loras / "model.gguf")
    (loras / "half.gguf").write_bytes((loras / "butler.gguf").read_bytes()[:500])
    return loras


def test_files_are_listed_by_their_names_and_tell_what_folders_tell(loras: Path) -> None:
    entries = {entry.name: entry for entry in shelf(loras)}
    assert set(entries) == {
        "butler.gguf", "half.gguf", "mine/butler.GGUF", "model.gguf", "pirate", "pirate/pirate.gguf",
    }  # fmt: skip
    gguf, files = entries["pirate/pirate.gguf"].gguf, entries["pirate"].files
    assert gguf is not None and files is not None
    assert (gguf.ranks, set(gguf.kinds), gguf.layers) == (files.ranks, set(files.kinds), files.layers)
    assert (len(gguf.weights), gguf.parameters, (gguf.alpha,)) == (len(files.targets), files.parameters, files.alphas)
    assert "not an adapter" in entries["model.gguf"].error and "cut off" in entries["half.gguf"].error
    assert names(arranged(entries.values(), search="butler q_proj")) == ["butler.gguf", "mine/butler.GGUF"]


@pytest.mark.parametrize("architecture", ["phi3", "gptneox", "qwen2"])
def test_kinds_are_called_as_this_kind_of_model_calls_them(tmp_path: Path, architecture: str) -> None:
    family = Family.of(architecture)
    folder = write_adapter(tmp_path / "pirate", pairs(family.modules))
    path = llama_server.whole(folder, family.write(tmp_path / "model.gguf"), tmp_path / "pirate.gguf")
    assert set(read_gguf_on_shelf(path).kinds) == {module.rpartition(".")[2] for module in family.modules}


def test_a_file_stands_for_itself(loras: Path) -> None:
    (entry,) = shelf([loras / "butler.gguf"])
    assert entry.gguf is not None and entry.folder == loras / "butler.gguf"


def test_what_changes_is_read_again_and_nothing_else(loras: Path) -> None:
    before = {entry.name: entry for entry in shelf(loras)}
    shutil.copy(loras / "butler.gguf", loras / "half.gguf")
    after = {entry.name: entry for entry in shelf(loras)}
    assert [name for name in after if after[name] is not before[name]] == ["half.gguf"]
    assert after["half.gguf"].gguf is not None


def test_a_model_in_a_gguf_file_takes_both_kinds_and_says_why_not(loras: Path, tmp_path: Path) -> None:
    odd = loras / "odd"
    shutil.copytree(DEMO / "pirate", odd)
    config = odd / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    written(loras / "small")
    fits = {entry.name: entry.fits for entry in shelf(loras, gguf_file())}
    assert fits["pirate"] == fits["butler.gguf"] == fits["pirate/pirate.gguf"] == ""
    assert "DoRA" in fits["odd"] and fits["small"]
    other = {entry.name: entry.fits for entry in shelf(loras, write_model(tmp_path / "other.gguf"))}
    assert "another model" in other["pirate"] and "another model" in other["butler.gguf"]
    gone = {entry.name: entry.fits for entry in shelf(loras, tmp_path / "gone.gguf")}
    assert not any(gone.values())


def test_a_model_in_this_process_says_where_a_gguf_adapter_plays(loras: Path) -> None:
    entries = {entry.name: entry for entry in shelf(loras, tiny.llama())}
    assert "llama.cpp" in entries["butler.gguf"].fits
    with pytest.raises(AdapterFileError, match=r"butler.gguf cannot be loaded .* llama.cpp"):
        places(loras)["butler.gguf"].read()
