"""The panel: mute, solo and bypass on top of the faders."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.lora_ops.target import Adapter, Target
from lora_mixer.ui.page.panel import Marked, Panel

KINDS = ("q_proj", "v_proj", "up_proj")
NAMES = ("pirate", "butler")


def adapter(name: str) -> Adapter:
    targets = tuple(
        Target(name, f"model.layers.{layer}.{kind}", layer, kind, rank=8, alpha=8.0, scaling=1.0, scalable=True)
        for layer in range(3)
        for kind in KINDS
    )
    return Adapter(name, "lora", targets, parameters=100, share=0.01)


ADAPTERS = [adapter(name) for name in NAMES]

gains = st.floats(-4, 4)
faders = st.builds(
    Faders,
    on=st.booleans(),
    master=gains,
    kinds=st.dictionaries(st.sampled_from(KINDS), gains),
    layers=st.dictionaries(st.integers(0, 2), gains),
)
marked = st.builds(
    Marked,
    adapters=st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    kinds=st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from(KINDS), unique=True).map(tuple), max_size=len(NAMES)
    ),
)
panels = st.builds(
    Panel,
    mix=st.dictionaries(st.sampled_from(NAMES), faders).map(Mix),
    muted=marked,
    soloed=marked,
    bypass=st.booleans(),
)


def heard(name: str, muted: tuple[str, ...], soloed: tuple[str, ...]) -> bool:
    return name not in muted and (not soloed or name in soloed)


@given(panels)
def test_a_target_is_silent_when_anything_silences_it_and_else_plays_its_faders(panel: Panel) -> None:
    mix = panel.effective(ADAPTERS)
    for one in ADAPTERS:
        muted, soloed = panel.muted.kinds.get(one.name, ()), panel.soloed.kinds.get(one.name, ())
        for target in one.targets:
            plays = (
                not panel.bypass
                and heard(one.name, panel.muted.adapters, panel.soloed.adapters)
                and heard(target.kind, muted, soloed)
            )
            assert mix.gain(target) == (panel.mix.gain(target) if plays else 0)


@given(panels)
def test_a_panel_survives_the_way_to_the_page_and_back(panel: Panel) -> None:
    assert Panel.from_dict(json.loads(json.dumps(panel.to_dict()))) == panel


def test_a_muted_kind_is_silent_though_its_fader_fades() -> None:
    fades = {"kind:q_proj": Fade(((0, 0.5), (8, 1.0))), "master": Fade(((0, 1.0), (8, 2.0)))}
    panel = Panel(Mix({"pirate": Faders(fades=fades)}), muted=Marked(kinds={"pirate": ("q_proj",)}))
    mix = panel.effective(ADAPTERS)
    for target in ADAPTERS[0].targets:
        assert (mix.at(8).gain(target) == 0) == (target.kind == "q_proj")
    assert Panel.from_dict(json.loads(json.dumps(panel.to_dict()))) == panel


@given(panels)
def test_the_positions_of_silenced_faders_are_kept(panel: Panel) -> None:
    before = panel.to_dict()
    panel.effective(ADAPTERS)
    assert panel.to_dict() == before


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"mix": {"adapters": {"pirate": {"master": float("nan")}}}}, "mix.adapters.pirate.master"),
        ({"mix": {"adapters": {"pirate": {"mastr": 1}}}}, "mastr"),
        ({"muted": {"adapters": "pirate"}}, "muted.adapters"),
        ({"bypas": True}, "bypas"),
        ("no panel", "the whole"),
        (None, "the whole"),
    ],
)
def test_what_is_no_panel_is_refused_and_the_field_is_named(data: object, named: str) -> None:
    with pytest.raises(ValueError, match="no panel") as refused:
        Panel.from_dict(data)
    assert named in str(refused.value)
