"""What is done with a mix that was learned: on the desk, compared, kept, baked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.shelved import ask, refused, work
from helpers.taught import PLAIN, classroom

from lora_mixer.lora_ops.profiles import Profiles
from lora_mixer.ui.page.studio import Studio

BAKE = {"profile": "", "names": ["pirate"], "way": "patterned", "name": "learned"}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    console = classroom(tmp_path_factory.mktemp("home"))
    work(console, "learn", **PLAIN)
    return console


def mix(console: Studio):
    attempt = console.classrooms.of("page").attempt
    assert attempt is not None
    return attempt.mix_at(None)


def test_it_goes_on_the_desk_and_so_does_every_mix_on_the_way(console: Studio) -> None:
    ask(console, "learn put", place=0)
    assert console.panel.mix["pirate"].master == 1
    assert "learned is on the desk" in ask(console, "learn put")["said"]
    desk = console.desk()
    assert desk is not None and desk.mix == mix(console) and desk.mix["pirate"].master < 0.6
    assert "no such mix" in refused(console, "learn put", place=99)


def test_columns_are_as_learned_as_loaded_and_the_base_and_no_column_of_its_user_is_lost(console: Studio) -> None:
    key = ask_lab(console)
    answer = ask(console, "learn columns")
    slots = console.lab.setup.slots
    assert [slot.plays for slot in slots] == ["kept", "as loaded", "base", "kept"]
    assert slots[0].kept == mix(console) and slots[3].name == key
    attempt = console.classrooms.of("page").attempt
    assert attempt is not None and attempt.found is not None
    asked = [json.loads(line)["messages"][0]["content"] for line in answer["ask"].splitlines()]
    assert asked == [f"Ahoy {at}" for at in attempt.found.held_out]
    ask(console, "learn columns")
    assert len(console.lab.setup.slots) == 4


def ask_lab(console: Studio) -> str:
    """A column that its user kept; its name."""
    from lora_mixer.ui.lab.columns import KEPT

    console.lab.change(console.lab.setup.add(KEPT, "my own", console.panel.mix.__class__()))
    return "my own"


def test_it_is_kept_as_a_profile_and_nothing_is_overwritten_unasked(console: Studio) -> None:
    assert "Saved" in ask(console, "learn keep", name="learned")["said"]
    folder = console.host.user_data
    assert folder is not None
    kept = Profiles(folder / "profiles").load("learned")
    assert kept.mix == mix(console) and kept.note == "Learned from 8 replies."
    assert "learned" in refused(console, "learn keep", name="learned")
    assert "Saved" in ask(console, "learn keep", name="learned", overwrite=True)["said"]


def test_it_is_baked_wherever_the_faders_stand(console: Studio) -> None:
    ask(console, "learn put", place=0)
    made = work(console, "bake", **BAKE, learned=True)
    assert made["baked"]["checked"]
    folder = console.host.lora_dir
    assert folder is not None
    config = json.loads((folder / "learned" / "adapter_config.json").read_text("utf-8"))
    assert config["lora_alpha"] == pytest.approx(8 * mix(console)["pirate"].master, rel=1e-3) or config["alpha_pattern"]


def test_without_anything_learned_it_is_refused_by_name(tmp_path: Path) -> None:
    console = classroom(tmp_path)
    for do, said in (("learn put", {}), ("learn columns", {}), ("learn keep", {"name": "x"})):
        assert "nothing was learned" in refused(console, do, **said).lower()


def test_what_does_not_fit_any_more_is_refused_and_moves_nothing(console: Studio) -> None:
    attempt = console.classrooms.of("page").attempt
    assert attempt is not None
    before, attempt.model = console.panel, "another"
    try:
        assert "another" in refused(console, "learn put")
        assert console.panel == before
    finally:
        attempt.model = console.host.model_name
