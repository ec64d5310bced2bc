"""Fades, and mixes with fades."""

from __future__ import annotations

from hypothesis import strategies as st

from lora_mixer.lora_ops import Fade, Fader, Faders, Mix

gains = st.floats(-1e6, 1e6)
points = st.dictionaries(st.integers(0, 2_000), gains, min_size=1, max_size=6).map(
    lambda one: tuple(sorted(one.items()))
)
fades = points.map(Fade)


NAMES = ("model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj", "model.layers.1.self_attn.q_proj", "lm_head")
FADERS = [
    Fader("pirate"),
    *(Fader("pirate", "kind", kind) for kind in ("up_proj", "q_proj", "lm_head")),
    *(Fader("pirate", "layer", layer) for layer in (0, 1)),
    *(Fader("pirate", "target", name) for name in NAMES),
]
mixes = st.builds(
    Faders,
    on=st.booleans() | st.just(True),
    master=gains,
    kinds=st.dictionaries(st.sampled_from(["up_proj", "q_proj"]), gains),
    layers=st.dictionaries(st.integers(0, 1), gains),
    modules=st.dictionaries(st.sampled_from(NAMES), gains),
    fades=st.dictionaries(st.sampled_from([fader.key for fader in FADERS]), fades, max_size=4),
).map(lambda faders: Mix({"pirate": faders}))
