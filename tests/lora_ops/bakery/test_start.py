"""What a desk on a real llama-server plays is baked, and the server says of the result what it says of the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.llama import ADAPTERS, Llama, asked, llama, said, split_adapters
from safetensors.numpy import load_file, save_file

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops import Desk, Faders, Mix, Recipe, bake, combine, resize
from lora_mixer.lora_ops.bakery.gguf import bake_desk_gguf
from lora_mixer.lora_ops.bakery.start import folder_of
from lora_mixer.lora_ops.engines import llama_server

__all__ = ["llama", "split_adapters"]

MIX = Mix({"pirate": Faders(master=0.9, kinds={"q_proj": 0.0}, layers={3: 1.5}), "butler": Faders(master=0.4)})


@pytest.fixture
def desk(llama: Llama) -> Desk:
    return Desk(llama.engine())


def test_one_file_of_two_adapters_is_said_as_the_desk_says_it(desk: Desk, llama: Llama, tmp_path: Path) -> None:
    wanted = said(llama.server, llama.prompt, desk.engine.lora(MIX), tokens=24)  # type: ignore[attr-defined]
    made = bake_desk_gguf(desk, MIX, ["pirate", "butler"], tmp_path / "both.gguf")
    assert made.error < 1e-6 and made.silent == 0 and made.targets == 210
    with llama_server.start(gguf_file(), [llama_server.unsplit(made.path)], context=512, slots=1, threads=1) as server:
        assert said(server, llama.prompt, [{"id": 0, "scale": 1.0}], tokens=24) == wanted
        assert asked(server, "/lora-adapters")[0]["path"] == str(made.path)
    assert said(llama.server, llama.prompt, desk.engine.lora(Mix()), tokens=24) != wanted  # type: ignore[attr-defined]


def test_a_folder_is_baked_and_held_against_the_files_that_play(desk: Desk, tmp_path: Path) -> None:
    baked = bake(desk, MIX, "pirate", tmp_path, "soft")
    assert baked.numbers_off is not None and baked.numbers_off < 1e-4 and baked.confirmed and not baked.why_unchecked
    both = combine(desk, MIX, ["pirate", "butler"], tmp_path, "both", Recipe("cat"))
    assert both.numbers_off is not None and both.numbers_off < 1e-4 and both.confirmed
    small = resize(desk, MIX, "pirate", tmp_path, "small", energy=0.9)
    assert small.numbers_off is not None and small.numbers_off < 1e-4 and small.kept and small.kept < 0.95


def test_a_folder_that_changed_since_it_was_loaded_is_told(tmp_path: Path) -> None:
    from shutil import copytree

    source = copytree(ADAPTERS / "pirate", tmp_path / "pirate")
    parts = llama_server.split(source, gguf_file(), tmp_path / "parts")
    path = source / "adapter_model.safetensors"
    save_file({name: 1.1 * one for name, one in load_file(path).items()}, path)
    baked = bake(_desk_of(parts), Mix(), "pirate", tmp_path, "soft")
    assert baked.numbers_off == pytest.approx(0.21, abs=0.01) and not baked.confirmed


def test_what_came_from_a_gguf_file_is_baked_as_one(tmp_path: Path) -> None:
    file = llama_server.whole(ADAPTERS / "pirate", gguf_file(), tmp_path / "pirate.gguf")
    desk = _desk_of(llama_server.split(file, gguf_file(), tmp_path / "parts"))
    assert folder_of(desk, "pirate") is None
    with pytest.raises(ValueError, match="bake it as a GGUF file"):
        bake(desk, Mix(), "pirate", tmp_path, "soft")
    assert bake_desk_gguf(desk, MIX_OF_ONE, ["pirate"], tmp_path / "soft.gguf").error < 1e-6


MIX_OF_ONE = Mix({"pirate": MIX["pirate"]})


def _desk_of(parts: Any) -> Desk:
    """A desk on a server that is not there: baking asks it nothing."""
    from helpers.toy_engine import ToyEngine

    from lora_mixer.lora_ops.engines.llama_server.part import adapters_of

    engine: Any = ToyEngine()
    engine.parts, engine.adapters = parts, adapters_of(parts)
    return Desk(engine)
