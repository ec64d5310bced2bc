"""What a fader costs on a server: bytes out of shapes, seconds out of bandwidths."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny
from safetensors.torch import load_file

from lora_mixer.bench.served import Costs, Machine, Played, llama_shapes

LARGE = Played("70B", 70.6e9, 80, llama_shapes(8192, 1024, 28672), 64)
CARDS = {"memory": 3.35e12, "flops": 4e14, "link": 3.2e10, "files": 1.25e9}


def test_an_adapter_has_as_many_bytes_as_its_file(tmp_path: Path) -> None:
    model = tiny.pirate(r=3)
    model.save_pretrained(tmp_path)
    config = model.base_model.model.config
    head = config.hidden_size // config.num_attention_heads
    shapes = llama_shapes(config.hidden_size, head * config.num_key_value_heads, config.intermediate_size)
    played = Played("tiny", 0, config.num_hidden_layers, shapes, 3, width=4)
    [file] = tmp_path.rglob("adapter_model.safetensors")
    assert played.adapter_bytes == sum(4 * weight.numel() for weight in load_file(file).values())


def test_a_model_of_70_billion_at_rank_64_has_560_faders_and_files_of_gigabytes() -> None:
    assert LARGE.faders == 560 and LARGE.adapter_bytes == pytest.approx(1.657e9, rel=1e-3)


def test_more_cards_share_the_model_but_not_the_file() -> None:
    one, eight = (Costs.of(LARGE, Machine("", cards, **CARDS)) for cards in (1, 8))
    assert eight.step == pytest.approx(one.step / 8) and eight.adapter == pytest.approx(one.adapter / 8)
    assert eight.write == one.write and eight.load > eight.write
    assert eight.step == pytest.approx(141.2e9 / 8 / 3.35e12)
