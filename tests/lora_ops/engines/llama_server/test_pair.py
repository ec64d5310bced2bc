"""What does not fit a weight is refused, and both sizes are told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.llama_families import write_gguf
from helpers.tiny_gguf import HIDDEN, INNER, WORDS, write_model

from lora_mixer.lora_ops.engines.llama_server.base import Base
from lora_mixer.lora_ops.engines.llama_server.pair import CannotSplit, Pair, check_fits, joined

UP = "blk.0.ffn_up.weight"


@pytest.mark.parametrize("rank", [1, 4])
def test_any_rank_fits_and_no_other_size_does(model: Path, rank: int) -> None:
    base = Base.read(model)
    check_fits("up_proj", UP, (rank, HIDDEN), (INNER, rank), base)
    with pytest.raises(CannotSplit, match=f"{INNER} x {HIDDEN + 1} numbers.*{INNER} x {HIDDEN}"):
        check_fits("up_proj", UP, (rank, HIDDEN + 1), (INNER, rank), base)
    with pytest.raises(CannotSplit, match="another model"):
        check_fits("up_proj", "blk.9.ffn_up.weight", (rank, HIDDEN), (INNER, rank), base)


def test_experts_fit_a_weight_of_experts_alone(model: Path, tmp_path: Path) -> None:
    experts = Base.read(write_model(tmp_path / "experts.gguf", experts=3))
    check_fits("experts.w3", "blk.0.ffn_up_exps.weight", (3, 4, HIDDEN), (3, INNER, 4), experts)
    with pytest.raises(CannotSplit):
        check_fits("experts.w3", "blk.0.ffn_up_exps.weight", (2, 4, HIDDEN), (2, INNER, 4), experts)
    with pytest.raises(CannotSplit):
        check_fits("experts.w3", UP, (3, 4, HIDDEN), (INNER, 4), Base.read(model))


def test_embeddings_fit_where_they_are_not_the_last_layer_too(model: Path, tmp_path: Path) -> None:
    fit = ("embed_tokens", "token_embd.weight", (WORDS, 4), (HIDDEN, 4))
    check_fits(*fit, Base.read(model))
    with pytest.raises(CannotSplit, match="merge it into the model"):
        check_fits(*fit, Base.read(write_model(tmp_path / "tied.gguf", tied=True)))


@pytest.mark.parametrize("weight", ["attn_q_a", "attn_kv_a_mqa", "attn_kv_b", "attn_q"])
def test_weights_where_a_server_hears_no_adapter_are_refused(tmp_path: Path, weight: str) -> None:
    """A server took files for them, and its likelihoods were the base model's."""
    has = f"blk.0.{weight.replace('kv_b', 'k_b')}.weight"
    base = Base.read(write_gguf(tmp_path / "model.gguf", "deepseek2", {has: (INNER, HIDDEN)}, 4, 4))
    with pytest.raises(CannotSplit, match="hears no adapter; train it without"):
        check_fits("kv", f"blk.0.{weight}.weight", (4, HIDDEN), (INNER, 4), base)


def test_an_adapter_of_gpt2_that_was_converted_wrongly_is_told_from_one_for_another_model(tmp_path: Path) -> None:
    base = Base.read(write_gguf(tmp_path / "model.gguf", "gpt2", {UP: (INNER, HIDDEN)}, 4, 4))
    check_fits("c_fc", UP, (4, HIDDEN), (INNER, 4), base)
    with pytest.raises(CannotSplit, match="turned round.*split the PEFT adapter"):
        check_fits(UP, UP, (4, INNER), (HIDDEN, 4), base)


def test_pairs_of_one_target_are_one_whose_rows_stand_one_below_the_other() -> None:
    a = np.ones((2, 3))
    several = [
        Pair("up", name, 0, 2, 1.0, partial(lambda at: (a, np.full((4, 2), at)), at), 0)
        for at, name in enumerate(("gate", "up"))
    ]
    [one, other] = joined([*several, Pair("down", "down", 0, 2, 1.0, several[0].read, 0)])
    assert one.tensors == ("gate", "up") and other.tensors == ("down",)
    first, second = one.read()
    assert first is a and second[:, 0].tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    ("weight", "fused"),
    [("attn_k", "attn_qkv"), ("ffn_up_exps", "ffn_gate_up_exps"), ("ffn_gate_exps", "ffn_gate_up_exps")],
)
def test_a_file_with_weights_put_together_is_told_from_another_model(tmp_path: Path, weight: str, fused: str) -> None:
    base = Base.read(write_gguf(tmp_path / "model.gguf", "qwen3", {f"blk.0.{fused}.weight": (INNER, HIDDEN)}, 4, 4))
    with pytest.raises(CannotSplit, match=f"part of blk.0.{fused}.weight.*make one without"):
        check_fits("k_proj", f"blk.0.{weight}.weight", (4, HIDDEN), (INNER, 4), base)
