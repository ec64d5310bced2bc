"""Votes on five mixes, of any outcome."""

from __future__ import annotations

from helpers import kept
from hypothesis import strategies as st

VERDICTS = st.sampled_from(["left", "right", "tie", "bad"])
DUELS = st.lists(
    st.builds(kept.duel, st.integers(0, 4).map(float), st.integers(0, 4).map(float), VERDICTS), max_size=25
)
