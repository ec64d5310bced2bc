"""A prompt is a tuple of token ids, however it is given."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch

from lora_mixer.lora_ops.engines.prompt import token_ids


@pytest.mark.parametrize(
    "given", [(1, 2, 3), [1, 2, 3], torch.tensor([[1, 2, 3]]), numpy.array([[1, 2, 3]]), range(1, 4)], ids=repr
)
def test_sequences_and_rows_of_tokens_are_the_same_prompt(given: Any) -> None:
    found = token_ids(given)
    assert found == (1, 2, 3) and all(type(one) is int for one in found)


@pytest.mark.parametrize(
    "given",
    [
        (),
        [],
        torch.zeros((1, 0), dtype=torch.long),
        torch.zeros((2, 3), dtype=torch.long),
        torch.zeros(3),
        torch.tensor(1),
    ],
    ids=repr,
)
def test_what_is_no_row_of_tokens_is_refused_with_its_shape(given: Any) -> None:
    with pytest.raises(ValueError, match=r"one row of tokens, shape \(1, tokens\), not \("):
        token_ids(given)
