"""A sweep of the one fader between two mixes: by itself, and with another fader above it."""

from __future__ import annotations

import pytest
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Adapter, Desk, Faders, Mix, Target
from lora_mixer.lora_ops.lab.sweep import parse_axis, sweep

TARGETS = tuple(
    Target("pirate", f"model.layers.{layer}.{kind}", layer, kind, 4, 8.0, 2.0, True)
    for layer in range(3)
    for kind in ("q_proj", "down_proj")
)
ONE = {"pirate": Adapter("pirate", "lora", TARGETS, 100, 0.01)}
A, B = mix_of(kinds={"q_proj": 0.0}), mix_of(master=2.0, layers={1: 0.5})


@pytest.mark.parametrize(
    "line", ["crossfade 0 to 1 in 0.25", "Crossfade 0, 0.25, 0.5, 0.75, 1", "cross-fade 0 to 1 in 0.25"]
)
def test_the_columns_stand_between_the_two_mixes_whatever_the_base_is(line: str) -> None:
    columns = sweep(mix_of(master=7.0), parse_axis(line, ONE, mix_of(master=7.0), (A, B)))
    assert [column.label for column in columns] == [f"crossfade {t:g}" for t in (0, 0.25, 0.5, 0.75, 1)]
    for column, t in zip(columns, (0, 0.25, 0.5, 0.75, 1), strict=True):
        assert column.mix == Mix.between(A, B, t)


@pytest.mark.parametrize("crossfade_is", ["x", "y"])
def test_a_fader_of_the_other_axis_multiplies_what_is_between(crossfade_is: str) -> None:
    between = parse_axis("crossfade 0, 0.5, 1", ONE, Mix(), (A, B))
    master = parse_axis("master 0.5, 2", ONE, Mix())
    x, y = (between, master) if crossfade_is == "x" else (master, between)
    found = {column.label: column.mix for column in sweep(Mix(), x, y)}
    assert len(found) == 6
    for t in (0, 0.5, 1):
        for gain in (0.5, 2.0):
            names = [f"crossfade {t:g}", f"master {gain:g}"]
            mix = found[", ".join(names if crossfade_is == "x" else names[::-1])]
            for target in TARGETS:
                assert mix.gain(target) == pytest.approx(gain * Mix.between(A, B, t).gain(target))


@pytest.mark.parametrize(
    ("line", "sides", "why"),
    [
        ("crossfade 0, 1", None, "between what"),
        ("crossfade 0, 2", (A, B), "crossfade 2: a crossfade stands from 0"),
        ("crossfade -0.5, 1", (A, B), "crossfade -0.5: a crossfade stands from 0"),
        ("crossfade", (A, B), "names no gain"),
        (
            "crossfade 0, 0.5",
            (mix_of(rank=2), mix_of(rank=4)),
            "crossfade 0.5: adapter 'pirate': between rank 2 and rank 4",
        ),
    ],
)
def test_what_is_no_crossfade_is_refused_in_the_line(line: str, sides: tuple[Mix, Mix] | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_axis(line, ONE, Mix(), sides)


def test_two_crossfades_make_no_grid() -> None:
    axis = parse_axis("crossfade 0, 1", ONE, Mix(), (A, B))
    with pytest.raises(ValueError, match="both axes move crossfade"):
        sweep(Mix(), axis, parse_axis("crossfade 0.3, 0.7", ONE, Mix(), (A, B)))


def test_an_adapter_that_does_not_play_comes_in_from_silence() -> None:
    model = tiny.two()
    model.base_model.set_adapter("pirate")
    desk = Desk(model)
    axis = parse_axis("crossfade 0, 0.5, 1", desk, Mix(), (Mix(), Mix({"poet": Faders(master=2.0)})))
    assert [mix["poet"] for mix in axis.mixes(Mix())] == [Faders(on=False), Faders(), Faders(master=2.0)]
