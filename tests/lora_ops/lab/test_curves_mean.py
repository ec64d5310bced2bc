"""Curves of several texts as one."""

from __future__ import annotations

import math

import pytest

from lora_mixer.lora_ops.lab.curves import Curve, Point, mean


def test_each_text_counts_by_its_tokens_and_each_reply_by_its_own() -> None:
    one = Curve("master", (Point(1.0, -1.0, math.e, 0.2, 0.5, 10, math.e),), tokens=30)
    other = Curve("master", (Point(1.0, -3.0, math.e**3, 0.6, 0.9, 30, math.e**2),), tokens=10)
    [point] = mean([one, other]).points
    assert mean([one, other]).tokens == 40
    assert (point.gain, point.mean_logprob, point.perplexity) == pytest.approx((1.0, -1.5, math.exp(1.5)))
    assert (point.divergence, point.agreement) == pytest.approx((0.3, 0.6))
    assert (point.length, point.own_perplexity) == pytest.approx((20, math.exp((10 * 1 + 30 * 2) / 40)))


def test_a_reply_that_says_nothing_has_a_length_and_no_perplexity() -> None:
    silent = Curve("master", (Point(1.0, -1.0, math.e, 0.2, 0.5, 0, None),), tokens=30)
    said = Curve("master", (Point(1.0, -1.0, math.e, 0.2, 0.5, 4, 2.0),), tokens=30)
    assert mean([silent, silent]).points[0].own_perplexity is None
    assert mean([silent, said]).points[0].own_perplexity == pytest.approx(2.0)
    assert mean([silent, said]).points[0].length == 2


def test_one_curve_is_its_own_mean_and_other_gains_are_refused() -> None:
    one = Curve("master", (Point(1.0, -1.0, math.e, 0.2, 0.5),), 30)
    assert mean([one]) is one
    assert mean([one, one]).points[0].length is None
    for wrong in ([], [one, Curve("master", (Point(2.0, -1.0, math.e, 0.2, 0.5),), 30)]):
        with pytest.raises(ValueError, match="the same gains"):
            mean(wrong)
