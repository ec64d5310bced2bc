"""Where the files of an adapter may be, and what a file is that is no adapter's."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLES = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth", "adapter_model.ckpt")


class AdapterFileError(ValueError):
    """An adapter on disk that is damaged, or not one; the message names the file, the field, and what is wrong."""


def own_file(folder: Path, name: str, within: Path | None = None) -> Path:
    """The file of this name in an adapter's folder, after the links that lead to it.

    The folder may be a link to wherever people keep it. A file must not leave the folder that it is in, since an
    archive of a stranger could hold a link to anything, unless it is where the hub's cache keeps that file.

    Args:
        folder: of the adapter.
        name: `CONFIG` or `WEIGHTS`.
        within: another folder that its files may be in.

    Raises:
        AdapterFileError: there is none, or it is elsewhere.
    """
    path = folder / name
    resolved = path.resolve()
    roots = [folder.resolve(), *([within.resolve()] if within else [])]
    if not any(resolved.is_relative_to(root) for root in roots) and not _is_blob(roots[0], resolved):
        raise AdapterFileError(
            f"{path} leads out of {folder} by a symbolic link: copy the adapter's files into its folder"
        )
    if path.is_file():
        return path
    if not folder.is_dir():
        raise AdapterFileError(f"there is no folder {folder}")
    pickle = next((pickle for pickle in PICKLES if (folder / pickle).is_file()), None)
    if name == WEIGHTS and pickle:
        raise AdapterFileError(
            f"{folder / pickle} is a pickle, and there is no {WEIGHTS} beside it. A pickle can run any code, so it is "
            f"not loaded: save the adapter as safetensors"
        )
    raise AdapterFileError(f"there is no {name} in {folder}, so it is no adapter")


def _is_blob(folder: Path, resolved: Path) -> bool:
    """Whether a file is in the `blobs` of the very model of whose snapshot this folder is a part.

    The hub's cache keeps `models--SOMEONE--NAME/snapshots/HASH/FILE` as a link to `../../blobs/HASH`.
    """
    for snapshot in (folder, *folder.parents):
        home = snapshot.parent.parent
        if snapshot.parent.name == "snapshots" and home.name.startswith("models--"):
            return resolved.parent == home / "blobs"
    return False


def snapshot_of(folder: Path) -> Path:
    """The snapshot to read where a folder is a model's in the hub's cache (`models--SOMEONE--NAME`); else `folder`.

    That is the one that its `refs/main` names, or the newest.
    """
    if not folder.name.startswith("models--") or not (folder / "snapshots").is_dir():
        return folder
    try:
        named = (folder / "refs" / "main").read_bytes()[:100].decode("ascii", "replace").strip()
        main = folder / "snapshots" / named
        if named.isalnum() and main.is_dir():
            return main
    except OSError:
        pass  # nobody has asked for main: by a revision of its own, say
    try:
        there = [child for child in (folder / "snapshots").iterdir() if child.is_dir()]
    except OSError:
        return folder
    return max(there, key=lambda child: (child.stat().st_mtime_ns, child.name), default=folder)


def what_it_is(path: Path) -> str:
    """What a file is that should be a configuration or weights; empty where that cannot be told.

    >>> what_it_is(path)
    'a Git LFS pointer: the file itself was not downloaded (`git lfs pull` fetches it)'
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        return "an empty file: its download was cut off, or the disk failed"
    if start.startswith(b"version https://git-lfs.github.com"):
        return "a Git LFS pointer: the file itself was not downloaded (`git lfs pull` fetches it)"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page: the download was one of a page about the file, perhaps of an error or a login"
    if start.startswith(b"PK\x03\x04"):
        return "a zip archive or a pickle of PyTorch's, which can run any code: save the adapter as safetensors"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return "a pickle, which can run any code: save the adapter as safetensors"
    if start.startswith(b"GGUF"):
        return "a GGUF file, for llama.cpp: PEFT needs the adapter as it was trained"
    if not start.strip(b"\0"):
        return "a file of zeros: the download or the disk failed"
    return _message_in(text)


def _message_in(text: bytes) -> str:
    if not text.startswith((b"{", b"[", b'"')):
        words = text.decode("utf-8", "replace")[:80]
        return f"a text: {words!r}" if b" " in text and words.isprintable() and words.isascii() else ""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    said = data.get("error") or data.get("message") or data.get("detail") if isinstance(data, dict) else None
    return f"the answer of a server: {str(said)[:100]!r}" if said else "a text in JSON, without weights"
