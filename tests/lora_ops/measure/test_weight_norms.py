"""The norms of a GGUF model's weights, held against llama.cpp's own package that unpacks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from lora_mixer.lora_ops.measure import weight_norms as measured
from lora_mixer.lora_ops.measure.weight_norms import weight_norms

KINDS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q6_K", "Q2_K", "Q3_K", "Q5_K", "IQ4_NL"]


def raw(kind: Any, rows: int = 6, columns: int = 512) -> Any:
    """Rows of a kind of numbers as they lie in a file, and what they stand for."""
    dice = np.random.default_rng(3)
    values = dice.normal(size=(rows, columns)).astype(np.float32)
    try:
        data = gguf.quants.quantize(values, kind)
    except NotImplementedError:  # no Python packs these: any bytes are some numbers
        size, block = gguf.GGML_QUANT_SIZES[kind]
        data = dice.integers(0, 60, (rows, columns // size * block)).astype(np.uint8)
    return data, gguf.quants.dequantize(np.ascontiguousarray(data).view(np.uint8), kind)


def write(path: Path, kinds: list[str], files: int = 1) -> dict[str, float]:
    """A model of weights of these kinds; the norm of each, by its name."""
    norms = {}
    for at in range(files):
        own = path if files == 1 else path.with_name(path.name.replace("-00001-", f"-{at + 1:05}-"))
        writer = gguf.GGUFWriter(own, "llama")
        if files > 1:
            writer.add_uint16("split.no", at)
            writer.add_uint16("split.count", files)
        for number, name in list(enumerate(kinds))[at::files]:
            kind = gguf.GGMLQuantizationType[name]
            data, values = raw(kind)
            plain = kind in (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16)
            writer.add_tensor(f"t{number}", data, raw_dtype=None if plain else kind)
            norms[f"t{number}"] = float(np.linalg.norm(values.astype(np.float64)))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return norms


@pytest.mark.parametrize("step", [2**21, 600])
def test_every_kind_counts_as_what_it_stands_for(tmp_path: Path, monkeypatch: Any, step: int) -> None:
    monkeypatch.setattr(measured, "_SLICE", step)
    wanted = write(tmp_path / "model.gguf", KINDS)
    found: dict[str, float | None] = {}
    weight_norms(tmp_path / "model.gguf", wanted, found)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_a_model_in_several_files_is_read_from_all_of_them(tmp_path: Path) -> None:
    first = tmp_path / "model-00001-of-00003.gguf"
    wanted = write(first, ["F16", "Q8_0", "F32", "Q4_0"], files=3)
    found: dict[str, float | None] = {}
    weight_norms(first, wanted, found)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_what_is_known_is_not_read_again_and_progress_is_told(tmp_path: Path) -> None:
    wanted = write(tmp_path / "model.gguf", ["F16", "F32", "Q8_0"])
    found: dict[str, float | None] = {"t0": 5.0}
    told: list[tuple[int, int]] = []
    weight_norms(tmp_path / "model.gguf", [*wanted, "t1"], found, lambda done, of: told.append((done, of)))
    assert found["t0"] == 5.0 and told == [(1, 2), (2, 2)]
    (tmp_path / "model.gguf").unlink()
    weight_norms(tmp_path / "model.gguf", wanted, found)


def test_a_weight_that_nobody_here_can_unpack_is_not_known_and_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "model.gguf", ["F16"])
    data = bytearray((tmp_path / "model.gguf").read_bytes())
    at = data.index(b"t0") + 2 + 4 + 16  # after its name: how many sizes, and two of them
    data[at : at + 4] = (99).to_bytes(4, "little")
    (tmp_path / "model.gguf").write_bytes(data)
    found: dict[str, float | None] = {}
    weight_norms(tmp_path / "model.gguf", ["t0"], found)
    assert found == {"t0": None}
    with pytest.raises(ValueError, match="has no blk"):
        weight_norms(tmp_path / "model.gguf", ["blk.0.attn_q.weight"], {})
