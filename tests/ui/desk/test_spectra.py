"""The spectra of adapters as a page is told them: beside the faders' own targets, and again only where need be."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.desk_on_parts import DeskOnParts
from helpers.patience import until_known
from helpers.shelved import ask, opened, refused, shelf_host, shelve
from helpers.tiny import add, lora, pirate, two
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops import Desk, Faders, Mix, Spectrum, spectrum
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.engine import Ability
from lora_mixer.lora_ops.measure import known_spectra
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


def told(console: Studio) -> dict[str, Any]:
    """What the page is told once it is known."""
    return until_known(lambda: ask(console, "spectra")["spectra"])


def values(one: dict[str, Any]) -> list[list[float]]:
    """The singular values of each target, as the page unpacks them."""
    packed = base64.b64decode(one["ratios"])
    ratios = iter(struct.unpack(f"<{len(packed) // 4}f", packed))
    pairs = zip(one["counts"], one["strongest"], strict=True)
    return [[strongest * next(ratios) for _ in range(count)] for count, strongest in pairs]


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, two()))


def test_every_target_has_its_singular_values_in_the_order_of_the_state(console: Studio) -> None:
    desk = console.desk()
    assert desk is not None
    found, page = spectrum(desk), told(console)
    assert page["loaded"] == console.loaded and not page["why"]
    for name, adapter in desk.adapters.items():
        one = page["adapters"][name]
        assert one["lines"]["0.95"].lower() == found.told(name) + "." and not one["reasons"]
        assert len(values(one)) == len(adapter.scalable)
        for target, its in zip(adapter.scalable, values(one), strict=True):
            assert its == pytest.approx(list(found.targets[name][target.name]), rel=1e-6)


def test_faders_do_not_change_what_is_told_nor_have_it_worked_out_again(console: Studio, monkeypatch: Any) -> None:
    before = told(console)
    monkeypatch.setattr(known_spectra, "spectrum", None)
    console.move(Panel(Mix({"pirate": Faders(master=0.5, rank=2)})))
    assert told(console) == before
    console.refresh()
    again = told(console)
    assert again["loaded"] > before["loaded"] and again["adapters"] == before["adapters"]


def test_where_other_weights_were_loaded_that_adapter_alone_is_worked_out_again(
    console: Studio, monkeypatch: Any
) -> None:
    before = told(console)
    asked: list[list[str]] = []
    real = known_spectra.spectrum

    def spectrum(desk: Desk, names: list[str]) -> Spectrum:
        asked.append(names)
        return real(desk, names)

    monkeypatch.setattr(known_spectra, "spectrum", spectrum)
    console.move(Panel(Mix({"poet": Faders(rank=1)})))
    add(console.host.model, lora(r=2), "third")
    after = told(console)
    assert asked == [["third"]] and after["adapters"]["pirate"] == before["adapters"]["pirate"]
    with torch.no_grad():
        console.host.model.base_model.model.model.layers[0].self_attn.q_proj.lora_B["pirate"].weight.mul_(2)
    console.refresh()
    last = told(console)["adapters"]
    assert asked[1:] == [["pirate"]] and last["poet"] == after["adapters"]["poet"]
    assert last["pirate"]["strongest"] != after["adapters"]["pirate"]["strongest"]


def test_what_has_no_components_says_why(tmp_path: Path) -> None:
    dora = told(opened(shelf_host(tmp_path, pirate(use_dora=True))))["adapters"]["pirate"]
    assert not dora["lines"] and [(why.startswith("DoRA"), len(at)) for why, at in dora["reasons"]] == [(True, 14)]
    nothing = told(opened(shelf_host(tmp_path, pirate(init_lora_weights=True))))["adapters"]["pirate"]
    assert "adds nothing: B is zero" in nothing["lines"]["0.95"] and set(nothing["strongest"]) == {0.0}
    assert "There is no adapter" in refused(opened(shelf_host(tmp_path)), "spectra")


class Elsewhere:
    """An engine that does not give its weights away, as a server's does not."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def why_not(self, what: Ability) -> str:
        return "the weights are in a server" if what == "weights" else str(self._engine.why_not(what))


def test_where_the_engine_keeps_its_weights_the_folders_are_read(
    console: Studio, tmp_path: Path, monkeypatch: Any
) -> None:
    desk = console.desk()
    assert desk is not None
    live = told(console)["adapters"]["pirate"]
    monkeypatch.setattr(desk, "engine", Elsewhere(desk.engine))
    monkeypatch.setattr(type(console), "desk", lambda self: desk)
    shelve(tmp_path / "pirate")
    monkeypatch.setattr(console.host, "loaded_adapters", lambda: {"pirate": tmp_path / "pirate", "poet": None})
    console.loaded += 1
    page = told(console)["adapters"]
    assert page["pirate"]["lines"] == live["lines"] and page["pirate"]["strongest"] == pytest.approx(live["strongest"])
    [[why, at]] = page["poet"]["reasons"]
    assert why.startswith("The weights are in a server") and "not known" in why and len(at) == 4
    (tmp_path / "pirate" / "adapter_model.safetensors").write_bytes(b"damaged")
    console.loaded += 1
    assert told(console)["adapters"]["pirate"]["reasons"]


def test_of_a_fader_that_moves_several_targets_all_of_them_are_told_as_one(tmp_path: Path, monkeypatch: Any) -> None:
    model = write_model(tmp_path / "model.gguf")
    folder = write_adapter(tmp_path / "wide", pairs(every_module()))
    coarse = llama_server.split(folder, model, tmp_path / "coarse", longest=700)
    assert any(len(part.targets) > 1 for part in coarse)
    whole = llama_server.unsplit(llama_server.whole(folder, model, tmp_path / "one.gguf"), "wide")
    fine = llama_server.split(folder, model, tmp_path / "fine")
    console = opened(shelf_host(tmp_path))
    pages = []
    for parts in (fine, coarse, (whole,)):
        desk = DeskOnParts(parts, model)
        monkeypatch.setattr(type(console), "desk", lambda self, desk=desk: desk)
        console.loaded += 1
        pages.append(told(console)["adapters"]["wide"])
        assert not pages[-1]["reasons"] and len(values(pages[-1])) == len(parts)
    energies = [sum(value**2 for one in values(page) for value in one) for page in pages]
    assert energies == pytest.approx([energies[0]] * 3, rel=1e-5), "nothing is lost"
    assert pages[0]["lines"] == pages[1]["lines"] == pages[2]["lines"], "the line is about the targets themselves"
    assert set(pages[1]["counts"]) == {4}, "a rank leaves as many of each"


def test_files_that_are_gone_are_told(tmp_path: Path, monkeypatch: Any) -> None:
    model = write_model(tmp_path / "model.gguf")
    parts = llama_server.split(write_adapter(tmp_path / "wide", pairs(every_module())), model, tmp_path / "parts")
    console, desk = opened(shelf_host(tmp_path)), DeskOnParts(parts, model)
    monkeypatch.setattr(type(console), "desk", lambda self: desk)
    parts[3].path.unlink()
    assert parts[3].path.name in told(console)["why"]
