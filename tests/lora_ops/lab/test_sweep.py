"""One line of text becomes columns, and what is not understood is refused with what to write instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Adapter, Faders, Mix, Target
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.fader import Fader
from lora_mixer.lora_ops.lab.column import MAX_COLUMNS
from lora_mixer.lora_ops.lab.sweep import AS_IT_STANDS, MAX_SETTINGS, parse_axis, sweep

WORDS = ["each", " ", "of", "layer", "s", "0", "-", ",", "to", "in", "master", "at", "off", "q_proj", ":", "."]
DOWN_3 = "model.layers.3.mlp.down_proj"
KINDS = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")


def adapter(
    name: str = "pirate", layers: tuple[int, ...] = tuple(range(12)), kinds: tuple[str, ...] = KINDS
) -> Adapter:
    targets = tuple(
        Target(name, f"model.layers.{layer}.{kind}", layer, kind.rpartition(".")[2], 4, 8.0, 2.0, True)
        for layer in layers
        for kind in kinds
    )
    return Adapter(name, "lora", targets, 100, 0.01)


ONE = {"pirate": adapter()}
TWO = {**ONE, "poet": adapter("poet", kinds=KINDS[:1])}


def read(text: str, adapters: dict[str, Adapter] = ONE, base: Mix | None = None) -> list[tuple[str, dict[str, float]]]:
    """Each setting's label, and the gains by the faders' keys."""
    axis = parse_axis(text, adapters, base or Mix())
    return [(label, {fader.key: gain for fader, gain in moved.items()}) for label, moved in axis.settings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("master 0, 1", [("master 0", {"master": 0.0}), ("master 1", {"master": 1.0})]),
        ("Master OFF", [("master off", {"master": 0.0})]),
        ("master = 1.50", [("master 1.5", {"master": 1.5})]),
        ("pirate: master at 2", [("master 2", {"master": 2.0})]),
        ("pirate :master 2", [("master 2", {"master": 2.0})]),
        ("down_proj 0", [("down_proj 0", {"kind:down_proj": 0.0})]),
        ("q_proj, v_proj at -1", [("q_proj, v_proj -1", {"kind:q_proj": -1.0, "kind:v_proj": -1.0})]),
        ("layer 3 \u22120.5", [("layer 3 -0.5", {"layer:3": -0.5})]),
        ("layer 3 -1", [("layer 3 -1", {"layer:3": -1.0})]),
        ("layers 0-2 off", [("layers 0-2 off", {"layer:0": 0.0, "layer:1": 0.0, "layer:2": 0.0})]),
        ("layers 0 – 1, 11 at 0.5", [("layers 0-1, 11 0.5", {"layer:0": 0.5, "layer:1": 0.5, "layer:11": 0.5})]),
        ("layers 0-1, 11 .5", [("layers 0-1, 11 0.5", {"layer:0": 0.5, "layer:1": 0.5, "layer:11": 0.5})]),
        (f"{DOWN_3} 1", [(f"{DOWN_3} 1", {f"target:{DOWN_3}": 1.0})]),
        ("layers.3.mlp.down_proj 1", [("layers.3.mlp.down_proj 1", {f"target:{DOWN_3}": 1.0})]),
        ("each kind off", [(f"{kind} off", {f"kind:{kind}": 0.0}) for kind in ("q_proj", "v_proj", "down_proj")]),
        ("each layer 0.5", [(f"layer {layer} 0.5", {f"layer:{layer}": 0.5}) for layer in range(12)]),
        ("each of layers 0 2, off", [("layer 0 2", {"layer:0": 2.0}), ("layer 0 off", {"layer:0": 0.0})]),
        ("each of layers 3, 5-6 off", [(f"layer {layer} off", {f"layer:{layer}": 0.0}) for layer in (3, 5, 6)]),
        ("each of q_proj, v_proj 0", [("q_proj 0", {"kind:q_proj": 0.0}), ("v_proj 0", {"kind:v_proj": 0.0})]),
    ],
)  # fmt: skip
def test_what_people_write(text: str, expected: Any):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "gains"),
    [
        ("master 0 to 2 in 0.25", (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2)),
        ("master from 2 to 0 by 1", (2, 1, 0)),
        ("master 0 to 1 in 0.3", (0, 0.3, 0.6, 0.9)),
        ("master -1 to 1 in steps of 1", (-1, 0, 1)),
        ("master 1 to 1 in 0.5", (1,)),
        ("master 0, 0.5, 0, off, 1", (0, 0.5, 1)),
    ],
)
def test_gains(text: str, gains: tuple[float, ...]):
    assert parse_axis(text, ONE, Mix()).gains == gains


@given(st.integers(-40, 40), st.integers(1, 8), st.integers(1, 12))
def test_a_range_in_quarters_includes_both_ends(start: int, step: int, count: int):
    first, width, last = start / 4, step / 4, (start + step * (count - 1)) / 4
    gains = parse_axis(f"master {first} to {last} in {width}", ONE, Mix()).gains
    assert gains == tuple(first + width * at for at in range(count))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("master", "names no gain"),
        ("layers 0, 1", "names no gain"),
        ("0, 1", "does not say what to sweep"),
        ("master 0 to 2", "in what steps"),
        ("master 0 to 2 in 0", "never arrives"),
        ("master loud", "'loud' in 'master loud' is no gain"),
        ("master 0,, 1", "'' in"),
        ("master 1e5", "is no gain"),
        ("master nan, inf", "is no gain"),
        ("master 0 to 1000000 in 0.0001", "would be 10,000,000,001 settings"),
        ("dwn_proj 0", "no kind or target 'dwn_proj'; it has down_proj"),
        ("mlp.down_proj 0", "12 targets of adapter 'pirate' end in 'mlp.down_proj'"),
        ("layers 0-12 off", "no layers 0-12; it has layers 0 to 11"),
        ("layer 40 off", "no layer 40; it has layers 0 to 11"),
        ("layers 9-2 off", "run backwards: write 2-9"),
        ("parrot: master 0", "no adapter 'parrot'; there is pirate"),
        ("x" * 5000, "one short line"),
    ],
)
def test_what_is_not_understood_is_told(text: str, told: str):
    with pytest.raises(ValueError) as error:
        parse_axis(text, ONE, Mix())
    assert told in str(error.value)
    assert len(str(error.value)) < 300


@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS)).map("".join))
def test_anything_else_is_an_axis_or_a_value_error(text: str):
    try:
        axis = parse_axis(text, ONE, Mix())
    except ValueError:
        return
    assert axis.settings
    assert len(axis.mixes(Mix())) == len(axis.gains) == len(axis.settings)


def test_the_layers_of_a_range_are_those_that_the_adapter_has():
    adapters = {"pirate": adapter(layers=(0, 4, 8))}
    assert read("layers 0-6 off", adapters) == [("layers 0-6 off", {"layer:0": 0.0, "layer:4": 0.0})]
    with pytest.raises(ValueError, match="no layer 5"):
        parse_axis("layer 5 off", adapters, Mix())


def test_several_adapters_are_told_apart():
    assert read("down_proj 0", TWO)[0][0] == "pirate · down_proj 0"  # the poet has none
    assert parse_axis("poet: master 0", TWO, Mix()).label == "poet · master"
    only_poet = Mix({"pirate": Faders(on=False)})
    assert parse_axis("master 0", TWO, only_poet).label == "poet · master"
    with pytest.raises(ValueError, match="'pirate: master …' or 'poet: master …'"):
        parse_axis("master 0", TWO, Mix())
    with pytest.raises(ValueError, match="no kind or target 'up_proj'.*no kind or target 'up_proj'"):
        parse_axis("up_proj 0", TWO, Mix())


def test_without_anything_to_move_it_says_so():
    with pytest.raises(ValueError, match="no adapter"):
        parse_axis("master 0", {}, Mix())
    fixed = {"pirate": replace(ONE["pirate"], targets=())}
    with pytest.raises(ValueError, match="nothing that can be scaled"):
        parse_axis("master 0", fixed, Mix())


def test_a_sweep_moves_one_fader_and_leaves_the_rest():
    base = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.25})})
    columns = sweep(base, parse_axis("down_proj 0, 1", ONE, base))
    assert [column.label for column in columns] == ["down_proj 0", "down_proj 1"]
    assert columns[0].mix == Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.25, "down_proj": 0.0})})
    assert columns[1].mix == base


def test_a_sweep_of_one_setting_and_one_in_turns_begin_with_the_mix_as_it_stands():
    base = Mix({"pirate": Faders(master=0.5)})
    for text, count in (("layers 0-9 off", 2), ("each kind off", 4)):
        columns = sweep(base, parse_axis(text, ONE, base))
        assert (columns[0].label, columns[0].mix, len(columns)) == (AS_IT_STANDS, base, count)


def test_two_axes_are_a_grid_row_by_row():
    x, y = (parse_axis(text, ONE, Mix()) for text in ("master 0, 1, 2", "layers 0-1 0.5, 1.5"))
    columns = sweep(Mix(), x, y)
    assert [column.label for column in columns][:4] == [
        "master 0, layers 0-1 0.5", "master 1, layers 0-1 0.5", "master 2, layers 0-1 0.5", "master 0, layers 0-1 1.5",
    ]  # fmt: skip
    assert columns[5].mix == Mix({"pirate": Faders(master=2.0, layers={0: 1.5, 1: 1.5})})


def test_an_adapter_that_both_axes_are_of_is_named_once():
    x = parse_axis("pirate: master 0, 1", TWO, Mix())
    same, other = (parse_axis(text, TWO, Mix()) for text in ("pirate: q_proj 0, 1", "poet: q_proj 0, 1"))
    assert sweep(Mix(), x, same)[0].label == "pirate · master 0, q_proj 0"
    assert sweep(Mix(), x, other)[0].label == "pirate · master 0, poet · q_proj 0"


def test_axes_that_move_the_same_fader_are_refused():
    x, y = (parse_axis(text, ONE, Mix()) for text in ("layers 0-5 off", "layer 5 0, 1"))
    with pytest.raises(ValueError, match="both axes move pirate · layer 5"):
        sweep(Mix(), x, y)


def test_too_many_columns_are_refused_with_their_number():
    exactly = parse_axis("master 0 to 15 in 1", ONE, Mix())
    assert len(sweep(Mix(), exactly)) == MAX_COLUMNS
    for x, y, told in (
        ("master 0 to 100 in 1", None, "101 columns, and 16"),
        ("master 0 to 99 in 1", "down_proj 0 to 99 in 1", "10,000 columns (100 x 100)"),
    ):
        with pytest.raises(ValueError) as error:
            sweep(Mix(), parse_axis(x, ONE, Mix()), y and parse_axis(y, ONE, Mix()))
        assert told in str(error.value)
    many = {"pirate": adapter(layers=tuple(range(MAX_COLUMNS)))}
    with pytest.raises(ValueError, match=r"17 columns \(with the mix as it stands\)"):
        sweep(Mix(), parse_axis("each layer off", many, Mix()))
    with pytest.raises(ValueError, match="settings, and"):
        parse_axis(f"each layer 0 to {MAX_SETTINGS // 2} in 1", many, Mix())


def test_what_is_swept_plays_and_does_not_fade():
    base = Fader("pirate").put_fade(Mix({"pirate": Faders(on=False)}), Fade(((0, 0.0), (9, 1.0))))
    silent, loud = parse_axis("master 0, 1", ONE, base).mixes(base)
    assert (silent, loud) == (Mix({"pirate": Faders(master=0.0)}), Mix({"pirate": Faders()}))


def test_ranks_and_energies_are_swept_like_gains_and_beside_them():
    assert read("rank 1, 2, 4") == [(f"rank {rank}", {"rank": float(rank)}) for rank in (1, 2, 4)]
    assert [label for label, _ in read("energy 0.5 to 1 in 0.1")] == [
        f"energy {at}" for at in (0.5, 0.6, 0.7, 0.8, 0.9, 1)
    ]
    assert read("poet: rank 1 to 3 in 1", TWO)[2] == ("poet · rank 3", {"rank": 3.0})
    columns = sweep(Mix(), parse_axis("rank 1, 4", ONE, Mix()), parse_axis("master 0.5, 1", ONE, Mix()))
    assert [column.mix["pirate"] for column in columns] == [
        Faders(master=gain, rank=rank) for gain in (0.5, 1.0) for rank in (1, 4)
    ]
    energies = sweep(Mix(), parse_axis("energy 0.5, 1", ONE, Mix()))
    assert [column.mix["pirate"] for column in energies] == [Faders(energy=0.5), Faders()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rank 0, 1", "rank 0: a rank is a whole number from 1 up"),
        ("rank 1.5", "rank 1.5: a rank is a whole number"),
        ("rank off", "rank off: a rank is a whole number"),
        ("rank 2, 8", "rank 8: adapter 'pirate' is of rank 4"),
        ("energy 0 to 1 in 0.5", "energy 0: a share is above 0 and up to 1"),
        ("energy 2", "energy 2: a share is above 0"),
    ],
)
def test_ranks_that_cannot_be_heard_are_told_while_the_line_is_written(text: str, told: str):
    with pytest.raises(ValueError, match=told):
        read(text)
