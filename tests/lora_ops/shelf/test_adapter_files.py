"""Reading adapters on disk: what the files tell, and what they must not get away with."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from helpers.adapter_on_disk import GOOD, tensors, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import IA3Config, LoHaConfig, LoKrConfig
from safetensors.numpy import load_file, save_file

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    WEIGHTS,
    AdapterFileError,
    content_hashes,
    read_adapter,
)

# -- what the files tell


LIVE = [
    ("lora", lambda: tiny.pirate()),
    ("lora", lambda: tiny.pirate(use_rslora=True)),
    ("lora", lambda: tiny.pirate(rank_pattern={"q_proj": 2, "down_proj": 6}, alpha_pattern={"v_proj": 3})),
    ("lora", lambda: tiny.pirate(target_modules=["embed_tokens", "q_proj"])),
    ("lora", lambda: tiny.pirate(tiny.gpt2(), target_modules=["c_attn", "c_proj", "wte"], fan_in_fan_out=True)),
    ("dora", lambda: tiny.pirate(use_dora=True)),
    ("lora", lambda: tiny.pirate(tiny.llama(mlp_bias=True), lora_bias=True)),
    ("loha", lambda: tiny.add(tiny.llama(), LoHaConfig(r=4, alpha=8, target_modules=["q_proj"], init_weights=False))),
    ("lokr", lambda: tiny.add(tiny.llama(), LoKrConfig(r=4, alpha=8, target_modules=["up_proj"], init_weights=False))),
]


@pytest.mark.parametrize(("method", "build"), LIVE)
def test_tells_what_the_desk_tells_once_it_is_loaded(method: str, build: Any, tmp_path: Path) -> None:
    model = build()
    adapter = Desk(model).adapters["pirate"]
    model.save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    assert files.method == method == adapter.method
    facts = {target.name: (target.layer, target.kind, target.rank, target.alpha) for target in adapter.targets}
    assert {t.name: (t.layer, t.kind, t.rank, t.alpha) for t in files.targets} == facts
    assert {t.name: t.scaling for t in files.targets} == {t.name: pytest.approx(t.scaling) for t in adapter.targets}
    assert files.parameters == adapter.parameters
    assert files.rank_stabilised == adapter.rank_stabilised
    assert files.layers == adapter.layers and set(files.kinds) == set(adapter.kinds)
    assert not files.problems and not files.changes_base
    assert files.dtype == "float32" and files.size == (tmp_path / "pirate" / WEIGHTS).stat().st_size


def test_other_methods_have_targets_without_rank(tmp_path: Path) -> None:
    config = IA3Config(target_modules=["q_proj", "down_proj"], feedforward_modules=["down_proj"])
    tiny.add(tiny.llama(), config).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    assert files.method == "ia3" and files.kinds == ("down_proj", "q_proj") and files.ranks == ()


def test_time_hash_and_metadata(tmp_path: Path) -> None:
    folder = written(tmp_path, base_model_name_or_path="some/model")
    os.utime(folder / WEIGHTS, (1_000, 2_000))
    files = read_adapter(folder)
    assert (files.time, files.base_model, files.metadata["note"]) == (2_000, "some/model", "ahoy")
    assert files.content_hash() == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    save_file(tensors(rank=3), folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({**GOOD, "r": 3}))
    assert read_adapter(folder).ranks == (3,)
    assert read_adapter(folder).content_hash() == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_the_hashes_of_what_can_be_read_are_told_and_of_nothing_else(tmp_path: Path) -> None:
    there = {"pirate": written(tmp_path, base_model_name_or_path="some/model"), "gone": tmp_path / "none", "odd": None}
    assert content_hashes(there) == {"pirate": read_adapter(there["pirate"]).content_hash()}


@pytest.mark.parametrize(
    ("name", "state", "step"),
    [
        ("checkpoint-200", None, 200),
        ("checkpoint-200-loss-1_5", None, 200),
        ("run", '{"global_step": 75}', 75),
        ("run", '{"global_step": "many"}', None),
        ("run", "[", None),
        ("run", None, None),
    ],
)
def test_the_step_of_a_checkpoint(tmp_path: Path, name: str, state: str | None, step: int | None) -> None:
    folder = written(tmp_path / name)
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
    assert read_adapter(folder).step == step


# -- what is odd


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lora_alpha": 0}, "alpha is 0"),
        ({"target_modules": ["q_proj", "lm_head"]}, "lm_head, of which there are no weights"),
    ],
)
def test_problems_are_told(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in read_adapter(written(tmp_path, **changes)).problems)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    tiny.pirate().save_pretrained(folder)
    return folder / "pirate"


@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_an_error_or_reads_on(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((whole / WEIGHTS).read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) - 1, header, header // 2]))]
    (tmp_path / CONFIG).write_bytes((whole / CONFIG).read_bytes())
    (tmp_path / WEIGHTS).write_bytes(content)
    try:
        files = read_adapter(tmp_path)
    except AdapterFileError as error:
        assert str(tmp_path) in str(error)
    else:
        assert files.parameters * 4 <= len(content)


def test_no_weights_are_read(whole: Path, tmp_path: Path) -> None:
    """The numbers are cut out of the middle and replaced by a hole: what is told stays the same."""
    saved = load_file(whole / WEIGHTS)
    (tmp_path / CONFIG).write_bytes((whole / CONFIG).read_bytes())
    save_file({name: np.zeros_like(value) for name, value in saved.items()}, tmp_path / WEIGHTS)
    assert read_adapter(tmp_path).targets == read_adapter(whole).targets
