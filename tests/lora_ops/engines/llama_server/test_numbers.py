"""Numbers of GGUF files are those that llama.cpp's own package reads."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from lora_mixer.lora_ops.engines.llama_server.gguf_file import GGUFError, read_gguf
from lora_mixer.lora_ops.engines.llama_server.numbers import read_tensor

KINDS = ("F32", "F16", "BF16", "Q8_0", "Q4_0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the same numbers in each way of storing them."""
    numbers = np.random.default_rng(3).normal(size=(6, 64)).astype(np.float32)
    writer = gguf.GGUFWriter(tmp_path / "numbers.gguf", "llama")
    for kind in KINDS:
        stored = gguf.quants.quantize(numbers, gguf.GGMLQuantizationType[kind])
        writer.add_tensor(kind, stored, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "numbers.gguf"


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_each_number_is_read_exactly(path: Path, kind: str) -> None:
    (theirs,) = (tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == kind)
    ours = read_tensor(path, read_gguf(path).tensors[kind])
    assert ours.shape == (6, 64) and ours.dtype == (np.float16 if kind == "F16" else np.float32)
    np.testing.assert_array_equal(ours, gguf.quants.dequantize(theirs.data, theirs.tensor_type))


def test_what_is_stored_in_another_way_is_refused_by_name(path: Path) -> None:
    with pytest.raises(GGUFError, match="Q4_0"):
        read_tensor(path, read_gguf(path).tensors["Q4_0"])
