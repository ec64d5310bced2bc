"""Rows of a batch, held against the same mixes alone."""

from __future__ import annotations

import torch
from helpers import tiny

from lora_mixer.lora_ops import Desk, Mix


def alone(desk: Desk, mix: Mix, ids: torch.Tensor) -> torch.Tensor:
    desk.apply(mix)
    try:
        return tiny.logits(desk.engine.model, ids)
    finally:
        desk.reset()


def assert_rows_say_what_they_say_alone(desk: Desk, mixes: list[Mix], rtol: float = 1e-4, atol: float = 1e-4) -> None:
    ids = tiny.prompt()
    with desk.rows(mixes):
        together = tiny.logits(desk.engine.model, ids.repeat(len(mixes), 1))
    for row, mix in zip(together, mixes, strict=True):
        expected = alone(desk, mix, ids)[0]
        torch.testing.assert_close(row, expected, rtol=rtol, atol=atol)
        if row.dtype == torch.float32:
            assert row.argmax(-1).tolist() == expected.argmax(-1).tolist()
