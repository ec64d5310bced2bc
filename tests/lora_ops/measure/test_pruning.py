"""Mixes out of an impact: silencing the idle, and keeping the top."""

from __future__ import annotations

import pytest
from helpers import tiny
from helpers.tiny import mix_of, prompt
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix, impact, keep_top, silence_idle
from lora_mixer.lora_ops.measure.impact import Impact

values = st.floats(min_value=0, max_value=10)


def impact_of(found: dict[str, float]) -> Impact:
    return Impact("silenced", mix_of(master=0.5), {"pirate": found}, {}, {}, 8, 0.0, True)


impacts = st.lists(values, min_size=1, max_size=20).map(
    lambda found: impact_of({f"layers.{at}.q_proj": value for at, value in enumerate(found)})
)


@tiny.some
@given(impacts, st.floats(min_value=0, max_value=1))
def test_silencing_the_idle_silences_no_more_than_the_share(found: Impact, share: float):
    mix = silence_idle(found, share)
    assert mix["pirate"].master == 0.5
    silent = mix["pirate"].modules
    assert set(silent.values()) <= {0.0}
    worth = found.targets["pirate"]
    assert sum(worth[name] for name in silent) <= share * sum(worth.values()) * (1 + 1e-9) + 1e-9
    assert {name for name, value in worth.items() if value == 0} <= set(silent)
    kept = [value for name, value in worth.items() if name not in silent]
    assert not kept or not silent or min(kept) >= max(worth[name] for name in silent)


@tiny.some
@given(impacts, st.integers(min_value=0, max_value=25))
def test_the_top_is_kept(found: Impact, count: int):
    worth = found.targets["pirate"]
    silent = keep_top(found, count)["pirate"].modules
    assert len(silent) == max(0, len(worth) - count)
    kept = [value for name, value in worth.items() if name not in silent]
    assert not kept or not silent or min(kept) >= max(worth[name] for name in silent)


def test_buttons_make_mixes_that_the_desk_takes():
    desk = Desk(tiny.two())
    found = impact(desk, prompt(), Mix({"pirate": Faders(modules={"model.layers.0.mlp.up_proj": 0.5})}))
    top = keep_top(found, 3)
    desk.apply(top)
    heard = [t for adapter in desk.adapters.values() for t in adapter.scalable if top.gain(t) != 0]
    assert len(heard) == 3
    desk.apply(silence_idle(found))
    with pytest.raises(ValueError, match="no target was measured"):
        keep_top(impact(desk, prompt(), parts=["kind"]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        silence_idle(found, 2)
    with pytest.raises(ValueError, match="negative"):
        keep_top(found, -1)
