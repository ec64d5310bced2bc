"""Adapters that are asked for by name: found on the shelf, named as PEFT takes them, and never loaded twice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import tiny

from lora_mixer.hosts.adapter_loading import change, found, leaving, wanted
from lora_mixer.hosts.protocol import HostError


def place(name: str, folder: Path) -> Any:
    return SimpleNamespace(name=name, folder=folder, gguf=False, read=lambda: pytest.fail("read"))


@pytest.fixture
def shelf(tmp_path: Path) -> dict[str, Any]:
    return {name: place(name, tmp_path / name) for name in ("pirate", "run/checkpoint-10", "v1.5")}


def test_what_is_loaded_already_stays_and_keeps_its_name(shelf: dict[str, Any], tmp_path: Path) -> None:
    loaded = {"arr": tmp_path / "pirate", "other": None}
    both = wanted(["pirate", "v1.5", "v1.5"], True, shelf, loaded)
    assert both.names == {"pirate": "arr", "v1.5": "v1_5"}
    assert list(both.load) == ["v1_5"] and list(both.keep) == ["arr", "other"]
    assert list(wanted(["pirate"], False, shelf, loaded).keep) == ["arr"]


def test_a_folder_on_the_shelf_does_as_well_as_its_name(shelf: dict[str, Any], tmp_path: Path) -> None:
    assert found(tmp_path / "pirate", shelf) is found(str(tmp_path / "pirate"), shelf) is shelf["pirate"]
    with pytest.raises(HostError, match="put it into their folder first"):
        found(tmp_path / "elsewhere", shelf)


def test_a_name_that_is_nearly_right_gets_a_hint(shelf: dict[str, Any]) -> None:
    with pytest.raises(HostError, match=r"no adapter 'pirat' here\. There is pirate\."):
        found("pirat", shelf)
    with pytest.raises(HostError, match=r"'zzz' here\.$"):
        found("zzz", shelf)
    with pytest.raises(HostError, match="Choose an adapter"):
        wanted([], False, shelf, {})


def test_unloading_takes_names_of_either_sort_and_refuses_what_is_not_loaded(
    shelf: dict[str, Any], tmp_path: Path
) -> None:
    loaded = {"arr": tmp_path / "pirate", "other": None}
    assert leaving(None, shelf, loaded) == ["arr", "other"]
    assert leaving(["pirate", "other"], shelf, loaded) == ["arr", "other"]
    with pytest.raises(HostError, match=r"'v1\.5' is not loaded"):
        leaving(["v1.5"], shelf, loaded)


def test_what_cannot_be_loaded_is_a_hosts_error_with_a_capital_and_changes_nothing(tmp_path: Path) -> None:
    from lora_mixer.lora_ops.shelf.adapter_files import read_adapter

    model = tiny.pirate()
    model.save_pretrained(tmp_path)
    other = tiny.pirate(tiny.llama(hidden_size=64))
    before = tiny.fingerprint(other)
    misfit = SimpleNamespace(gguf=False, read=lambda: read_adapter(tmp_path / "pirate"))
    with pytest.raises(HostError) as caught:
        change(other, {"new": misfit}, ["pirate"], upcast=True)  # type: ignore[dict-item]
    assert str(caught.value)[0].isupper() and tiny.fingerprint(other) == before
