"""What came of learning as data: it survives JSON as everybody reads it, and tells target by target what moved."""

from __future__ import annotations

import json
import math

import pytest
from helpers.toy_engine import TARGETS, ToyEngine

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.learning.learned import Learned, Point, Update, gains_by_target

QUIET = Mix({"pirate": Faders(master=0.5, layers={0: 0.5})})


def learned(before: float, interval: tuple[float, float]) -> Learned:
    curve = (Point(0, 0, 2.0, before, None, Mix()), Point(1, 3, 1.5, 1.6, 0.25, QUIET))
    return Learned(QUIET, before, 1.6, interval, True, "", curve, (0, 3), 2.5, True, 7)


def strictly(found: Learned) -> dict:
    return json.loads(json.dumps(found.to_dict(), allow_nan=False))


def test_it_survives_json_with_its_mixes():
    plain = strictly(learned(2.0, (0.3, 0.5)))
    assert Mix.from_dict(plain["mix"]) == QUIET
    assert [Mix.from_dict(point["mix"]) for point in plain["curve"]] == [Mix(), QUIET]
    assert (plain["before"], plain["interval"], plain["held_out"], plain["seed"]) == (2.0, [0.3, 0.5], [0, 3], 7)
    assert [point["changed"] for point in plain["curve"]] == [None, 0.25]


def test_what_nothing_is_known_of_is_null_in_json():
    nan = float("nan")
    plain = strictly(Learned(Mix(), nan, nan, (nan, nan), False, "too few", (), (), 0.0, True, 1))
    assert plain["before"] is None and plain["after"] is None and plain["interval"] == [None, None]
    assert strictly(learned(2.0, (-math.inf, math.inf)))["interval"] == [None, None]


def test_the_gains_are_told_of_every_target_of_every_adapter():
    desk = Desk(ToyEngine(["pirate", "poet"]))
    found = gains_by_target(QUIET, desk.adapters)
    assert found["pirate"] == {name: 0.25 if ".0." in name else 0.5 for name in TARGETS}
    assert found["poet"] == dict.fromkeys(TARGETS, 1.0)


def test_what_is_left_is_told_from_the_first_step_on():
    assert Update(0, 24, 3.0, None).left is None
    assert Update(6, 24, 3.0, None).left == pytest.approx(9.0)
    assert Update(24, 24, 12.0, None).left == 0
