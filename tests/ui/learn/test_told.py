"""What a page is told: lists of bounded length, numbers that survive JSON, faders that moved most."""

from __future__ import annotations

import json
import math
from pathlib import Path

from helpers.shelved import ask, opened, shelf_host
from helpers.tiny import mix_of, pirate

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.learning.examples import Example
from lora_mixer.lora_ops.learning.learned import Learned, Point
from lora_mixer.ui.learn.attempt import Attempt
from lora_mixer.ui.learn.basket import Wanted
from lora_mixer.ui.learn.told import moved


def test_thousands_of_examples_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate()))
    room = console.classrooms.of("page")
    room.basket.add(Wanted(Example(f"Ahoy {at}", "x" * 5000), "big.jsonl") for at in range(3000))
    told = ask(console, "learning")["learning"]
    assert told["count"] == 3000 and len(told["examples"]) == 200 and len(json.dumps(told)) < 200_000


def test_numbers_that_nobody_knows_are_none(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate()))
    attempt = console.classrooms.of("page").attempt = Attempt("votes", 3, "tiny", Mix())
    nan = math.nan
    attempt.end(Learned(Mix(), nan, nan, (-math.inf, math.inf), False, "too few", (), (), 0.0, True, 0))
    attempt.points = [Point(0, 0, nan, nan, None, Mix())]
    told = ask(console, "learning")["learning"]["attempt"]
    json.dumps(told, allow_nan=False)
    assert told["found"]["before"] is None and told["found"]["low"] is None and told["points"][0]["seen"] is None


def test_the_faders_that_moved_most_come_first_each_way() -> None:
    start = mix_of(master=1.0, kinds={"q_proj": 0.5})
    kinds = {"q_proj": 0.6, "v_proj": 0.0, "k_proj": 1.4}
    told = moved(start, Mix({"pirate": Faders(master=0.9, kinds=kinds, layers={3: 0.2})}))
    assert told["down"] == [("pirate: v_proj", 1.0, 0.0), ("pirate: layer 3", 1.0, 0.2), ("pirate: master", 1.0, 0.9)]
    assert told["up"] == [("pirate: k_proj", 1.0, 1.4), ("pirate: q_proj", 0.5, 0.6)]
    many = moved(Mix(), Mix({"pirate": Faders(layers=dict.fromkeys(range(20), 0.5))}))
    assert len(many["down"]) == 8 and many["count"] == [20, 0]
