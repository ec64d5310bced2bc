"""Where learning happens: what is learned over there, and where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.tiny import mix_of

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.learning.room import Room


def room(desk: Desk, mix: Mix | None = None, adapters: Any = None, over: Any = "masters", **more: Any) -> Room:
    return Room(desk, mix, adapters, over, more.get("bounds", (0.0, 2.0)), locked=False)


def test_it_is_about_the_adapters_that_are_heard_and_starts_where_the_faders_stand():
    desk = Desk(tiny.two())
    desk.apply(mix_of(master=0.5))
    found = room(desk)
    assert {target.adapter for target in found.targets} == {"pirate", "poet"} and found.mix == desk.mix
    assert set(found.gains(found.mix)) == {0.5, 1.0}
    assert [len(dials) for dials in found.levels] == [2]
    assert {target.adapter for target in room(desk, adapters=["poet"]).targets} == {"poet"}


def test_what_cannot_be_learned_over_is_refused_by_name():
    desk = Desk(tiny.two())
    with pytest.raises(ValueError, match="'poet' is not heard"):
        room(desk, Mix.from_dict({"adapters": {"poet": {"on": False}}}), adapters=["poet"])
    with pytest.raises(ValueError, match="no adapter is heard"):
        room(desk, desk.base())
    with pytest.raises(ValueError, match="stands at 1.9, outside of 0 to 1.5"):
        room(desk, mix_of(master=1.9), bounds=(0.0, 1.5))
