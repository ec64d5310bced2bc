"""What a page may order of a chat that answers twice."""

from __future__ import annotations

from helpers.browser import host_of
from helpers.gauge import Gauge
from helpers.ordered import obey

from lora_mixer.ui.chat import answer_twice_wires
from lora_mixer.ui.chat.answer_twice import Twice
from lora_mixer.ui.page.studio import Studio


def test_strangers_cannot_switch_it_on(model: Gauge) -> None:
    console = Studio(host_of(model.model, model.tokenizer, multi_user=True))
    said = obey(answer_twice_wires, console, "page", {"do": "switch", "on": True, "seq": 4})
    assert said["re"] == 4 and "Strangers share this host" in said["refused"]["why"] and not console.twice.on
    assert console.twice.to_dict()["why"]


def test_orders_that_nobody_understands_are_refused(twice: Twice) -> None:
    for order in ({"do": "dance"}, {"do": "choose"}, {"do": "choose", "one": "x", "other": "base", "blind": True}):
        assert "refused" in obey(answer_twice_wires, twice.console, "page", order), order  # type: ignore[arg-type]
    assert (twice.one, twice.other, twice.blind, twice.on) == ("faders", "base", True, True)
