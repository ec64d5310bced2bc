"""An adapter in llama.cpp's layout is the same from its folder, its file and its parts, and goes back as it came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from helpers.tiny_gguf import HIDDEN, SHAPES, WORDS, every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.bakery.draft import Draft
from lora_mixer.lora_ops.bakery.llama_layout import (
    LlamaWeights,
    llama_weights_of_parts,
    pairs_of,
    read_gguf_weights,
    read_llama_weights,
)
from lora_mixer.lora_ops.engines.llama_server import CannotSplit, split, whole
from lora_mixer.lora_ops.engines.llama_server.gguf_file import GGUFError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


@pytest.fixture
def pirate(tmp_path: Path) -> Path:
    modules = {"model.embed_tokens": (HIDDEN, WORDS), **every_module()}
    return write_adapter(tmp_path / "pirate", pairs(modules), use_rslora=True, alpha_pattern={"q_proj": 3.0})


@pytest.fixture
def experts(tmp_path: Path) -> LlamaWeights:
    """One whose down projection has three experts."""
    model = write_model(tmp_path / "experts.gguf", "qwen2moe", experts=3)
    modules = {f"model.layers.0.mlp.experts.{at}.down_proj": SHAPES["mlp.down_proj"] for at in range(3)}
    return read_llama_weights(write_adapter(tmp_path / "expert", pairs(modules)), model)


def added(weights: LlamaWeights) -> dict[tuple[str, ...], np.ndarray]:
    """scaling x B A of every target, by llama.cpp's names of its weights."""
    found = {}
    for target in weights.weights.targets:
        first, second = (weights.weights.tensors[name] for name in weights.weights.pair(target))
        found[weights.tensors[target.name]] = target.scaling * second @ first
    return found


def draft_of(tensors: dict[str, Any], rank: int) -> Draft:
    """One that has these tensors, at scaling 1."""
    return Draft("folded", {"r": rank, "lora_alpha": rank}, tensors, rank, len(tensors) // 2)


def assert_alike(one: LlamaWeights, other: LlamaWeights) -> None:
    ours, theirs = added(one), added(other)
    assert ours.keys() == theirs.keys()
    for name, wanted in ours.items():
        np.testing.assert_allclose(theirs[name], wanted, rtol=1e-4, atol=1e-4, err_msg=name)


def test_folder_file_and_parts_are_the_same(model: Path, pirate: Path, tmp_path: Path) -> None:
    first = read_llama_weights(pirate, model)
    file = whole(pirate, model, tmp_path / "pirate.gguf")
    for other in (
        read_llama_weights(file, model),
        read_gguf_weights(file),
        llama_weights_of_parts(split(pirate, model, tmp_path / "parts")),
    ):
        assert_alike(first, other)
        assert {one.name for one in other.weights.targets} == {one.name for one in first.weights.targets}
        assert other.weights.name == "pirate" and other.architecture == "llama"


def test_what_it_adds_goes_into_a_file_as_it_came(model: Path, pirate: Path, experts: LlamaWeights) -> None:
    for source in (read_llama_weights(pirate, model), experts):
        rank = source.weights.targets[0].rank
        draft = draft_of(dict(source.weights.tensors), rank)
        found = {pair.target: pair for pair in pairs_of(draft, [source])}
        assert found.keys() == source.tensors.keys()
        for target, pair in found.items():
            a, b = pair.read()
            if pair.tensor == "token_embd.weight":
                a = a.T  # llama.cpp reads it the other way round
            assert a.shape[-2] == b.shape[-1] == pair.rank and pair.scaling == 1
            count = source.experts[target]
            own = next(one for one in source.weights.targets if one.name == target)
            flat = b @ a if count == 1 else np.einsum("eor,eri->oi", b, a)
            first, second = (source.weights.tensors[name] for name in source.weights.pair(own))
            np.testing.assert_allclose(flat, experts_in_order(second, count) @ first, rtol=1e-4, atol=1e-4)
            assert (a.shape[0], b.shape[0]) == (count, count) if count > 1 else a.ndim == b.ndim == 2


def experts_in_order(b: Any, count: int) -> Any:
    """B of experts, innermost in PEFT, with each expert's columns beside each other as its rows of A are."""
    return b.reshape(len(b), -1, count).transpose(0, 2, 1).reshape(len(b), -1)


def test_experts_lie_as_peft_has_them_and_each_keeps_its_own(experts: LlamaWeights) -> None:
    [target] = experts.weights.targets
    assert experts.experts == {target.name: 3}
    a, b = (experts.weights.tensors[name] for name in experts.weights.pair(target))
    weights = pairs({f"model.layers.0.mlp.experts.{at}.down_proj": SHAPES["mlp.down_proj"] for at in range(3)})
    for at, (its_a, its_b) in enumerate(weights.values()):
        rank = target.rank
        np.testing.assert_array_equal(a[at * rank : (at + 1) * rank], its_a)
        np.testing.assert_array_equal(b.reshape(len(b), rank, 3)[:, :, at], its_b)


def test_a_target_that_was_left_out_is_not_in_the_file(model: Path, pirate: Path) -> None:
    source = read_llama_weights(pirate, model)
    gone = source.weights.targets[3].name
    kept = {name: one for name, one in source.weights.tensors.items() if f".{gone}." not in name}
    found = pairs_of(draft_of(kept, 4), [source])
    assert gone not in {pair.target for pair in found} and len(found) == len(source.tensors) - 1


def test_a_file_that_is_not_what_was_split_is_refused(model: Path, pirate: Path, tmp_path: Path) -> None:
    part, *more = split(pirate, model, tmp_path / "parts")
    with pytest.raises(ValueError, match="split it again"):
        llama_weights_of_parts([replace(part, targets=(*part.targets, "another")), *more])


def test_an_adapter_of_another_model_is_refused(pirate: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other.gguf", "qwen2moe", experts=3)
    with pytest.raises(CannotSplit, match="pirate|other"):
        read_llama_weights(pirate, other)


def test_a_file_that_names_a_block_which_no_model_has_is_refused_at_once(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "evil.gguf", "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    for which, shape in (("a", (2, HIDDEN)), ("b", (HIDDEN, 2))):
        writer.add_tensor(f"blk.4000000000.attn_q.weight.lora_{which}", np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(GGUFError, match="4,000,000,001 blocks"):
        read_gguf_weights(tmp_path / "evil.gguf")
