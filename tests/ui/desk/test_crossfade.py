"""One fader between two mixes: chosen, moved, seen by other pages, swept, and refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.ordered import obey
from helpers.shelved import ask, opened, refused, shelf_host
from helpers.tiny import mix_of, pirate

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.desk import fader_board
from lora_mixer.ui.lab import orders as lab
from lora_mixer.ui.page.panel import Marked, Panel
from lora_mixer.ui.page.state import state
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


def move(console: Studio, t: Any, **panel: Any) -> Any:
    return obey(fader_board, console, "page", {"do": "panel", "panel": {"mix": {"adapters": {}}, **panel}, "t": t})


def test_from_as_loaded_to_the_base_it_is_the_master(console: Studio) -> None:
    ask(console, "crossfade")
    assert console.panel == Panel()  # choosing moves nothing
    told = state(console)["crossfade"]
    assert (told["a"]["title"], told["b"]["title"], told["stands"]) == ("As loaded", "The base model", False)
    assert "refused" not in move(console, 0.25)
    assert console.panel.mix == mix_of(master=0.75)
    told = state(console)["crossfade"]
    assert told["t"] == 0.25 and told["stands"]
    console.move(Panel(mix_of(master=1.5)))
    assert not state(console)["crossfade"]["stands"]


def test_what_is_muted_stays_so(console: Studio) -> None:
    ask(console, "crossfade")
    move(console, 0.5, muted={"adapters": ["pirate"]})
    assert console.panel == Panel(mix_of(master=0.5), muted=Marked(("pirate",)))


def test_it_goes_between_profiles_columns_and_where_the_faders_stood(console: Studio) -> None:
    desk = console.desk()
    console.move(Panel(mix_of(kinds={"q_proj": 0.0})))
    ask(console, "save", name="quiet")
    console.lab.change(console.lab.setup.add("kept", "loud", mix_of(master=2.0)))
    key = console.lab.setup.slots[-1].key
    console.move(Panel(mix_of(layers={0: 3.0})))
    for source, title, mix in (
        ("profile:quiet", "quiet", mix_of(kinds={"q_proj": 0.0})),
        (f"column:{key}", "C · loud", mix_of(master=2.0)),
        ("faders", "Where the faders stood", mix_of(layers={0: 3.0})),
        ("base", "The base model", desk.base()),
    ):
        ask(console, "crossfade", b=source)
        told = state(console)["crossfade"]["b"]
        assert (told["source"], told["title"]) == (source, title)
        assert told["mix"] == mix.to_dict()
        move(console, 0.5)
        between = Mix.between(Mix(), mix, 0.5)
        assert [console.panel.mix.gain(one) for one in desk.adapters["pirate"].targets] == [
            between.gain(one) for one in desk.adapters["pirate"].targets
        ]
        console.move(Panel(mix_of(layers={0: 3.0})))


@pytest.mark.parametrize("source", ["", "nobody", "column:99", "column:x", "profile:", "profile:../x", "kept"])
def test_what_is_not_there_is_refused_and_the_ends_stay(console: Studio, source: str) -> None:
    ask(console, "crossfade", a="base", b="as loaded")
    before = console.crossfader
    if source:
        assert refused(console, "crossfade", b=source)
    assert console.crossfader == before


def test_between_two_ranks_nothing_can_be_chosen_and_that_is_said(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": Faders(rank=2)})))
    assert "no number of components" in refused(console, "crossfade", a="faders", b="as loaded")
    ask(console, "crossfade", a="faders", b="base")
    move(console, 0.5)
    assert console.panel.mix["pirate"] == Faders(master=0.5, rank=2)


@pytest.mark.parametrize("t", [-1, 2, "0.5", True])
def test_a_place_that_is_none_moves_nothing(console: Studio, t: Any) -> None:
    ask(console, "crossfade")
    assert move(console, t)["refused"]
    assert console.panel == Panel()


def test_nobody_has_chosen_yet(console: Studio) -> None:
    assert "choose them first" in move(console, 0.5)["refused"]["why"]


def test_columns_out_of_a_crossfade(console: Studio) -> None:
    line = "crossfade 0 to 1 in 0.25"
    assert "Choose its two mixes" in obey(lab, console, "page", {"do": "fill", "x": line})["refused"]["why"]
    console.move(Panel(mix_of(kinds={"q_proj": 0.0}, layers={0: 2.0})))
    ask(console, "crossfade", a="faders", b="base")
    answer = obey(lab, console, "page", {"do": "fill", "x": line})
    assert line in answer["setup"]["examples"]
    kept = [slot.kept for slot in console.lab.setup.slots]
    assert [mix["pirate"].master for mix in kept[:-1]] == [1, 0.75, 0.5, 0.25]
    assert kept[-1] == console.desk().base()
    assert [slot.name for slot in console.lab.setup.slots][1] == "crossfade 0.25"


def test_it_moves_over_a_reply_until_it_is_moved_by_hand(console: Studio) -> None:
    ask(console, "crossfade", a="base", b="as loaded")
    assert "0 at 0, 1 at 40" in ask(console, "crossfade over", points="0 at 0, 1 at 40")["said"]
    told = state(console)["crossfade"]
    assert (told["over"], told["t"], told["stands"]) == ("0 at 0, 1 at 40", 0.0, True)
    target = console.desk().adapters["pirate"].targets[0]
    assert [console.desk().mix.at(token).gain(target) for token in (0, 20, 40, 90)] == [0, 0.5, 1, 1]
    move(console, 0.75)
    assert state(console)["crossfade"]["over"] == "" and console.panel.mix == mix_of(master=0.75)
    ask(console, "crossfade over", points="1 at 3")
    ask(console, "crossfade over", points=" ")
    assert not console.panel.mix.faded and state(console)["crossfade"]["t"] == 1


@pytest.mark.parametrize("points", ["loud", "0 at 0, 2 at 40", "-1 at 0"])
def test_what_is_no_way_over_a_reply_moves_nothing(console: Studio, points: str) -> None:
    assert "choose them first" in refused(console, "crossfade over", points="0 at 0")
    ask(console, "crossfade")
    assert refused(console, "crossfade over", points=points)
    assert console.panel == Panel()
