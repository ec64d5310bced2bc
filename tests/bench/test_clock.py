"""What is compared takes turns, and medians are compared in pairs."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.bench.clock import Series, Way, in_turns

values = st.lists(st.floats(0.001, 1000), min_size=1, max_size=12).map(lambda found: Series(tuple(found)))


@given(values, st.floats(0, 100), st.floats(0, 100))
def test_percentiles_are_those_of_the_numbers_and_their_median_is_the_median(
    series: Series, one: float, other: float
) -> None:
    assert series.percentile(50) == pytest.approx(series.median) == pytest.approx(median(series.values))
    assert series.percentile(0) == min(series.values) and series.percentile(100) == max(series.values)
    assert series.percentile(min(one, other)) <= series.percentile(max(one, other)) + 1e-9


def test_a_ratio_is_taken_round_by_round() -> None:
    """A machine that is ten times as slow in one round does not move the ratio."""
    ratio = Series((2.0, 20.0, 2.0)) / Series((1.0, 10.0, 1.0))
    assert ratio.values == (2.0, 2.0, 2.0) and (ratio * 3).median == 6.0
    more = Series((2.0, 20.0, 2.0)) - Series((1.0, 10.0, 1.0))
    assert more.values == (1.0, 10.0, 1.0)


def test_ways_take_turns_in_both_orders_and_only_their_own_work_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now, done = [0.0], []
    monkeypatch.setattr("lora_mixer.bench.clock.time.perf_counter", lambda: now[0])

    def takes(name: str, seconds: float) -> None:
        done.append(name)
        now[0] += seconds

    ways = {
        "a": Way(
            lambda: takes("a", 1.0), calls=2, prepare=lambda: takes("before", 50), tidy=lambda: takes("after", 50)
        ),
        "b": Way(lambda: takes("b", 3.0)),
        "rare": Way(lambda: takes("rare", 5.0), rounds=1),
    }
    times = in_turns(ways, 3, warm_up=False)
    taken = {name: series.values for name, series in times.items()}
    assert taken == {"a": (1.0,) * 3, "b": (3.0,) * 3, "rare": (5.0,)}
    order = [name for at, name in enumerate(done) if name in ways and (name != "a" or done[at - 1] != "a")]
    assert order == ["a", "b", "rare", "b", "a", "a", "b"]
