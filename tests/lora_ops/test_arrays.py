"""Torch and numpy answer the same, in their own kinds."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lora_mixer.lora_ops import arrays

ONE = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 7.5
OTHER = np.float32(0.1) * ONE[::-1]
HALF = ONE.astype(np.float16)


def alike(found: Callable[..., Any], *given: Any) -> Any:
    """What numpy answers, after torch has answered the same of the same type; lists of arrays are given as such."""

    def of_torch(one: Any) -> Any:
        if isinstance(one, list):
            return [of_torch(each) for each in one]
        return torch.from_numpy(one.copy()) if isinstance(one, np.ndarray) else one

    ours, theirs = found(*given), found(*of_torch(list(given)))
    if isinstance(ours, np.ndarray):
        assert isinstance(theirs, torch.Tensor) and theirs.numpy().dtype == ours.dtype
        np.testing.assert_array_equal(theirs.numpy(), ours)
    else:
        assert type(theirs) is type(ours) and theirs == ours
    return ours


@pytest.mark.parametrize(
    ("given", "floating", "finite"),
    [
        (ONE, True, True),
        (HALF, True, True),
        (np.array([1, 2]), False, True),
        (np.array([1.0, np.nan]), True, False),
        (np.array([np.inf, 0.0], np.float16), True, False),
        (np.zeros((0, 3), np.float32), True, True),
    ],
)
def test_both_tell_the_same_of_their_numbers(given: Any, floating: bool, finite: bool) -> None:
    assert alike(arrays.is_floating, given) is floating and alike(arrays.is_finite, given) is finite
    assert alike(arrays.count, given) == given.size
    assert not arrays.is_torch(given) and arrays.is_torch(torch.from_numpy(given))


def test_both_change_their_type_alike_and_what_is_too_large_becomes_infinite() -> None:
    large = np.array([1e5, -1e5, 1e-9, np.nan], np.float32)
    assert alike(arrays.float32, HALF).dtype == np.float32 and alike(arrays.float64, HALF).dtype == np.float64
    np.testing.assert_array_equal(arrays.as_type(large, "float16"), np.array([np.inf, -np.inf, 0, np.nan], np.float16))
    assert torch.equal(
        arrays.as_type(torch.from_numpy(large[:3]), torch.float16), torch.tensor([torch.inf, -torch.inf, 0]).half()
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("factor", [0.1, -2, 0.0, 1e6])
def test_both_multiply_alike_to_the_bit(dtype: str, factor: float) -> None:
    found = alike(lambda one: arrays.multiplied(one, factor), ONE.astype(dtype))
    assert found.dtype == dtype and np.isinf(found).any() == (dtype == "float16" and factor == 1e6)


def test_a_product_of_small_types_is_rounded_once() -> None:
    one = torch.tensor([1.00390625], dtype=torch.bfloat16)
    assert arrays.multiplied(one, 1 / 3).dtype == torch.bfloat16
    assert arrays.multiplied(one, 1 / 3) == (one.float() * (1 / 3)).bfloat16()


def test_both_put_arrays_together_alike() -> None:
    for axis in (0, 1, 2):
        alike(lambda given, axis=axis: arrays.joined(given, axis), [ONE, OTHER])
    assert alike(arrays.stacked, [ONE, OTHER]).shape == (2, 2, 3, 4)
    assert alike(lambda one: arrays.axes(one, 2, 0, 1), ONE).shape == (4, 2, 3)
    assert alike(lambda one: arrays.zeros(one, 3, 2), HALF).shape == (3, 2)


def test_what_is_stacked_or_made_is_a_copy() -> None:
    for one in (ONE.copy(), torch.from_numpy(ONE.copy())):
        stacked, joined = arrays.stacked([one, one]), arrays.joined([one, one], 0)
        one[0, 0, 0] = 99
        assert float(stacked.max()) < 99 and float(joined.max()) < 99


def test_the_type_that_holds_all_is_the_widest_in_both() -> None:
    for given in ([HALF, ONE], [ONE, HALF, ONE.astype(np.float64)], [HALF]):
        torchs = [torch.from_numpy(one) for one in given]
        assert torch.zeros(1, dtype=arrays.wide_enough(torchs)).numpy().dtype == arrays.wide_enough(given)
    mixed = [torch.zeros(1, dtype=torch.bfloat16), torch.zeros(1, dtype=torch.float16)]
    assert arrays.wide_enough(mixed) == torch.float32, "neither holds the other's numbers"


def test_both_compare_alike() -> None:
    nudged = ONE + np.float32(1e-3)
    assert alike(arrays.equal, ONE, ONE.copy()) and not alike(arrays.equal, ONE, nudged)
    assert not alike(arrays.equal, ONE, ONE[0]), "shapes count"
    assert alike(arrays.near, ONE, nudged, 0.0, 2e-3) and not alike(arrays.near, ONE, nudged, 0.0, 1e-4)
    assert alike(arrays.near, ONE * 1000, ONE * 1000.5, 1e-3, 0.0)
    assert not alike(arrays.near, ONE, np.full_like(ONE, np.nan), 1.0, 1.0)


def test_what_is_at_hand_is_no_part_of_a_training() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    assert not arrays.at_hand(weight).requires_grad and not arrays.float64(weight).requires_grad
    assert arrays.at_hand(ONE) is ONE


@pytest.mark.parametrize(
    ("finder", "there"), [(lambda _: None, False), (lambda _: importlib.machinery.ModuleSpec("torch", None), True)]
)
def test_whether_torch_is_there_is_seen_without_importing_it(
    finder: Any, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "find_spec", finder)
    assert arrays.has_torch() is there


def test_a_torch_that_is_half_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not arrays.has_torch()
