"""The shelf in a browser: found, loaded, laid beside, removed, annotated; damaged, foreign and hundreds of adapters."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Mixer, standalone
from helpers.shelved import adapters_tab, mix_tab, shelf_host, shelve
from helpers.tiny import pirate
from playwright.sync_api import expect

from lora_mixer.ui.adapters import orders as adapters

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=pwned=1>"


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    home = tmp_path_factory.mktemp("home")
    loras = home / "loras"
    shelve(loras / "poet", r=2)
    shelve(loras / HOSTILE)
    for step in (20, 100):
        shelve(loras / "run" / f"checkpoint-{step}")
    damaged = shelve(loras / "damaged")
    (damaged / "adapter_model.safetensors").write_bytes(b"12345678901234567890")
    with standalone(shelf_host(home)) as running:
        yield running


@pytest.fixture
def shelf(mixer: Mixer, visit: Any) -> Iterator[Any]:
    """The shelf on a fresh page, nothing loaded."""
    if mixer.host.loaded_adapters():
        mixer.host.unload_adapters()
    mixer.console.refresh()
    yield adapters_tab(visit(mixer.url))


def line(shelf: Any, name: str) -> Any:
    return shelf.locator(f'[data-entry="{name}"]')


def press(shelf: Any, name: str, do: str) -> None:
    line(shelf, name).locator(f"[data-do={do}]").click()


def loaded(mixer: Mixer) -> list[str]:
    return list(mixer.host.loaded_adapters())


def test_adapters_are_loaded_laid_beside_and_removed_and_the_host_agrees(mixer: Mixer, shelf: Any) -> None:
    page = shelf.page
    expect(page.locator("#lora-mixer-shelf-count")).to_contain_text("adapters")
    expect(line(shelf, "poet")).to_contain_text("tiny/llama")
    press(shelf, "poet", "load")
    expect(line(shelf, "poet").locator(".lora-mixer-badge.is-loaded")).to_be_visible()
    expect(page.locator("#page-header")).to_contain_text("poet")
    press(shelf, HOSTILE, "add")
    expect(line(shelf, HOSTILE).locator(".lora-mixer-badge.is-loaded")).to_be_visible()
    assert loaded(mixer) == ["poet", HOSTILE]
    expect(page.locator("#page-header")).to_contain_text(HOSTILE)
    assert page.evaluate("typeof pwned") == "undefined"
    desk = mix_tab(page)
    expect(desk.locator("h3")).to_have_text(["poet", HOSTILE])
    shelf = adapters_tab(page)
    press(shelf, "poet", "remove")
    expect(page.locator("#lora-mixer-shelf-said")).to_contain_text("Unloaded poet")
    assert loaded(mixer) == [HOSTILE]
    page.locator("#lora-mixer-unload-all").click()
    expect(page.locator("#lora-mixer-shelf-said")).to_contain_text("base model")
    expect(page.locator("#lora-mixer-unload-all")).to_be_disabled()
    assert loaded(mixer) == []


def test_a_job_begun_the_moment_another_ends_is_not_lost(
    mixer: Mixer, shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = adapters.begin

    def lingers(*job: Any) -> Iterator[Any]:
        yield from begin(*job)
        time.sleep(2)  # the page knows that it is over, Gradio does not

    monkeypatch.setattr(adapters, "begin", lingers)
    press(shelf, "poet", "load")
    expect(shelf.page.locator("#lora-mixer-shelf-said")).to_contain_text("Loaded poet")
    press(shelf, HOSTILE, "add")
    expect(shelf.page.locator("#lora-mixer-shelf-said")).to_contain_text(f"Loaded {HOSTILE}")
    assert len(loaded(mixer)) == 2


def test_a_job_that_python_never_heard_of_is_said_not_to_be_begun(mixer: Mixer, shelf: Any) -> None:
    page = shelf.page
    press(shelf, "poet", "load")
    expect(page.locator("#lora-mixer-shelf-said")).to_contain_text("Loaded poet")
    page.evaluate("""() => {
      const { wire } = loraMixer;
      const { write } = wire;
      wire.write = (id, text) => {
        if (id !== "lora-mixer-works-start") return write(id, text);
        wire.write = write;
        return true;
      };
    }""")
    line_of_job = shelf.locator(".lora-mixer-job")
    press(shelf, HOSTILE, "add")
    expect(line_of_job).to_contain_text("not begun: press again")
    expect(page.locator("#lora-mixer-shelf-said")).to_be_hidden()  # and nothing is said of the job before
    assert loaded(mixer) == ["poet"]
    press(shelf, HOSTILE, "add")
    expect(page.locator("#lora-mixer-shelf-said")).to_contain_text(f"Loaded {HOSTILE}")
    expect(line_of_job).not_to_contain_text("press again")


def test_a_gain_is_chosen_before_loading(mixer: Mixer, shelf: Any) -> None:
    field = shelf.get_by_label("Gain to load at", exact=True)
    field.fill("0.5")
    field.press("Enter")
    press(shelf, "poet", "load")
    expect(shelf.page.locator("#lora-mixer-shelf-said")).to_contain_text("at gain 0.5")
    assert set(mixer.gains("poet").values()) == {0.5}
    expect(mix_tab(shelf.page).get_by_label("Master fader of poet", exact=True)).to_have_value("0.5")


def test_what_cannot_be_loaded_says_why_and_has_no_way_to(shelf: Any) -> None:
    damaged = line(shelf, "damaged")
    expect(damaged).to_contain_text("damaged")
    expect(damaged).to_contain_text("adapter_model.safetensors")
    assert damaged.locator("[data-do=load]:visible").count() == 0
    foreign = line(shelf, "pirate")
    expect(foreign).to_contain_text("does not fit")
    expect(foreign).to_contain_text("576")
    expect(foreign.locator("[data-do=load]")).to_be_disabled()


def test_search_and_order(shelf: Any) -> None:
    page, rows = shelf.page, shelf.locator(".lora-mixer-shelf-entry:not(.is-checkpoint)")
    expect(line(shelf, "poet")).to_be_visible()
    many = rows.count()
    page.locator("#lora-mixer-shelf-search").fill("poet")
    expect(rows).to_have_count(1)
    page.locator("#lora-mixer-shelf-search").fill("nobody has this")
    expect(page.locator("#lora-mixer-shelf-nothing")).to_contain_text("Nothing on the shelf matches")
    page.locator("#lora-mixer-shelf-search").fill("checkpoint-20")
    expect(line(shelf, "run/checkpoint-20")).to_be_visible()
    page.locator("#lora-mixer-shelf-search").fill("")
    expect(rows).to_have_count(many)
    names = rows.evaluate_all("all => all.map((one) => one.dataset.entry)")
    shelf.locator("[data-sort=time]").click()
    expect(rows.first).to_have_attribute("data-entry", "damaged")
    assert sorted(rows.evaluate_all("all => all.map((one) => one.dataset.entry)")) == sorted(names)


def test_the_checkpoints_of_a_run_become_columns(mixer: Mixer, shelf: Any) -> None:
    page = shelf.page
    expect(line(shelf, "run")).to_be_visible()
    assert not line(shelf, "run/checkpoint-20").is_visible()
    press(shelf, "run", "fold")
    expect(line(shelf, "run/checkpoint-20")).to_be_visible()
    press(shelf, "run", "compare")
    expect(page.locator("#lora-mixer-compare")).to_be_visible()
    names = page.locator("#lora-mixer-compare .lora-mixer-column-name")
    for at, name in enumerate(("checkpoint-20", "checkpoint-100")):
        expect(names.nth(at)).to_have_value(name)
    assert len(loaded(mixer)) == 2


def test_notes_and_collections(shelf: Any) -> None:
    page = shelf.page
    press(shelf, "poet", "details")
    shelf.get_by_label("Note on poet", exact=True).fill(f"quiet {HOSTILE}")
    shelf.get_by_label("Collections of poet", exact=True).fill("verse")
    press(shelf, "poet", "keep-note")
    expect(line(shelf, "poet").locator(".lora-mixer-entry-note")).to_have_text(f"quiet {HOSTILE}")
    page.locator("#lora-mixer-shelf-collection").select_option("=verse")
    expect(shelf.locator(".lora-mixer-shelf-entry")).to_have_count(1)
    page.reload()
    shelf = adapters_tab(page)
    expect(line(shelf, "poet")).to_contain_text("verse")
    assert page.evaluate("typeof pwned") == "undefined"


def test_an_adapter_that_appears_in_the_folder_appears_on_the_shelf(mixer: Mixer, shelf: Any) -> None:
    expect(line(shelf, "poet")).to_be_visible()
    folder = mixer.host.lora_dir / "newcomer"
    try:
        shutil.copytree(mixer.host.lora_dir / "poet", folder)
        shelf.get_by_role("button", name="Look again").click()
        expect(line(shelf, "newcomer")).to_be_visible()
    finally:
        shutil.rmtree(folder)


def test_hundreds_of_adapters_are_found_quickly_and_a_phone_needs_no_sideways_scrolling(
    tmp_path: Path, visit: Any
) -> None:
    first = shelve(tmp_path / "loras" / "adapter-000")
    for number in range(1, 320):
        shutil.copytree(first, tmp_path / "loras" / f"adapter-{number:03d}")
    with standalone(shelf_host(tmp_path)) as mixer:
        page = visit(mixer.url, viewport={"width": 390, "height": 780})
        shelf = adapters_tab(page)
        expect(page.locator("#lora-mixer-shelf-count")).to_contain_text("322 adapters")
        expect(shelf.locator(".lora-mixer-shelf-entry")).to_have_count(150)
        shelf.get_by_role("button", name="Show 150 more of 322").click()
        expect(shelf.locator(".lora-mixer-shelf-entry")).to_have_count(300)
        page.locator("#lora-mixer-shelf-search").fill("adapter-319")
        expect(shelf.locator(".lora-mixer-shelf-entry")).to_have_count(1)
        assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")


def test_an_empty_shelf_says_where_adapters_belong(tmp_path: Path, visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = shelf_host(tmp_path)
    monkeypatch.setattr(type(host), "shelf_folders", lambda self: [self.lora_dir])
    with standalone(host) as mixer:
        page = visit(mixer.url)
        adapters_tab(page)
        expect(page.locator("#lora-mixer-shelf-nothing")).to_contain_text(
            f"There is no adapter in {tmp_path / 'loras'}"
        )


def test_strangers_see_the_reason_and_no_shelf(tmp_path: Path, visit: Any) -> None:
    with standalone(shelf_host(tmp_path, pirate(), multi_user=True)) as mixer:
        page = visit(mixer.url)
        adapters_tab(page)
        expect(page.locator("#lora-mixer-shelf-why")).to_contain_text("multi-user")
        expect(page.locator("#lora-mixer-bake-why")).to_contain_text("multi-user")
        expect(page.locator(".lora-mixer-shelf-entry")).to_have_count(0)
        desk = mix_tab(page)
        expect(desk.locator("#lora-mixer-profile-save")).to_be_disabled()
    assert list(tmp_path.iterdir()) == []
