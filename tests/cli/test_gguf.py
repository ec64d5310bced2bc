"""`--gguf` of bake, combine and resize, and what a server says of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.llama import ADAPTERS
from helpers.tiny_gguf import every_module, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.cli import main
from lora_mixer.demo.base_model import gguf_file
from lora_mixer.lora_ops.engines import llama_server


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code = main(list(words))
    out = capsys.readouterr()
    assert code == 0, out.err
    return json.loads(out.out)


def test_several_are_combined_and_resized_into_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path / "model.gguf")
    folders = [write_adapter(tmp_path / name, pairs(every_module(), seed=at)) for at, name in enumerate(("one", "two"))]
    file = llama_server.whole(folders[0], model, tmp_path / "three.gguf")
    given = [*map(str, folders), str(file), "--gguf", str(model), "--json"]
    both = told(capsys, "combine", *given, "-o", str(tmp_path / "all.gguf"), "-g", "two=0.5")
    assert both["rank"] == 12 and both["way"] == "concatenated"
    wholes = [what_a_file_adds(llama_server.whole(one, model, tmp_path / f"{one.name}-w.gguf")) for one in folders]
    for name, added in what_a_file_adds(tmp_path / "all.gguf").items():
        np.testing.assert_allclose(added, 2 * wholes[0][name] + 0.5 * wholes[1][name], rtol=1e-4, atol=1e-4)
    small = told(capsys, "resize", *given, "-o", str(tmp_path / "small.gguf"), "--rank", "3")
    assert small["rank"] == 3 and small["error"] == pytest.approx((1 - small["kept"]) ** 0.5, abs=1e-5)


def test_a_gguf_adapter_has_the_spectrum_of_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path / "model.gguf")
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    file = llama_server.whole(folder, model, tmp_path / "file" / "pirate.gguf")
    ours, theirs = (told(capsys, "spectrum", str(one), "--json")["pirate"] for one in (folder, file))
    assert ours["told"] == theirs["told"] and ours["targets"].keys() == theirs["targets"].keys()
    for name, one in ours["targets"].items():
        np.testing.assert_allclose(theirs["targets"][name]["values"], one["values"], rtol=1e-5)


def test_a_server_plays_the_file_and_tells_how_near_it_is_to_the_mix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gains = ["-g", "pirate=0.8", "-g", "pirate:q_proj=0"]
    out = ["-o", str(tmp_path / "soft.gguf"), "--gguf", str(gguf_file())]
    checked = told(capsys, "bake", str(ADAPTERS / "pirate"), *gains, *out, "--check", "--json")["checked"]
    off, base = (float(checked.partition(word)[2].split()[0]) for word in ("but for ", "adapter it is "))
    assert off < 0.4 * base, checked


def test_a_check_without_a_gguf_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["bake"], ["combine"], ["resize", "--rank", "2"]):
        assert main([*command, str(ADAPTERS / "pirate"), "-o", str(tmp_path / "x"), "--check"]) == 2
        assert "--gguf" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
