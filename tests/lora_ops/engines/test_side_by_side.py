"""Replies side by side, of somebody made up: at most so many at once, each token told, and nobody left talking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lora_mixer.lora_ops import Mix
from lora_mixer.lora_ops.engines.calls import ServerError
from lora_mixer.lora_ops.engines.engine import Token, Voice
from lora_mixer.lora_ops.engines.side_by_side import say_together


class Asked:
    """A reply of so many tokens: the seed of its voice, over and over; then what it ends with."""

    def __init__(self, among: Server, voice: Voice) -> None:
        self._among, self.voice, self.off = among, voice, threading.Event()
        self.apart = among.apart(voice)

    def tokens(self) -> Iterator[Token]:
        among = self._among
        with among.counting(self):
            for said in range(5 if self.voice.seed in among.failing else among.length):
                if said == among.waits_after:
                    self.off.wait(30)
                if self.off.is_set():
                    return
                time.sleep(0.002)
                yield Token(self.voice.seed)
            if self.voice.seed in among.failing:
                raise among.failing[self.voice.seed]

    def call_off(self) -> None:
        self.off.set()


class Server:
    """Counts who speaks."""

    def __init__(self, length: int = 5, apart: Callable[[Voice], Any] = lambda voice: None) -> None:
        self.length, self.apart = length, apart
        self.failing: dict[int, BaseException] = {}
        self.waits_after: int | None = None
        self.asked: list[Asked] = []
        self.running: list[Asked] = []
        self.most = 0
        self.together: set[frozenset[int]] = set()
        self._lock = threading.Lock()

    def ask(self, voice: Voice) -> Asked:
        self.asked.append(Asked(self, voice))
        return self.asked[-1]

    def counting(self, one: Asked) -> Any:
        server = self

        class Counting:
            def __enter__(self) -> None:
                with server._lock:
                    server.running.append(one)
                    server.most = max(server.most, len(server.running))
                    server.together.add(frozenset(other.voice.seed for other in server.running))

            def __exit__(self, *_: Any) -> None:
                with server._lock:
                    server.running.remove(one)

        return Counting()

    def hear(self, voices: list[Voice], at_once: int, most: int | None = None) -> list[list[int]]:
        """What each says, until it has said so much."""
        found: list[list[int]] = [[] for _ in voices]

        def hear(tokens: Mapping[int, Token]) -> list[bool]:
            for row, token in tokens.items():
                found[row].append(token.id)
            return [most is not None and len(one) >= most for one in found]

        say_together(voices, self.ask, hear, at_once)
        return found


def voices(*seeds: int) -> list[Voice]:
    return [Voice(Mix(), seed) for seed in seeds]


@pytest.mark.parametrize("at_once", [0, 1, 2, 5, 9])
def test_each_says_all_of_its_own_and_at_most_so_many_speak_at_once(at_once: int):
    server = Server()
    assert server.hear(voices(1, 2, 3, 4, 5), at_once) == [[seed] * 5 for seed in (1, 2, 3, 4, 5)]
    assert server.most <= max(1, at_once) and not server.running


def test_voices_that_are_alike_are_asked_once_and_all_told():
    server = Server()
    assert server.hear(voices(7, 8, 7, 7), 4) == [[7] * 5, [8] * 5, [7] * 5, [7] * 5]
    assert sorted(one.voice.seed for one in server.asked) == [7, 8]


def test_two_that_must_be_apart_never_speak_at_the_same_time():
    server = Server(apart=lambda voice: voice.seed % 2)
    assert server.hear(voices(1, 2, 3, 4, 5), 5) == [[seed] * 5 for seed in (1, 2, 3, 4, 5)]
    assert all(len(seeds) <= 2 and len({seed % 2 for seed in seeds}) == len(seeds) for seeds in server.together)


def test_who_is_not_wanted_any_more_is_called_off_though_it_would_go_on():
    server = Server(length=10_000)
    assert server.hear(voices(1, 2), 2, most=3) == [[1] * 3, [2] * 3]
    assert all(one.off.is_set() for one in server.asked)


def test_who_was_still_waiting_and_is_not_wanted_any_more_is_never_begun():
    server, heard = Server(), []

    def hear(tokens: Mapping[int, Token]) -> list[bool]:
        heard.extend(token.id for token in tokens.values())
        return [False, True]

    say_together(voices(1, 2), server.ask, hear, 1)
    assert heard == [1] * 5 and server.together == {frozenset({1})}


def test_a_listener_is_asked_though_nothing_comes():
    server = Server()
    server.waits_after = 1
    left = 3

    def hear(tokens: Mapping[int, Token]) -> list[bool]:
        nonlocal left
        left -= not tokens
        return [left <= 0]

    say_together(voices(1), server.ask, hear, 1)
    assert left == 0 and server.asked[0].off.is_set()


def test_one_that_fails_is_told_after_what_it_said_and_ends_the_others():
    server, heard = Server(length=10_000), []
    server.failing[1] = ServerError("out of luck")

    def hear(tokens: Mapping[int, Token]) -> list[bool]:
        heard.extend(token.id for token in tokens.values())
        return [False, False, False]

    with pytest.raises(ServerError, match="out of luck"):
        say_together(voices(1, 2, 3), server.ask, hear, 2)
    assert heard.count(1) == 5
    assert [one.off.is_set() for one in server.asked] == [True, True, False]
    assert server.together <= {frozenset({1}), frozenset({2}), frozenset({1, 2})}, "the third never began"


def test_one_that_fails_when_nobody_wants_to_hear_it_any_more_is_no_failure():
    server = Server()
    server.failing[1] = ServerError("out of luck")
    assert server.hear(voices(1, 2), 2, most=5) == [[1] * 5, [2] * 5]


def test_a_listener_that_fails_leaves_nobody_talking():
    server = Server(length=10_000)

    def hear(tokens: Mapping[int, Token]) -> list[bool]:
        raise KeyError("listener")

    with pytest.raises(KeyError, match="listener"):
        say_together(voices(1, 2), server.ask, hear, 2)
    assert all(one.off.is_set() for one in server.asked)


def test_nobody_to_speak_is_nothing_to_do():
    assert Server().hear([], 3) == []
