"""What singular values tell, whatever their unit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.energy import effective_rank, energy, needed, stable_rank

values = st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=20).map(
    lambda found: sorted(found, reverse=True)
)


@given(values, st.floats(min_value=0.01, max_value=1))
def test_so_many_hold_the_share_and_one_fewer_does_not(found: list[float], share: float):
    count = needed(found, share)
    whole = energy(found)
    assert 1 <= count <= len(found)
    assert energy(found[:count]) >= (share - 1e-9) * whole
    assert count == 1 or energy(found[: count - 1]) < (share + 1e-9) * whole


@given(values, st.floats(min_value=1e-100, max_value=1e100))
def test_measures_do_not_depend_on_the_unit(found: list[float], unit: float):
    scaled = [value * unit for value in found]
    assert effective_rank(scaled) == pytest.approx(effective_rank(found), rel=1e-6)
    assert stable_rank(scaled) == pytest.approx(stable_rank(found), rel=1e-6)
    assert stable_rank(found) >= 1 - 1e-9 and 1 - 1e-9 <= effective_rank(found) <= len(found) + 1e-9


@pytest.mark.parametrize("count", [1, 2, 10, 16])
def test_equal_values_are_as_many_as_they_are(count: int):
    found = [0.3] * count
    assert effective_rank(found) == pytest.approx(count) and stable_rank(found) == pytest.approx(count)
    assert [needed(found, at / count) for at in range(1, count + 1)] == list(range(1, count + 1))


def test_effective_rank_is_that_of_roy_and_vetterli():
    shares = np.array([4.0, 2.0, 1.0]) / 7
    assert effective_rank([4.0, 2.0, 1.0]) == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))
    assert stable_rank([4.0, 2.0, 1.0]) == pytest.approx(21 / 16)
