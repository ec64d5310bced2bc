"""All pages share a classroom, but where strangers share the host."""

from __future__ import annotations

from lora_mixer.ui.learn.classroom import Classrooms


def test_pages_of_one_user_share_it() -> None:
    rooms = Classrooms()
    assert rooms.of("one") is rooms.of("other")
    before = rooms.of("one").rev
    rooms.of("other").changed()
    assert rooms.of("one").rev > before


def test_strangers_have_their_own_and_the_oldest_is_forgotten() -> None:
    rooms = Classrooms(shared=False)
    first, mine = rooms.of("first"), rooms.of("mine")
    assert first is not mine and rooms.of("mine") is mine
    for at in range(23):
        rooms.of(str(at))
        assert rooms.of("mine") is mine
    assert rooms.of("first") is not first
