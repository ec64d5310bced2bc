"""Whose files those of an adapter are: its own, or the hub's cache's."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.adapter_on_disk import written

from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    WEIGHTS,
    AdapterFileError,
    looks_like_adapter,
    read_adapter,
)


def test_a_pickle_alone_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / WEIGHTS).rename(tmp_path / "adapter_model.bin")
    with pytest.raises(AdapterFileError, match=r"adapter_model\.bin is a pickle"):
        read_adapter(tmp_path)
    assert looks_like_adapter(tmp_path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match="no folder"):
        read_adapter(tmp_path / "nothing")
    with pytest.raises(AdapterFileError, match=CONFIG):
        read_adapter(tmp_path)
    (tmp_path / CONFIG).mkdir()
    with pytest.raises(AdapterFileError, match=CONFIG):
        read_adapter(tmp_path)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "shelf" / "one")
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(AdapterFileError, match="by a symbolic link") as refused:
        read_adapter(folder)
    assert str(folder / name) in str(refused.value)
    assert read_adapter(folder, within=tmp_path).ranks == (2,)


def test_a_folder_may_be_a_link(tmp_path: Path) -> None:
    written(tmp_path / "elsewhere")
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "one").symlink_to(tmp_path / "elsewhere")
    assert read_adapter(tmp_path / "shelf" / "one", within=tmp_path / "shelf").ranks == (2,)
    secret = tmp_path / "secret"
    (tmp_path / "elsewhere" / WEIGHTS).rename(secret)
    (tmp_path / "elsewhere" / WEIGHTS).symlink_to(secret)
    with pytest.raises(AdapterFileError, match="by a symbolic link"):
        read_adapter(tmp_path / "shelf" / "one")


def cached(home: Path) -> Path:
    """An adapter as the hub's cache keeps it; its snapshot."""
    snapshot = home / "snapshots" / "0123abcd"
    written(home / "blobs")
    snapshot.mkdir(parents=True)
    for name in (CONFIG, WEIGHTS):
        (home / "blobs" / name).rename(home / "blobs" / f"sha-of-{name}")
        (snapshot / name).symlink_to(Path("../../blobs") / f"sha-of-{name}")
    return snapshot


def test_the_hubs_cache_is_read(tmp_path: Path) -> None:
    home = tmp_path / "models--someone--pirate"
    snapshot = cached(home)
    assert read_adapter(snapshot).ranks == (2,)
    assert read_adapter(home).folder == snapshot and looks_like_adapter(home)
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "pirate").symlink_to(snapshot)
    assert read_adapter(tmp_path / "loras" / "pirate", within=tmp_path / "loras").ranks == (2,)
    written(home / "snapshots" / "fedc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("fedc")
    assert read_adapter(home).folder == home / "snapshots" / "fedc"


@pytest.mark.parametrize("home", ["models--someone--pirate", "datasets--someone--pirate"])
def test_only_the_hubs_own_links_are_followed(tmp_path: Path, home: str) -> None:
    snapshot = cached(tmp_path / home)
    other = tmp_path / "models--other" / "blobs"
    written(other)
    for target in [other / WEIGHTS] if home.startswith("models") else [tmp_path / home / "blobs" / f"sha-of-{WEIGHTS}"]:
        (snapshot / WEIGHTS).unlink()
        (snapshot / WEIGHTS).symlink_to(target)
        with pytest.raises(AdapterFileError, match="by a symbolic link"):
            read_adapter(snapshot)
