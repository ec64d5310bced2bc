"""Parts that are kept: once for each adapter and model, whole or not at all, and gone when the adapter is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.tiny_gguf import SHAPES, every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, PartsStore


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "pirate", pairs(every_module()))


def test_an_adapter_is_split_once(model: Path, adapter: Path, tmp_path: Path) -> None:
    store, told = PartsStore(tmp_path / "parts"), list[int]()
    first = store.parts(adapter, model, progress=lambda done, of: told.append(done))
    assert told == list(range(1, len(first) + 1))
    times = [part.path.stat().st_mtime_ns for part in first]
    again = PartsStore(tmp_path / "parts").parts(adapter, model, progress=lambda done, of: told.append(-1))
    assert again == first and -1 not in told
    assert [part.path.stat().st_mtime_ns for part in again] == times


def test_what_they_hang_on_makes_other_parts(model: Path, adapter: Path, tmp_path: Path) -> None:
    store = PartsStore(tmp_path / "parts")
    first = store.parts(adapter, model)
    assert store.parts(adapter, model, name="poet")[0].path.parent != first[0].path.parent
    other = store.parts(adapter, write_model(tmp_path / "other.gguf", "qwen2"))
    assert other[0].path.parent != first[0].path.parent
    write_adapter(adapter, pairs(every_module(), seed=1))
    assert store.parts(adapter, model)[0].path.parent != first[0].path.parent


def test_parts_that_lack_one_are_made_anew(model: Path, adapter: Path, tmp_path: Path) -> None:
    store = PartsStore(tmp_path / "parts")
    first = store.parts(adapter, model)
    first[3].path.unlink()
    assert store.parts(adapter, model) == first and all(part.path.is_file() for part in first)


def test_parts_go_when_their_adapter_is_gone(model: Path, adapter: Path, tmp_path: Path) -> None:
    store = PartsStore(tmp_path / "parts")
    assert store.clear() == ()
    poet = write_adapter(tmp_path / "poet", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    kept = store.parts(poet, model)
    gone = store.parts(adapter, model)
    shutil.rmtree(adapter)
    assert store.clear(keep=[gone[3].path]) == (), "a server may be started with them again"
    assert store.clear() == (gone[0].path.parent,)
    assert not gone[0].path.parent.exists() and kept[0].path.is_file()


def test_what_cannot_be_split_leaves_nothing(model: Path, tmp_path: Path) -> None:
    store = PartsStore(tmp_path / "parts")
    dora = write_adapter(tmp_path / "dora", pairs(every_module()), use_dora=True)
    with pytest.raises(CannotSplit, match="DoRA"):
        store.parts(dora, model)
    assert [path for path in store.folder.iterdir() if not path.name.startswith(".")] == []
