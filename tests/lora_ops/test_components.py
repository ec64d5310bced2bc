"""Components of a product are those of the product itself, formed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.arrays import float64
from lora_mixer.lora_ops.components import components, singular_values

sizes = st.integers(1, 7)


@given(sizes, sizes, sizes, st.integers(0, 2), st.integers(0, 99))
def test_any_product_is_told_apart_and_put_together_again(
    out: int, rank: int, inputs: int, several: int, seed: int
) -> None:
    dice = torch.Generator().manual_seed(seed)
    front = (several,) if several else ()
    b = torch.randn(*front, out, rank, generator=dice)
    a = torch.randn(*front, rank, inputs, generator=dice)
    left, values, right = components(b, a)
    whole = b.double() @ a.double()
    torch.testing.assert_close(left * values.unsqueeze(-2) @ right, whole, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(singular_values(b, a), values, rtol=1e-9, atol=1e-9)
    count = min(out, rank, inputs)
    assert values.shape == (*front, count)
    assert bool((values.diff(dim=-1) <= 1e-12).all()) and bool((values >= 0).all())
    one = torch.eye(count, dtype=torch.float64).expand(*front, count, count)
    torch.testing.assert_close(left.mT @ left, one)
    torch.testing.assert_close(right @ right.mT, one)
    torch.testing.assert_close(values, torch.linalg.svdvals(whole)[..., :count], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_component_that_is_not_there_is_nothing_beside_one_that_is_faint(dtype: torch.dtype) -> None:
    b = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 2**-20]], dtype=dtype)
    a = torch.eye(3, dtype=dtype)
    values = singular_values(b, a)
    assert values[1] == pytest.approx(2**-20) and float64(b).dtype == torch.float64
    assert float(singular_values(b[:, :2], a[:2])[1]) < 1e-15
