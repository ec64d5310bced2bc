"""Adapters in parts: what they add, and what cannot be split."""

from __future__ import annotations

import errno
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_gguf import (
    HEADS,
    HIDDEN,
    KEY_HEADS,
    LAYERS,
    SHAPES,
    WORDS,
    every_module,
    pairs,
    what_a_file_adds,
    write_adapter,
    write_model,
)

from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.lora_ops.engines.llama_server import CannotSplit, Part, read_parts, split, unsplit, whole


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


def in_llamas_order(rows: Any, heads: int) -> Any:
    """Rows of q or k where llama.cpp has them, one by one: halves of a head become neighbours."""
    found = np.empty_like(rows)
    size = len(rows) // heads
    for head in range(heads):
        for half in range(2):
            for at in range(size // 2):
                found[head * size + 2 * at + half] = rows[head * size + half * (size // 2) + at]
    return found


def added(parts: tuple[Part, ...]) -> dict[str, Any]:
    """What parts add, by target."""
    found = {}
    for part in parts:
        (one,) = what_a_file_adds(part.path).values()
        found[part.target] = one
    return found


def expected(weights: Mapping[str, Any], scaling: Any, permuted: bool = True) -> dict[str, Any]:
    found = {}
    for name, (a, b) in weights.items():
        one = np.asarray(b, np.float64) @ np.asarray(a, np.float64) * (scaling(name) if callable(scaling) else scaling)
        heads = HEADS if name.endswith("q_proj") else KEY_HEADS if name.endswith("k_proj") else 0
        found[name] = in_llamas_order(one, heads) if heads and permuted else one
    return found


def assert_alike(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        np.testing.assert_allclose(found[name], one, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_each_part_adds_what_peft_adds_at_its_target(model: Path, tmp_path: Path, dtype: Any) -> None:
    weights = pairs(every_module(), dtype=dtype)
    parts = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 8 / 4))
    assert [part.adapter for part in parts] == ["pirate"] * len(weights) and len(parts) == LAYERS * len(SHAPES)
    assert {part.target for part in parts} == set(weights) and all(part.path.is_file() for part in parts)
    assert {(part.layer, part.kind) for part in parts} >= {(0, "q_proj"), (1, "down_proj")}
    assert read_parts(tmp_path / "parts") == parts


def test_an_architecture_that_keeps_its_rows_keeps_them(tmp_path: Path) -> None:
    weights = pairs(every_module())
    model = write_model(tmp_path / "model.gguf", "qwen2")
    parts = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 2, permuted=False))


def test_scalings_come_out_exactly_whatever_they_are_made_of(model: Path, tmp_path: Path) -> None:
    weights = {**pairs(every_module()), **pairs({"model.layers.1.mlp.up_proj": SHAPES["mlp.up_proj"]}, rank=2)}
    alphas, ranks = {"q_proj": 3.0, "layers.1.mlp.up_proj": 5.0}, {"layers.1.mlp.up_proj": 2}
    folder = write_adapter(
        tmp_path / "pirate", weights, use_rslora=True, r=4, lora_alpha=7, alpha_pattern=alphas, rank_pattern=ranks
    )

    def scaling(name: str) -> float:
        alpha = 3.0 if name.endswith("q_proj") else 5.0 if name.endswith("1.mlp.up_proj") else 7.0
        return alpha / math.sqrt(2 if name.endswith("1.mlp.up_proj") else 4)

    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, scaling))
    assert all(part.scaling == pytest.approx(scaling(part.target)) and part.rank_stabilised for part in parts)
    # In one file, which has one alpha, the same comes out.
    together = what_a_file_adds(whole(folder, model, tmp_path / "whole.gguf"))
    for part in parts:
        (name,) = what_a_file_adds(part.path)
        np.testing.assert_allclose(together[name], added((part,))[part.target], rtol=1e-5, atol=1e-5)


def test_bfloat16_is_read_exactly(model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    path = folder / "adapter_model.safetensors"
    rounded = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}
    save_file(rounded, path)
    exact = {
        name: tuple(rounded[f"base_model.model.{name}.lora_{part}.weight"].float().numpy() for part in "AB")
        for name in weights
    }
    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(exact, 2))


def test_float16_stays_as_it_is(model: Path, tmp_path: Path) -> None:
    import gguf

    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}, dtype=np.float16)
    (part,) = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    tensors = {tensor.name.rpartition(".")[2]: tensor for tensor in gguf.GGUFReader(part.path).tensors}
    ((a, b),) = weights.values()
    assert {tensor.tensor_type.name for tensor in tensors.values()} == {"F16"}
    assert np.array_equal(tensors["lora_a"].data, a) and np.array_equal(tensors["lora_b"].data, b)


def test_a_silent_target_is_silent_and_not_as_loud_as_it_can_be(model: Path, tmp_path: Path) -> None:
    # llama.cpp takes an alpha of 0 for none, and adds B A as it is.
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    (part,) = split(write_adapter(tmp_path / "pirate", weights, lora_alpha=0), model, tmp_path / "parts")
    ((_, one),) = what_a_file_adds(part.path).items()
    assert not one.any()


def test_a_gguf_adapter_splits_into_the_same_parts(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    parts = split(folder, model, tmp_path / "parts")
    path = whole(folder, model, tmp_path / "pirate.gguf")
    again = split(path, model, tmp_path / "again")
    assert [part.target for part in again] == [part.target for part in parts]
    assert [part.path.read_bytes() for part in again] == [part.path.read_bytes() for part in parts]
    one = unsplit(path)
    assert one.adapter == "pirate" and one.scaling == 2 and len(one.targets) == len(parts)


def test_a_mix_goes_into_the_file(model: Path, tmp_path: Path) -> None:
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 3.0})})
    plain = what_a_file_adds(whole(folder, model, tmp_path / "plain.gguf"))
    mixed = what_a_file_adds(whole(folder, model, tmp_path / "mixed.gguf", mix=mix))
    for name, one in plain.items():
        gain = 0.0 if "attn_q" in name else 1.5 if ".1." in name else 0.5
        np.testing.assert_allclose(mixed[name], gain * one, rtol=1e-5, atol=1e-5, err_msg=name)
    half = what_a_file_adds(whole(folder, model, tmp_path / "half.gguf", mix=mix, dtype="float16"))
    for name, one in mixed.items():
        np.testing.assert_allclose(half[name], one, rtol=0.02, atol=0.02)


def test_a_mix_that_cannot_go_into_a_file_is_refused(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    wrong = {
        "fades": Mix({"pirate": Faders(fades={"master": Fade(((0, 1.0), (4, 0.0)))})}),
        "x_proj": Mix({"pirate": Faders(kinds={"x_proj": 0.5})}),
    }
    for match, mix in wrong.items():
        with pytest.raises(ValueError, match=match):
            whole(folder, model, tmp_path / "mixed.gguf", mix=mix)
    loud = Mix({"pirate": Faders(kinds={"q_proj": 1e6})})
    with pytest.raises(ValueError, match="too large for float16"):
        whole(folder, model, tmp_path / "mixed.gguf", mix=loud, dtype="float16")
    assert [path for path in tmp_path.iterdir() if "mixed" in path.name] == []


def test_embeddings_are_split_where_llama_cpp_plays_them(model: Path, tmp_path: Path) -> None:
    a, b = pairs({"x": (HIDDEN, WORDS)})["x"]
    folder = write_adapter(tmp_path / "pirate", {"model.embed_tokens": (a, b)})
    (part,) = split(folder, model, tmp_path / "parts")
    import gguf

    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(part.path).tensors}
    assert np.array_equal(tensors["token_embd.weight.lora_a"], a.T)
    assert np.array_equal(tensors["token_embd.weight.lora_b"], b)
    with pytest.raises(CannotSplit, match="uses its embeddings as its last layer too"):
        split(folder, write_model(tmp_path / "tied.gguf", tied=True), tmp_path / "tied")
    last = write_adapter(tmp_path / "last", pairs({"lm_head": (WORDS, HIDDEN)}))
    with pytest.raises(CannotSplit, match="has its embeddings there once more"):
        split(last, tmp_path / "tied.gguf", tmp_path / "tied")


def test_experts_that_are_modules_become_one_weight(tmp_path: Path) -> None:
    import gguf

    model = write_model(tmp_path / "model.gguf", experts=3)
    names = [f"model.layers.1.block_sparse_moe.experts.{expert}.w3" for expert in (0, 2)]
    weights = pairs(dict.fromkeys(names, SHAPES["mlp.up_proj"]))
    patterns = {"experts.2.w3": 4.0}
    folder = write_adapter(tmp_path / "pirate", weights, alpha_pattern=patterns)
    (part,) = split(folder, model, tmp_path / "parts")
    assert part.target == "model.layers.1.block_sparse_moe.experts.w3" and part.layer == 1
    reader = gguf.GGUFReader(part.path)
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    tensors = {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}
    a, b = (tensors[f"blk.1.ffn_up_exps.weight.lora_{which}"] for which in "ab")
    for expert, factor in ((0, 2.0), (2, 1.0)):
        own_a, own_b = weights[f"model.layers.1.block_sparse_moe.experts.{expert}.w3"]
        np.testing.assert_allclose(alpha / 4 * b[expert] @ a[expert], factor * own_b @ own_a, rtol=1e-5, atol=1e-5)
    assert not a[1].any() and not b[1].any()


def test_where_a_command_line_is_short_a_part_holds_a_kind_in_a_band_of_layers(model: Path, tmp_path: Path) -> None:
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    fine = split(folder, model, tmp_path / "fine")
    longest = sum(len(str(part.path)) + 1 for part in fine)
    assert len(split(folder, model, tmp_path / "fits", longest=longest)) == len(fine)
    coarse = split(folder, model, tmp_path / "coarse", longest=longest * 2 // 3)
    assert sum(len(str(part.path)) + 1 for part in coarse) <= longest * 2 // 3
    assert {part.target for part in coarse} == {f"model.layers.0-1.{name}" for name in SHAPES}
    assert sorted(name for part in coarse for name in part.targets) == sorted(weights)
    found = {name: one for part in coarse for name, one in what_a_file_adds(part.path).items()}
    assert found.keys() == what_a_file_adds(whole(folder, model, tmp_path / "whole.gguf")).keys()
    with pytest.raises(CannotSplit, match="characters on the command line"):
        split(folder, model, tmp_path / "none", longest=20)
    assert not (tmp_path / "none").exists()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "DoRA": ({"use_dora": True}, "DoRA"),
    "LoHa": ({"peft_type": "LOHA", "alpha": 8}, "loha"),
    "PiSSA": ({"init_lora_weights": "pissa"}, "PiSSA"),
    "OLoRA": ({"init_lora_weights": "olora"}, "OLoRA"),
    "a new way to begin": ({"init_lora_weights": "surprise"}, "surprise"),
    "biases": ({"bias": "all"}, "bias"),
    "a bias of B": ({"lora_bias": True}, "bias"),
    "aLoRA": ({"alora_invocation_tokens": [1, 2]}, "invocation"),
    "experts' parameters": ({"target_parameters": ["mlp.experts.gate_up_proj"]}, "parameters"),
    "replaced tokens": ({"trainable_token_indices": [3]}, "embeddings of some tokens"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_llama_cpp_has_no_form_for_is_refused_by_name(model: Path, tmp_path: Path, case: str) -> None:
    config, match = REFUSED[case]
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    folder = write_adapter(tmp_path / "pirate", weights, **config)
    if config.get("peft_type") == "LOHA":
        from safetensors.numpy import save_file

        tensor: Any = np.zeros((24, 4), np.float32)
        names = [f"base_model.model.model.layers.0.mlp.up_proj.hada_w{at}_{side}" for at in (1, 2) for side in "ab"]
        save_file(
            {name: tensor if name.endswith("a") else tensor.T[:, :16] + 0 for name in names},
            folder / "adapter_model.safetensors",
        )
    with pytest.raises(ValueError, match=match):
        split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_full_copies_are_refused(model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = write_adapter(
        tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}), modules_to_save=["lm_head"]
    )
    path = folder / "adapter_model.safetensors"
    save_file({**load_file(path), "base_model.model.lm_head.weight": np.zeros((WORDS, HIDDEN), np.float32)}, path)
    with pytest.raises(CannotSplit, match="full copies of weights"):
        split(folder, model, tmp_path / "parts")


def test_an_unknown_architecture_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    model = write_model(tmp_path / "model.gguf", "falcon")
    with pytest.raises(CannotSplit, match=r"'falcon'.*convert_lora_to_gguf"):
        split(folder, model, tmp_path / "parts")


def test_an_adapter_for_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    wide = write_adapter(tmp_path / "wide", pairs({"model.layers.0.mlp.up_proj": (24, 18)}))
    with pytest.raises(CannotSplit, match="24 x 18 numbers.*24 x 16"):
        split(wide, model, tmp_path / "parts")
    deep = write_adapter(tmp_path / "deep", pairs({"model.layers.7.mlp.up_proj": (24, 16)}))
    with pytest.raises(CannotSplit, match=r"layers\.7.*another model"):
        split(deep, model, tmp_path / "parts")
    path = whole(write_adapter(tmp_path / "pirate", pairs(every_module())), model, tmp_path / "pirate.gguf")
    with pytest.raises(CannotSplit, match="'llama'.*'qwen2'"):
        split(path, write_model(tmp_path / "other.gguf", "qwen2"), tmp_path / "parts")


def test_files_that_are_something_else_are_refused_in_words(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    path = whole(folder, model, tmp_path / "pirate.gguf")
    with pytest.raises(ValueError, match="is a model, not an adapter"):
        split(model, model, tmp_path / "parts")
    with pytest.raises(ValueError, match="is an adapter, not a model"):
        split(folder, path, tmp_path / "parts")
    (tmp_path / "text.gguf").write_text("once upon a time")
    with pytest.raises(ValueError, match="no GGUF file"):
        split(tmp_path / "text.gguf", model, tmp_path / "parts")
    with pytest.raises(ValueError, match="no GGUF file"):
        split(folder, tmp_path / "text.gguf", tmp_path / "parts")
    with pytest.raises(ValueError, match="cannot be read"):
        split(folder, tmp_path / "nowhere.gguf", tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_a_file_that_is_cut_off_anywhere_is_refused_in_words(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    path = whole(folder, model, tmp_path / "pirate.gguf")
    data = path.read_bytes()
    for length in [4, 7, 20, *range(24, len(data), 61), len(data) - 32]:
        (tmp_path / "cut.gguf").write_bytes(data[:length])
        with pytest.raises(ValueError, match="cut off|damaged|no GGUF file"):
            split(tmp_path / "cut.gguf", model, tmp_path / "parts")
    weights = folder / "adapter_model.safetensors"
    whole_file = weights.read_bytes()
    for length in range(0, len(whole_file), 97):
        weights.write_bytes(whole_file[:length])
        with pytest.raises(ValueError):
            split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_a_header_that_claims_a_world_takes_no_memory(model: Path, tmp_path: Path) -> None:
    for claims in [(2**63, 0), (0, 2**63), (1, 0)]:
        path = tmp_path / "evil.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, *claims) + struct.pack("<Q", 2**62) + b"x" * 64)
        with pytest.raises(ValueError, match="damaged|cut off"):
            split(path, model, tmp_path / "parts")


def test_a_model_that_is_cut_into_several_files_is_one(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model-00001-of-00002.gguf", files=2)
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 2))
    second = tmp_path / "model-00002-of-00002.gguf"
    with pytest.raises(ValueError, match="name the first"):
        split(folder, second, tmp_path / "again")
    second.unlink()
    with pytest.raises(ValueError, match="00002-of-00002.*cannot be read"):
        split(folder, model, tmp_path / "again")


def test_a_disk_without_room_is_named_and_nothing_left(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gguf

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", full)
    for write, out in ((split, tmp_path / "parts"), (whole, tmp_path / "pirate.gguf")):
        with pytest.raises(OSError, match="disk is full"):
            write(folder, model, out)
    assert {path.name for path in tmp_path.iterdir()} == {"pirate", "model.gguf"}


def test_numbers_that_are_none_are_refused(model: Path, tmp_path: Path) -> None:
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    ((a, b),) = weights.values()
    b[3, 1] = np.nan
    folder = write_adapter(tmp_path / "pirate", {"model.layers.0.mlp.up_proj": (a, b)})
    with pytest.raises(CannotSplit, match="not finite"):
        split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_what_is_there_is_left_alone_unless_it_may_be_replaced(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    out = tmp_path / "parts"
    out.mkdir()
    split(folder, model, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        split(folder, model, out)
    assert {path.name for path in out.iterdir()} == {*before, "mine.txt"}
    split(folder, model, out, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(FileExistsError):
        whole(folder, model, next(iter(out.glob("*.gguf"))))


def test_a_list_of_parts_that_is_damaged_says_so(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    (part,) = split(folder, model, tmp_path / "parts")
    part.path.unlink()
    with pytest.raises(ValueError, match="lacks"):
        read_parts(tmp_path / "parts")
    (tmp_path / "parts" / "parts.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(ValueError, match="split the adapter again"):
        read_parts(tmp_path / "parts")
    with pytest.raises(ValueError, match="split it first"):
        read_parts(tmp_path)
