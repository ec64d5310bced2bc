"""Loudness as a page is told it: in the order of the state's targets, from live weights and from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from helpers.desk_on_parts import DeskOnParts
from helpers.patience import until_known
from helpers.shelved import ask, opened, refused, shelf_host
from helpers.tiny import pirate
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops import loudness
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.measure import weight_norms
from lora_mixer.ui.page.studio import Studio


def told(console: Studio) -> dict[str, Any]:
    """What the page is told once it is known."""
    found: dict[str, Any] = until_known(lambda: ask(console, "loudness")["loudness"])
    return json.loads(json.dumps(found, allow_nan=False))


def test_the_norms_are_told_in_the_order_of_the_targets(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate()))
    desk = console.desk()
    assert desk is not None
    page, louds = told(console), loudness(desk).adapters["pirate"]
    one = page["adapters"]["pirate"]
    assert page["loaded"] == console.loaded and not page["why"]
    assert one["own"] == [loud.norm for loud in louds] and one["base"] == [loud.base for loud in louds]
    assert len(one["own"]) == len(desk.adapters["pirate"].scalable)
    assert console.louds.found is not None and list(console.louds.found.adapters) == ["pirate"]


def test_dora_is_told_at_several_gains(tmp_path: Path) -> None:
    one = told(opened(shelf_host(tmp_path, pirate(use_dora=True))))["adapters"]["pirate"]
    assert all(len(own) == len(one["gains"]) for own in one["own"])
    assert one["own"][0][one["gains"].index(0.0)] == 0


def test_without_an_adapter_it_is_refused(tmp_path: Path) -> None:
    assert "no adapter" in refused(opened(shelf_host(tmp_path)), "loudness")


def test_on_a_server_files_are_read_and_how_far_that_is_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    model = write_model(tmp_path / "model.gguf")
    parts = llama_server.split(write_adapter(tmp_path / "wide", pairs(every_module())), model, tmp_path / "parts")
    console, desk = opened(shelf_host(tmp_path)), DeskOnParts(parts, model)
    monkeypatch.setattr(type(console), "desk", lambda self: desk)
    heard: list[str] = []
    squares = weight_norms._squares

    def slowly(*args: Any) -> Any:
        heard.append(console.louds._progress)
        return squares(*args)

    monkeypatch.setattr(weight_norms, "_squares", slowly)
    page = told(console)["adapters"]["wide"]
    assert len(page["own"]) == len(parts) and np.all(np.array(page["own"]) > 0)
    assert heard[-1] == f"Reading the model’s weights: {len(parts) - 1} of {len(parts)} …"


def test_a_model_whose_file_is_elsewhere_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    model = write_model(tmp_path / "model.gguf")
    parts = llama_server.split(write_adapter(tmp_path / "wide", pairs(every_module())), model, tmp_path / "parts")
    console, desk = opened(shelf_host(tmp_path)), DeskOnParts(parts, None)
    monkeypatch.setattr(type(console), "desk", lambda self: desk)
    assert told(console)["why"] == "The model's file is not on this machine, where its weights could be read."
