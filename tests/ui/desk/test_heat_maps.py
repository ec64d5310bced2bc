"""Loudness and impact as a page asks for them, and the faders that come of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from helpers.shelved import ask, opened, refused, shelf_host, work
from helpers.tiny import pirate

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.desk import heat_maps
from lora_mixer.ui.page.jobs import Job
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio

TEXT = {"adapter": "pirate", "source": "text", "text": "Ahoy there, mate"}


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


@pytest.mark.parametrize("what", ["silenced", "alone"])
def test_impact_is_measured_on_a_text(console: Studio, what: str) -> None:
    found = work(console, "impact", **TEXT, what=what)["impact"]
    assert found["adapter"] == "pirate" and found["what"] == what and found["complete"] and not found["cut"]
    assert len(found["targets"]) == 14 and len(found["kinds"]) == 7 and set(found["layers"]) == {"0", "1"}
    json.dumps(found, allow_nan=False)


def test_only_the_end_of_a_long_text_is_measured(console: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heat_maps, "MOST_TOKENS", 5)
    found = work(console, "impact", **TEXT, what="silenced")["impact"]
    assert found["cut"] and found["tokens"] == 5


def test_the_chats_last_reply_is_measured(console: Studio) -> None:
    settings = list(asdict(Settings()).values())
    chat = {"adapter": "pirate", "source": "chat", "what": "silenced"}
    empty = [History(), *settings]
    with pytest.raises(HostError, match="no reply"):
        work(console, "impact", values=empty, **chat)
    values = [History().say("Ahoy").answer("there"), *settings]
    found = work(console, "impact", values=values, **chat)["impact"]
    assert found["tokens"] > len("there")


def test_impact_becomes_faders_and_others_stay(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": Faders(master=0.5, layers={1: 0.0})})))
    assert "measure first" in refused(console, "keep top", adapter="pirate", what="silenced", count="3")
    work(console, "impact", **TEXT, what="silenced")
    said = ask(console, "silence idle", adapter="pirate", what="silenced", percent="0")
    assert said["said"] == "7 of 14 targets of pirate are silent now.", "those of the layer that was silent already"
    ask(console, "keep top", adapter="pirate", what="silenced", count="3")
    faders = console.panel.mix["pirate"]
    assert faders.master == 0.5 and faders.layers == {1: 0.0} and len(faders.modules) == 11


def test_a_page_that_is_loaded_again_is_told_what_was_measured(console: Studio) -> None:
    asked = {"adapter": "pirate", "what": "silenced"}
    assert "impact" not in ask(console, "measured", **asked)
    found = work(console, "impact", **TEXT, what="silenced")["impact"]
    again = ask(console, "measured", **asked)["impact"]
    assert again["targets"] == found["targets"] and again["fresh"]
    console.move(Panel(Mix({"pirate": Faders(master=0.5)})))
    assert not ask(console, "measured", **asked)["impact"]["fresh"]


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("keep top", {"count": "-1"}),
        ("keep top", {"count": "2.5"}),
        ("keep top", {"count": "x"}),
        ("silence idle", {"percent": "200"}),
    ],
)
def test_numbers_that_mean_nothing_are_refused(console: Studio, do: str, said: dict) -> None:
    work(console, "impact", **TEXT, what="silenced")
    assert refused(console, do, adapter="pirate", what="silenced", **said)
    assert console.panel == Panel()


def test_an_empty_text_an_unknown_adapter_and_no_desk_are_refused(console: Studio, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="Type a text"):
        work(console, "impact", **{**TEXT, "text": " "}, what="silenced")
    with pytest.raises(ValueError, match="no adapter"):
        work(console, "impact", **{**TEXT, "adapter": "nobody"}, what="silenced")


class Impatient(Job):
    """A job that is stopped after so many words about how far it is."""

    patience = 0

    def tell(self, text: str, part: float | None = None) -> None:
        super().tell(text, part)
        self.patience -= 1
        if self.patience <= 0:
            self.stop()


def test_a_measurement_that_is_stopped_keeps_what_it_knows_or_says_so(console: Studio) -> None:
    page, said = OpenPage(console), cast(Any, {**TEXT, "what": "silenced"})
    job = Impatient()
    assert "Stopped before anything" in heat_maps.impact(page, job, **said)["line"]
    job = Impatient()
    job.patience = 3
    found = heat_maps.impact(page, job, **{**said, "text": "Ahoy there, mate. " * 40}).get("impact")
    assert found is not None and not found["complete"] and found["targets"]
