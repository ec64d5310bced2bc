"""What does not fit a weight is refused, and both sizes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.tiny_gguf import HIDDEN, INNER, WORDS, write_model

from lora_mixer.lora_ops.engines.llama_server.base import Base
from lora_mixer.lora_ops.engines.llama_server.pair import CannotSplit, check_fits

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
