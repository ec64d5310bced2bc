"""Where our own page keeps what a user makes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lora_mixer.hosts.standalone.folders import folders


def test_a_checkout_keeps_its_data_in_itself(tmp_path: Path):
    (tmp_path / "run.py").touch()
    assert folders(tmp_path) == (tmp_path / "user_data", tmp_path / ".cache")


@pytest.mark.parametrize(
    ("system", "said", "data", "cache"),
    [
        ("linux", {}, ".local/share/lora-mixer", ".cache/lora-mixer"),
        ("linux", {"XDG_DATA_HOME": "relative"}, ".local/share/lora-mixer", ".cache/lora-mixer"),
        ("linux", {"XDG_DATA_HOME": "{home}/d", "XDG_CACHE_HOME": "{home}/c"}, "d/lora-mixer", "c/lora-mixer"),
        ("darwin", {}, "Library/Application Support/lora-mixer", "Library/Caches/lora-mixer"),
        ("win32", {"LOCALAPPDATA": "{home}/L"}, "L/lora-mixer/user_data", "L/lora-mixer/cache"),
        ("win32", {}, "AppData/Local/lora-mixer/user_data", "AppData/Local/lora-mixer/cache"),
    ],
)
def test_an_installed_one_keeps_its_data_where_the_system_wants_it(
    system: str, said: dict[str, str], data: str, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in said.items():
        monkeypatch.setenv(name, folder.format(home=tmp_path))
    assert folders(tmp_path / "site-packages" / "lora_mixer") == (tmp_path / data, tmp_path / cache)
