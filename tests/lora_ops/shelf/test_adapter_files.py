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
from helpers.adapter_on_disk import GOOD, MODULE, tensors, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import IA3Config, LoHaConfig, LoKrConfig
from safetensors.numpy import load_file, save_file

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.shelf.adapter_config import MOST_CONFIG
from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    WEIGHTS,
    AdapterFileError,
    looks_like_adapter,
    read_adapter,
)


def raw(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


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


def test_full_copies_are_told_apart(tmp_path: Path) -> None:
    tiny.pirate(modules_to_save=["lm_head"]).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    assert files.saved == ("lm_head",) and "lm_head" not in {target.name for target in files.targets}
    assert len(files.targets) == 14 and not files.changes_base


def test_experts_are_targets_of_their_module(tmp_path: Path) -> None:
    tiny.pirate(tiny.gpt_oss(), target_parameters=tiny._EXPERTS).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    experts = {target.name for target in files.targets if target.parameter}
    assert experts == {
        f"model.layers.{at}.mlp.experts.{name}" for at in (0, 1) for name in ("gate_up_proj", "down_proj")
    }
    assert files.ranks == (4,)


def test_ranks_that_the_weights_gainsay(tmp_path: Path) -> None:
    tiny.pirate(tiny.gpt_oss(), target_parameters=tiny._EXPERTS).save_pretrained(tmp_path / "experts")
    loha = LoHaConfig(r=4, alpha=8, target_modules=["q_proj"], init_weights=False)
    tiny.add(tiny.llama(), loha).save_pretrained(tmp_path / "loha")
    for name in ("experts", "loha"):
        path = tmp_path / name / "pirate" / CONFIG
        path.write_text(json.dumps({**json.loads(path.read_text()), "r": 10**9}))
        with pytest.raises(AdapterFileError, match="r is 1000000000"):
            read_adapter(path.parent)


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


@pytest.mark.parametrize(
    ("pattern", "alpha"),
    [
        ("q_proj", 8),
        ("self_attn.q_proj", 8),
        (r"^model\.layers\.0\.self_attn\.q_proj", 8),
        (r"^model\.layers\.0\.self_attn\.q_proj$", 8),
        ("^q_proj", 4),
        ("j_proj", 4),
        ("_proj", 4),
    ],
)
def test_patterns_are_read_as_peft_reads_them(tmp_path: Path, pattern: str, alpha: float) -> None:
    from peft.utils.other import get_pattern_key

    files = read_adapter(written(tmp_path, alpha_pattern={pattern: 8}))
    assert files.alphas == (alpha,)
    assert {pattern: 8}.get(get_pattern_key([pattern], MODULE), 4) == alpha


def test_regular_expressions_are_read_as_peft_reads_them(tmp_path: Path) -> None:
    files = read_adapter(written(tmp_path, alpha_pattern={r".*\.layers\.(0|1)\..*": 8}, rank_pattern={"[qk]_proj": 2}))
    assert files.alphas == (8,) and not files.problems


@pytest.mark.parametrize("field", ["rank_pattern", "alpha_pattern"])
def test_a_regular_expression_without_end_is_refused_by_name(tmp_path: Path, field: str) -> None:
    with pytest.raises(AdapterFileError, match=f"{CONFIG}: {field}: .* takes too long"):
        read_adapter(written(tmp_path, **{field: {r"((\w|\.|[a-z])+)+\.(?=[A-Z]).*": 2}}))


def test_a_configuration_is_told_as_peft_takes_it(tmp_path: Path) -> None:
    files = read_adapter(written(tmp_path, peft_type="lora", task_type="causal_lm", rank_pattern=None, own=1))
    assert files.config == {**GOOD, "task_type": "CAUSAL_LM", "own": 1}
    assert [problem for problem in files.problems if "own" in problem]


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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"bias": "all"}, "bias"),
    ],
)
def test_what_would_change_the_base_model_for_good_is_told(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in read_adapter(written(tmp_path, **changes)).changes_base


def test_weights_of_the_base_model_that_were_saved_along_are_told_apart(tmp_path: Path) -> None:
    name = "base_model.model.model.embed_tokens.weight"
    files = read_adapter(written(tmp_path, weights={**tensors(), name: np.ones((3, 2), dtype=np.float32)}))
    assert files.copies == (name,) and files.parameters == 2 * (32 + 16)


# -- what is damaged, or lies


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lora_alpha": "sixteen"}, "lora_alpha"),
        ({"lora_alpha": "16"}, "lora_alpha"),
        ({"lora_alpha": True}, "lora_alpha"),
        ({"lora_alpha": None}, "lora_alpha"),
        ({"lora_alpha": float("nan")}, "lora_alpha"),
        ({"r": 0}, "r: "),
        ({"r": -1}, "r: "),
        ({"r": 2.5}, "r: "),
        ({"r": None}, "r is missing"),
        ({"r": 4}, "r gives"),
        ({"r": 10**10}, "r "),
        ({"rank_pattern": {"q_proj": 3}}, "rank_pattern"),
        ({"rank_pattern": {"lm_head": 10**9}}, "rank_pattern"),
        ({"rank_pattern": {"q_proj": 0}}, "rank_pattern"),
        ({"alpha_pattern": {"q_proj": "2"}}, "alpha_pattern"),
        ({"peft_type": None}, "peft_type"),
        ({"peft_type": "../x"}, "peft_type"),
        ({"use_rslora": "yes"}, "use_rslora"),
        ({"target_modules": 3}, "target_modules"),
    ],
)
def test_a_field_that_cannot_be_is_named_with_its_file(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(AdapterFileError) as refused:
        read_adapter(written(tmp_path, **changes))
    assert field in str(refused.value) and str(tmp_path / CONFIG) in str(refused.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
        ("<html>", "a web page"),
        ("", "an empty file"),
        ('{"error": "no"}', "the answer of a server"),
        ("{", "not JSON"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "not JSON"),
        ("1" * 10_000, "not JSON"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, config: str, says: str) -> None:
    with pytest.raises(AdapterFileError, match=says):
        read_adapter(written(tmp_path, config))


def test_a_configuration_of_megabytes(tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match="larger than 4 MiB"):
        read_adapter(written(tmp_path, '{"peft_type": "' + "L" * MOST_CONFIG))


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


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({f"base_model.model.{MODULE}.lora_A.weight": np.ones((2, 4))}, "no lora_B"),
        ({f"base_model.model.{MODULE}.lora_B.weight": np.ones((2, 4))}, "no lora_A"),
        ({**tensors(), f"base_model.model.{MODULE}.lora_B.weight": np.ones((4, 3))}, "do not agree"),
        ({f"base_model.model.{MODULE}.lora_A.weight": np.ones((0, 4)), f"base_model.model.{MODULE}.lora_B.weight":
          np.ones((4, 0))}, "rank 0"),
    ],
)  # fmt: skip
def test_pairs_that_are_none(tmp_path: Path, weights: dict[str, Any], says: str) -> None:
    with pytest.raises(AdapterFileError, match=says):
        read_adapter(written(tmp_path, weights=weights))


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
