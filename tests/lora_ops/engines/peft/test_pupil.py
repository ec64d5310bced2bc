"""Slopes as small moves of the gains say they are, on every kind of base; and lessons side by side as each alone."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.lesson import Lesson
from lora_mixer.lora_ops.engines.peft.aims import Likely, Preferred, Unchanged
from lora_mixer.lora_ops.engines.peft.engine import peft_engine
from lora_mixer.lora_ops.engines.peft.pupil import Pupil

LESSONS = [
    Lesson(tuple(tiny.ids_of(prompt)), tuple(tiny.ids_of(reply)))
    for prompt, reply in [("Ahoy there", "who goes"), ("Hello", "the sea is calm tonight"), ("I", "am")]
]


def pupil_of(model: Any) -> tuple[Pupil, int]:
    desk = Desk(model)
    targets = desk.adapters["pirate"].scalable
    return Pupil(peft_engine(desk), targets, Mix(), desk.rows), len(targets)


def aims(pupil: Pupil, gains: list[float]) -> list[Any]:
    base = Mix({"pirate": Faders(on=False)})
    logs = [one.logprob for one in pupil.hear(LESSONS[:2], gains)]
    return [
        Likely(LESSONS),
        Unchanged(LESSONS, pupil.base(base)),
        Preferred([(LESSONS[0], LESSONS[1])], [(logs[0] - 1, logs[1])]),
    ]


@pytest.mark.parametrize("checkpointing", [False, True], ids=["remembered", "worked out twice"])
def test_the_slope_of_each_gain_is_what_a_small_move_says(checkpointing: bool):
    pupil, count = pupil_of(tiny.pirate())
    pupil.checkpointing = checkpointing
    gains = [0.8] * count
    for aim in aims(pupil, gains):
        loss, slopes = pupil.slope(aim, gains)
        assert loss == pytest.approx(pupil.loss(aim, gains), abs=1e-5)
        for at in range(count):
            up, down = list(gains), list(gains)
            up[at], down[at] = up[at] + 0.01, down[at] - 0.01
            assert slopes[at] == pytest.approx((pupil.loss(aim, up) - pupil.loss(aim, down)) / 0.02, abs=5e-3)


def test_lessons_side_by_side_are_as_likely_as_each_alone():
    pupil, count = pupil_of(tiny.pirate())
    gains = [0.5] * count
    together = pupil.hear(LESSONS, gains)
    for lesson, heard in zip(LESSONS, together, strict=True):
        [alone] = pupil.hear([lesson], gains)
        assert len(heard.nats[0]) == len(lesson.reply)
        assert heard.nats[0] == pytest.approx(alone.nats[0], abs=1e-4)


@pytest.mark.parametrize("model", [tiny.pirate, lambda: tiny.pirate(tiny.opt())], ids=["rows apart", "rows mixed up"])
def test_the_slopes_of_each_part_are_those_of_its_lessons_alone(model: Any):
    pupil, count = pupil_of(model())
    gains = [0.8] * count
    for aim in aims(pupil, gains):
        several = len(aim.groups) > 1
        parts = [[0], list(range(1, len(aim.groups)))] if several else [[0]]
        found = pupil.moments(aim, gains, parts)
        assert [sum(of) for of in zip(*(sums for sums, _ in found), strict=True)] == pytest.approx(
            pupil.slope(aim, gains)[1], abs=1e-5
        )
        assert found[0][1] == pytest.approx([one**2 for one in found[0][0]], abs=1e-9), "of one group alone"
        if several:
            assert all(square <= total**2 or square > 0 for total, square in zip(*found[1], strict=True))
            [alone] = pupil.moments(Likely([LESSONS[0]]), gains, [[0]])
            if isinstance(aim, Likely):
                share = len(LESSONS[0].reply) / aim.count
                assert found[0][0] == pytest.approx([one * share for one in alone[0]], abs=1e-5)
