"""What to try at the next training, as a page asks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.planted import planted
from helpers.shelved import ask, opened, refused, shelf_host, shelve, work

from lora_mixer.lora_ops import RECIPE_FORMATS, Faders, Mix
from lora_mixer.ui.lab.sweep_charts import Charting
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, planted(3)))


def told(console: Studio, of: str, **said: Any) -> dict[str, Any]:
    """The first line with this in its advice."""
    lines = ask(console, "recipe", adapter="pirate", **said)["recipe"]["lines"]
    return next(one for one in lines if of in one["advice"])


def test_lines_and_the_settings_of_every_trainer_are_told(console: Studio) -> None:
    found = json.loads(json.dumps(ask(console, "recipe", adapter="pirate")["recipe"]))
    assert found["adapter"] == "pirate" and [one["form"] for one in found["forms"]] == list(RECIPE_FORMATS)
    texts = {one["form"]: one["text"] for one in found["forms"]}
    assert yaml.safe_load(texts["axolotl"])["lora_r"] == 3 and "r=3" in texts["peft"]
    assert told(console, "r = 3")["sure"] == "measured here"


def test_the_faders_count_as_they_stand(console: Studio) -> None:
    console.move(Panel(mix=Mix({"pirate": Faders(master=0.5, kinds={"k_proj": 0.0})})))
    assert told(console, "alpha = 1.5")["sure"] == "set on the desk"
    assert "k_proj stand at 0" in told(console, "q_proj")["why"]


def test_what_was_measured_on_the_desk_counts_without_being_asked_for(console: Studio) -> None:
    assert told(console, "all 7 kinds")["sure"] == "not known"
    ask(console, "loudness")
    assert "quietest" in told(console, "all 7 kinds")["why"]
    work(console, "impact", adapter="pirate", source="text", text="Ahoy there, mate", what="silenced")
    assert "tokens of one text" in told(console, "_proj")["why"]
    assert told(console, "_proj")["sure"] == "measured here"


def test_a_chart_of_a_text_counts_as_long_as_the_faders_beside_it_stand_as_they_did(console: Studio) -> None:
    pytest.importorskip("plotly")
    Charting(console).of_text("Ahoy there, me hearties", "rank 1, 2, 4, 16")
    assert "perplexity of your text" in told(console, "r = ")["why"]
    console.move(Panel(mix=Mix({"pirate": Faders(master=0.5)})))
    assert "perplexity of your text" in told(console, "r = ")["why"]
    console.move(Panel(mix=Mix({"pirate": Faders(kinds={"k_proj": 0.0})})))
    assert "perplexity of your text" not in told(console, "r = ")["why"]


def test_another_share_of_the_energy_gives_another_rank(console: Studio) -> None:
    assert told(console, "r = 16", percent="100")
    assert told(console, "r = 2", percent="60,5 %")


@pytest.mark.parametrize("percent", ["0", "101", "much", "nan", "-3"])
def test_a_share_that_is_none_is_refused(console: Studio, percent: str) -> None:
    assert "up to 100 %" in refused(console, "recipe", adapter="pirate", percent=percent)


def test_an_adapter_that_is_not_there_is_refused(console: Studio) -> None:
    assert "poet" in refused(console, "recipe", adapter="poet")


def test_where_the_engine_keeps_its_weights_the_folder_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = opened(shelf_host(tmp_path))
    shelve(tmp_path / "loras" / "sailor", r=4)
    work(console, "load", names=["sailor"], keep=False)
    live = ask(console, "recipe", adapter="sailor")["recipe"]
    desk = console.desk()
    assert desk is not None
    monkeypatch.setattr(desk.engine, "why_not", lambda what: "it keeps them" if what == "weights" else "")
    found = ask(console, "recipe", adapter="sailor")["recipe"]
    assert [one["sure"] for one in found["lines"]] == [one["sure"] for one in live["lines"]]
    monkeypatch.setattr(console.host, "loaded_adapters", lambda: {"sailor": None})
    assert "folder is not known" in refused(console, "recipe", adapter="sailor")
