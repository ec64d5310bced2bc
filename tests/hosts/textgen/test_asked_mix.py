"""The mix that a request asks for is known wherever that request is answered, and nowhere else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from lora_mixer.hosts.textgen.asked_mix import ASKED, scales_at
from lora_mixer.lora_ops import Faders, Mix

LOUD = Mix({"pirate": Faders(master=2.0)})
FADING = Mix.from_dict({"adapters": {"pirate": {"fades": {"master": [[0, 0], [4, 2]]}}}})


def engine() -> Any:
    return SimpleNamespace(lora_at=lambda token: ("faders", token), lora=lambda mix: mix["pirate"].master)


def test_who_asks_for_no_mix_hears_the_faders() -> None:
    at: Any = scales_at(engine())
    assert at(3) == ("faders", 3)


def test_who_asks_for_one_hears_that_as_it_fades_in_each_thread_of_its_own() -> None:
    at: Any = scales_at(engine())

    async def request(mix: Mix) -> list[Any]:
        ASKED.set(mix)
        return [await asyncio.to_thread(at, token) for token in (0, 4)]

    async def both() -> list[list[Any]]:
        return list(await asyncio.gather(request(LOUD), request(FADING)))

    assert asyncio.run(both()) == [[2.0, 2.0], [0.0, 2.0]]
    assert at(0) == ("faders", 0)
