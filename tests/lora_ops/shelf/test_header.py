"""The header of a file of weights, whoever made it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from helpers.adapter_on_disk import written

from lora_mixer.lora_ops.shelf.adapter_files import WEIGHTS, AdapterFileError, read_adapter


def raw(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


PAIR = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (b"", "cut off"),
        (b"12345", "cut off"),
        (struct.pack("<Q", 2**60) + b"{}", "cut off"),
        (raw(PAIR, bytes(8)), "damaged or cut off"),
        (raw(PAIR, bytes(32)), "damaged or cut off"),
        (raw({"a": {"dtype": "F32", "shape": [50_000, 50_000], "data_offsets": [0, 10**10]}}, bytes(8)), "damaged"),
        (raw({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}}, bytes(16)), "damaged"),
        (raw({"a": {"dtype": "F32", "shape": [3, 3], "data_offsets": [0, 16]}}, bytes(16)), "damaged"),
        (raw(b"not json at all"), "damaged"),
        (raw(b"[]"), "damaged"),
        (b"\x80\x04\x95" + bytes(100), "a pickle"),
        (b"PK\x03\x04" + bytes(100), "a zip archive or a pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 49\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (b'{"error": "Repository not found"}', "the answer of a server: 'repository not found'"),
        (b"Entry not found", "a text: 'entry not found'"),
        (b"GGUF" + bytes(100), "a GGUF file"),
    ],
)
def test_weights_that_are_damaged_or_lie(tmp_path: Path, weights: bytes, says: str) -> None:
    with pytest.raises(AdapterFileError, match=says) as refused:
        read_adapter(written(tmp_path, weights=weights))
    assert WEIGHTS in str(refused.value)


def test_a_header_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path, weights=b"")
    with (folder / WEIGHTS).open("wb") as file:
        file.write(struct.pack("<Q", 2**30))
        file.truncate(2**31)  # a hole: it takes no room on the disk
    with pytest.raises(AdapterFileError, match="larger than 64 MiB"):
        read_adapter(folder)
