"""A text as a model reads it: token by token, alike in every row, with what comes before it left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import logits, pirate, prompt

from lora_mixer.lora_ops.measure.text import Text


class Reader:
    """A model that answers what a test wants, and keeps what it was given."""

    def __init__(self, answer: Any, **config: Any) -> None:
        self.config, self._answer = SimpleNamespace(**config), answer
        self.given: dict[str, Any] = {}

    def __call__(self, **inputs: Any) -> Any:
        self.given = inputs
        return SimpleNamespace(**self._answer)

    def prepare_decoder_input_ids_from_labels(self, labels: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(labels[:, :1]), labels[:, :-1]], dim=1)


@torch.no_grad()
def test_every_row_reads_the_same() -> None:
    model, ids = pirate(), prompt()
    text = Text(model, ids, None)
    read = text.read(3)
    assert text.tokens == ids.shape[1] and read.shape[:2] == (3, ids.shape[1])
    for row in read:
        assert torch.allclose(row, logits(model, ids)[0], atol=1e-5)


def test_tokens_that_an_adapter_puts_before_the_text_are_none_of_it() -> None:
    said = torch.arange(2 * 7 * 3.0).reshape(2, 7, 3)
    text = Text(Reader({"logits": said}), torch.tensor([[1, 2, 3, 4]]), None)
    assert torch.equal(text.read(2), said[:, 3:])


def test_of_an_encoder_and_a_decoder_the_decoder_s_text_is_judged() -> None:
    reader = Reader({"logits": torch.zeros(1, 2, 5)}, is_encoder_decoder=True)
    ids = torch.tensor([[5, 6, 7]])
    assert Text(reader, ids, torch.tensor([[0, 9]])).tokens == 2
    text = Text(reader, ids, None)
    text.read()
    assert text.tokens == 3 and reader.given["decoder_input_ids"].tolist() == [[0, 5, 6]], "shifted, as in training"


@pytest.mark.parametrize(
    ("answer", "why"),
    [({}, "no head"), ({"logits": None}, "no head"), ({"logits": torch.zeros(1, 1)}, "no distribution")],
)
def test_a_model_without_a_distribution_is_refused(answer: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Text(Reader(answer), torch.tensor([[1, 2]]), None).read()


def test_a_base_model_without_its_head_is_refused() -> None:
    with pytest.raises(ValueError, match="no head"), torch.no_grad():
        Text(tiny.llama().model, prompt(), None).read()
