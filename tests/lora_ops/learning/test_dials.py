"""Numbers that multiply faders: the gains that the mix they make has, slopes as small moves say, few numbers first."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.toy_engine import TARGETS, ToyEngine

from lora_mixer.lora_ops import Desk, Fader, Faders, Mix
from lora_mixer.lora_ops.learning.dials import Dials, levels_of

BOUNDS = (0.0, 2.0)
#: A crossfade that no product of faders tells: either side has a kind and a layer of its own.
CROSSFADED = Mix.between(
    Mix({"pirate": Faders(kinds={"q_proj": 0.4}, layers={0: 1.5})}),
    Mix({"pirate": Faders(kinds={"v_proj": 0.2}, layers={1: 0.6})}),
    0.3,
)
STARTS = {
    "as loaded": Mix(),
    "moved": Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 1.5}, layers={1: 0.0})}),
    "below a crossfade": CROSSFADED,
    "below a crossfade, moved": Mix({"pirate": Faders(master=0.5, crossfade=CROSSFADED["pirate"].crossfade)}),
}
FADERS = [
    Fader("pirate"),
    Fader("pirate", "kind", "q_proj"),
    Fader("pirate", "layer", 0),
    Fader("pirate", "target", TARGETS[3]),
]


@pytest.fixture
def desk() -> Desk:
    return Desk(ToyEngine(["pirate", "poet"]))


def targets_of(desk: Desk) -> list[Any]:
    return [target for adapter in desk.adapters.values() for target in adapter.scalable]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("numbers", [[1.0, 1.0, 1.0, 1.0], [0.5, 1.2, 0.9, 0.3], [1.0, 0.0, 1.0, 0.0]])
def test_the_gains_are_those_of_the_mix_that_the_numbers_make(desk: Desk, start: str, numbers: list[float]):
    dials = Dials(FADERS, targets_of(desk), STARTS[start], BOUNDS)
    made = dials.put(numbers)
    assert dials.gains(numbers) == pytest.approx([made.gain(target) for target in targets_of(desk)])
    assert made["pirate"].crossfade == STARTS[start]["pirate"].crossfade, "a crossfade stays where it stands"
    assert made["poet"] == Faders(), "nothing moves what no number is for"


@pytest.mark.parametrize("start", STARTS)
def test_where_all_numbers_are_one_the_mix_is_the_one_that_one_starts_from(desk: Desk, start: str):
    assert Dials(FADERS, targets_of(desk), STARTS[start], BOUNDS).put([1.0] * 4) == STARTS[start]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("numbers", [[0.8, 1.2, 0.9, 0.3], [1.0, 0.0, 0.7, 0.0]])
def test_the_slope_of_each_number_is_what_a_small_move_says(desk: Desk, start: str, numbers: list[float]):
    targets = targets_of(desk)
    dials = Dials(FADERS, targets, STARTS[start], BOUNDS)
    wanted = [0.3 * at - 0.7 for at in range(len(targets))]

    def loss(at: list[float]) -> float:
        return sum((gain - one) ** 2 for gain, one in zip(dials.gains(at), wanted, strict=True))

    of_gains = [2 * (gain - one) for gain, one in zip(dials.gains(numbers), wanted, strict=True)]
    for at, slope in enumerate(dials.slopes(numbers, of_gains)):
        up, down = list(numbers), list(numbers)
        up[at], down[at] = up[at] + 1e-5, down[at] - 1e-5
        assert slope == pytest.approx((loss(up) - loss(down)) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("stands", [1.0, 0.5, -0.5, 2.0])
def test_no_number_takes_its_fader_out_of_its_bounds(desk: Desk, stands: float):
    dials = Dials([Fader("pirate")], targets_of(desk), Mix({"pirate": Faders(master=stands)}), (-1.0, 2.0))
    [(low, high)] = dials.bounds
    assert low <= 1 <= high
    ends = sorted(dials.put([number])["pirate"].master for number in (low, high))
    assert ends == pytest.approx([-1.0, 2.0])


def test_what_is_silent_stays_silent(desk: Desk):
    dials = Dials([Fader("pirate")], targets_of(desk), Mix({"pirate": Faders(master=0.0)}), BOUNDS)
    assert dials.bounds == [(1.0, 1.0)] and dials.put([1.0])["pirate"].master == 0


@pytest.mark.parametrize(
    "bounds, master, words",
    [
        ((0.0, 2.0), 2.5, "pirate · master stands at 2.5, outside of 0 to 2: allow more, or move it"),
        ((0.0, 2.0), -1.0, "stands at -1, outside"),
        ((2.0, 0.0), 1.0, "cannot stay between 2 and 0"),
        ((0.0, float("nan")), 1.0, "cannot stay between 0 and nan"),
        ((0.0, float("inf")), 1.0, "cannot stay between 0 and inf"),
    ],
)
def test_bounds_that_cannot_hold_are_refused(desk: Desk, bounds: tuple[float, float], master: float, words: str):
    with pytest.raises(ValueError, match=words):
        Dials([Fader("pirate")], targets_of(desk), Mix({"pirate": Faders(master=master)}), bounds)


def test_few_numbers_come_first_and_each_level_has_those_before_as_well(desk: Desk):
    levels = levels_of(desk, ["pirate", "poet"], ["targets", "masters", "layers", "kind"])
    assert [len(level) for level in levels] == [2, 6, 10, 18]
    assert levels[0] == [Fader("pirate"), Fader("poet")]
    for fewer, more in zip(levels, levels[1:], strict=False):
        assert more[: len(fewer)] == fewer and len(set(more)) == len(more)


def test_ticked_faders_come_last_once_each_and_words_mean_the_same_in_either_number(desk: Desk):
    ticked = Fader("pirate", "kind", "q_proj")
    levels = levels_of(desk, ["pirate"], ["master", ticked, Fader("pirate"), ticked])
    assert levels == [[Fader("pirate")], [Fader("pirate"), ticked]]
    assert levels_of(desk, ["pirate"], "modules") == levels_of(desk, ["pirate"], "targets")
    assert levels_of(desk, ["pirate"], ticked) == [[ticked]]


@pytest.mark.parametrize(
    "over, words",
    [
        ("knobs", "nothing to learn over called 'knobs': choose from masters, kinds, layers, targets"),
        ([], "nothing to learn over: name masters"),
        (Fader("poet"), "poet · master is not among what is learned over: pirate"),
        (Fader("nobody"), "nobody"),
        (Fader("pirate", "rank"), "how many components are heard cannot be learned"),
        (Fader("pirate", "energy"), "how many components are heard cannot be learned"),
        (Fader("pirate", "layer", 7), "no fader pirate · layer 7: it moves no target"),
        (Fader("pirate", "kind", "up_proj"), "it moves no target"),
    ],
)
def test_what_there_is_not_is_refused_by_name(desk: Desk, over: Any, words: str):
    with pytest.raises(ValueError, match=words):
        levels_of(desk, ["pirate"], over)
