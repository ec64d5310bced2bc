"""The wires of the fader board: a move is taken or told, and a page is sent what it does not have yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.desk import fader_board
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    console = opened(shelf_host(tmp_path, pirate()))
    console.desk()
    return console


def move(console: Studio, data: Any) -> Any:
    return fader_board._take(console, json.dumps({"do": "panel", "panel": data}))


def poll(console: Studio, message: Any) -> Any:
    """The state that a page is sent; None where it has it."""
    answer = fader_board._answer(console, message if isinstance(message, str) else json.dumps(message))
    return json.loads(answer) if isinstance(answer, str) else None


def is_skip(answer: Any) -> bool:
    return not isinstance(answer, str) and str(answer) == str(gr.skip())


def test_a_move_is_heard_and_nothing_is_sent_back(console: Studio) -> None:
    answer = move(console, Panel(Mix({"pirate": Faders(master=0.5)})).to_dict())
    assert is_skip(answer) and console.panel.mix["pirate"].master == 0.5
    desk = console.desk()
    assert desk is not None and desk.mix["pirate"].master == 0.5


def test_a_move_that_is_refused_changes_nothing_and_makes_the_page_look_again(console: Studio) -> None:
    before, revision = console.panel, console.revision
    told = json.loads(move(console, {"mix": {"adapters": {"pirate": {"volume": 11}}}}))
    assert "volume" in told["refused"]["why"] and console.panel == before and console.revision > revision
    with pytest.raises(gr.Error, match="That move was not taken"):
        fader_board._complain(json.dumps(told))
    for nothing in ("", "{}", "nonsense", '{"refused": 1}'):
        fader_board._complain(nothing)


def test_a_page_is_sent_the_state_once(console: Studio) -> None:
    state = poll(console, {"rev": -1})
    assert state is not None and state["rev"] == console.revision
    assert poll(console, {"rev": state["rev"]}) is None
    console.move(Panel(Mix({"pirate": Faders(master=2.0)})))
    assert poll(console, {"rev": state["rev"]})["rev"] == console.revision


@pytest.mark.parametrize("said", ["", "nonsense", "[]", '{"rev": "x"}', '{"rev": 0, "t": 1e999}', '{"rev": null}'])
def test_whatever_a_page_sends_it_is_sent_the_state(console: Studio, said: str) -> None:
    console.revision += 1
    assert poll(console, said)["rev"] == console.revision


def test_the_range_is_an_order_of_numbers(console: Studio) -> None:
    fader_board._take(console, json.dumps({"do": "range", "min": -1, "max": 3}))
    assert poll(console, {"rev": -1})["fader"] == {"min": -1, "max": 3}
    assert "refused" in json.loads(fader_board._take(console, json.dumps({"do": "range", "min": 1, "max": 0})))
