"""Profiles and shapes in a browser: saved, put back, renamed, deleted after asking, shared as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, Mixer, standalone, wait_until
from helpers.shelved import mix_tab, shelf_host
from helpers.tiny import pirate
from playwright.sync_api import expect

from lora_mixer.lora_ops import Faders

pytestmark = pytest.mark.browser
HOSTILE = "quiet & low"


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    with standalone(shelf_host(tmp_path_factory.mktemp("home"), pirate())) as running:
        yield running


@pytest.fixture
def desk(mixer: Mixer, visit: Any) -> Any:
    mixer.afresh()
    for path in (mixer.host.user_data / "profiles").glob("*.json"):
        path.unlink()
    mixer.console.works.kept += 1
    return mix_tab(visit(mixer.url))


def save(desk: Any, name: str, restore: bool = False) -> None:
    desk.locator("#lora-mixer-profile-save").click()
    desk.locator("#lora-mixer-profile-name").fill(name)
    if restore:
        desk.locator("#lora-mixer-profile-restore").check()
    desk.locator("[data-do=save-profile]").click()
    expect(desk.locator("#lora-mixer-profile-said")).to_contain_text(f"Saved as “{name}”")


def test_a_mix_is_saved_put_back_and_can_be_undone(mixer: Mixer, desk: Any) -> None:
    board = Board(desk.page)
    board.master().fill("0.5")
    board.label("q_proj fader of pirate").fill("0")
    wait_until(desk.page, lambda: mixer.console.panel.mix["pirate"].kinds == {"q_proj": 0.0}, "the faders")
    save(desk, HOSTILE)
    expect(desk.locator(".lora-mixer-profile-at")).to_contain_text(f"“{HOSTILE}” is on the desk")
    board.master().fill("1.5")
    expect(desk.locator(".lora-mixer-profile-at")).to_contain_text("moved since")
    wait_until(desk.page, lambda: mixer.console.panel.mix["pirate"].master == 1.5, "the fader")
    desk.locator("#lora-mixer-profile-put").click()
    expect(board.master()).to_have_value("0.5")
    assert set(mixer.gains().values()) == {0.5, 0.0}
    board.press("undo")
    expect(board.master()).to_have_value("1.5")


def test_the_fold_out_renames_exports_imports_and_deletes_after_asking(mixer: Mixer, desk: Any, tmp_path: Path) -> None:
    save(desk, "one")
    desk.locator("#lora-mixer-profile-more").click()
    row = desk.locator("[data-profile=one]")
    with desk.page.expect_download() as download:
        row.locator("[data-do=export]").click()
    kept = tmp_path / "kept.json"
    download.value.save_as(kept)
    assert json.loads(kept.read_text(encoding="utf-8"))["name"] == "one"
    row.get_by_label("Put one back by itself when its adapters are loaded").check()
    wait_until(desk.page, lambda: "true" in _file(mixer, "one").split('"restore": ')[1][:5], "it is kept")
    row.locator("[data-do=rename]").click()
    row.get_by_label("New name of one").fill("two")
    row.locator("[data-do=rename]").click()
    expect(desk.locator("[data-profile=two]")).to_be_visible()
    desk.locator("#lora-mixer-profile-list input[type=file]").set_input_files(str(kept))
    expect(desk.locator("[data-profile=one]")).to_be_visible()
    gone = desk.locator("[data-profile=two]")
    gone.locator("[data-do=delete]").click()
    assert _names(mixer) == ["one", "two"], "it asks first"
    gone.locator("[data-do=delete-yes]").click()
    expect(gone).to_have_count(0)
    assert _names(mixer) == ["one"]


def test_what_does_not_fit_is_said_in_words(mixer: Mixer, desk: Any, tmp_path: Path) -> None:
    odd = {"version": 1, "name": "odd", "mix": {"adapters": {"pirate": {"layers": {"0": 0.5, "29": 0.0}}}}}
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(odd), encoding="utf-8")
    desk.locator("#lora-mixer-profile-more").click()
    desk.locator("#lora-mixer-profile-list input[type=file]").set_input_files(str(file))
    expect(desk.locator("[data-profile=odd]")).to_contain_text("no layer 29")
    desk.locator("[data-profile=odd] [data-do=put]").click()
    expect(desk.locator("#lora-mixer-profile-said")).to_contain_text("Left out")
    assert mixer.console.panel.mix["pirate"].layers == {0: 0.5}
    file.write_text("{", encoding="utf-8")
    desk.locator("#lora-mixer-profile-list input[type=file]").set_input_files(str(file))
    expect(desk.locator("#lora-mixer-profile-said")).to_contain_text("not JSON")


def test_a_shape_is_one_click_and_one_undo(mixer: Mixer, desk: Any) -> None:
    board = Board(desk.page)
    desk.locator("[data-shape=attention]").click()
    wait_until(desk.page, lambda: mixer.gains()["layers.0.mlp.up_proj"] == 0, "the shape")
    assert mixer.gains()["layers.0.self_attn.q_proj"] == 1
    expect(board.label("up_proj fader of pirate")).to_have_value("0")
    board.press("undo")
    wait_until(desk.page, lambda: set(mixer.gains().values()) == {1.0}, "back as loaded")


def test_how_many_components_are_heard_stays_while_other_faders_move(mixer: Mixer, desk: Any) -> None:
    board = Board(desk.page)
    board.master().fill("0.5")
    wait_until(desk.page, lambda: mixer.console.panel.mix["pirate"].master == 0.5, "the fader")
    save(desk, "two")
    path = mixer.host.user_data / "profiles" / "two.json"
    data = json.loads(_file(mixer, "two"))
    data["mix"]["adapters"]["pirate"]["rank"] = 2
    path.write_text(json.dumps(data), encoding="utf-8")
    desk.locator("#lora-mixer-profile-put").click()
    wait_until(desk.page, lambda: mixer.console.panel.mix["pirate"].rank == 2, "the profile")
    expect(board.strip("pirate").locator("[data-rank=components]")).to_have_value("2")
    board.master().fill("1.5")
    wait_until(desk.page, lambda: mixer.console.panel.mix["pirate"].master == 1.5, "the fader")
    assert mixer.console.panel.mix["pirate"].rank == 2
    assert mixer.console.desk().mix["pirate"] == Faders(master=1.5, rank=2)
    board.press("reset")
    wait_until(desk.page, lambda: not mixer.console.desk().mix.adapters, "the reset")
    board.press("undo")
    wait_until(desk.page, lambda: mixer.console.desk().mix["pirate"].rank == 2, "the undo")


def test_a_column_plays_a_profile(mixer: Mixer, desk: Any) -> None:
    page = desk.page
    Board(page).master().fill("0.25")
    wait_until(page, lambda: mixer.console.panel.mix["pirate"].master == 0.25, "the fader")
    save(desk, "quarter")
    page.locator("#lora-mixer-plays-B").select_option("profile:quarter")
    expect(page.locator("#lora-mixer-compare .lora-mixer-column-name").nth(1)).to_have_value("quarter")
    slot = mixer.console.lab.setup.slots[1]
    assert slot.kept is not None and slot.kept["pirate"].master == 0.25


def _file(mixer: Mixer, name: str) -> str:
    return (mixer.host.user_data / "profiles" / f"{name}.json").read_text(encoding="utf-8")


def _names(mixer: Mixer) -> list[str]:
    return sorted(path.stem for path in (mixer.host.user_data / "profiles").glob("*.json"))
