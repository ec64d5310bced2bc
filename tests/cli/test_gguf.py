"""`bake --gguf`: a mix in one file that llama.cpp reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_gguf import every_module, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.cli import main
from lora_mixer.lora_ops.engines import llama_server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "pirate", pairs(every_module()))


def assert_times(found: Path, plain: Path, gain: Any) -> None:
    wanted, one = what_a_file_adds(plain), what_a_file_adds(found)
    assert one.keys() == wanted.keys()
    for name in wanted:
        factor = 0.0 if "attn_q" in name else gain
        np.testing.assert_allclose(one[name], factor * wanted[name], rtol=1e-5, atol=1e-5)


def test_gains_go_into_the_file_whatever_the_adapter_came_in(
    model: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = llama_server.whole(adapter, model, tmp_path / "plain.gguf")
    gains = ["--gain", "pirate=0.5", "--gain", "pirate:q_proj=0", "--gguf", str(model)]
    for source, out in ((str(adapter), "a.gguf"), (f"pirate={plain}", "b.gguf")):
        assert main(["bake", source, "-o", str(tmp_path / out), *gains, "--json"]) == 0, capsys.readouterr().err
        told = json.loads(capsys.readouterr().out)
        assert told["path"] == str(tmp_path / out) and told["adapter"] == "pirate"
        assert_times(tmp_path / out, plain, 0.5)
    assert main(["bake", str(adapter), "-o", str(tmp_path / "a.gguf"), *gains]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["-o", "folder"], "ends with .gguf"),
        (["-o", "x.gguf", "--store", "bfloat16"], "float16 or float32"),
        (["-o", "x.gguf", "--way", "patterned"], "has no --way patterned"),
        (["-o", "x.gguf", "--gain", "x_proj=2"], "x_proj"),
    ],
)
def test_what_a_gguf_adapter_has_no_form_for_is_refused(
    model: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], match: str
) -> None:
    options = [str(tmp_path / word) if word in ("folder", "x.gguf") else word for word in options]
    assert main(["bake", str(adapter), *options, "--gguf", str(model)]) == 2
    assert match in capsys.readouterr().err
    assert not (tmp_path / "x.gguf").exists()
