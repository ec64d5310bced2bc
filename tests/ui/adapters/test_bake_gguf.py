"""A page bakes what a llama-server plays into one GGUF file: foretold, followed, read back, played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.desk_on_parts import DeskOnParts
from helpers.shelved import ask, opened, refused, shelf_host, work
from helpers.tiny_gguf import every_module, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.bakery import gguf_check
from lora_mixer.lora_ops.engines.llama_server import ServerError, split
from lora_mixer.ui.page.jobs import Job
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio

SAID = {"profile": "", "names": ["wide"], "way": "gguf", "name": "soft"}


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    model = write_model(tmp_path / "model.gguf")
    parts = split(write_adapter(tmp_path / "wide", pairs(every_module())), model, tmp_path / "parts")
    console, desk = opened(shelf_host(tmp_path)), DeskOnParts(parts, model)
    monkeypatch.setattr(type(console), "desk", lambda self: desk)
    monkeypatch.setattr(gguf_check, "played_alike", lambda path, parts, mix, base: f"{path.name} as {len(parts)} parts")
    console.panel = Panel(Mix({"wide": Faders(master=0.5)}))
    return console


def file_of(console: Studio) -> Path:
    assert console.host.lora_dir is not None
    return console.host.lora_dir / "soft.gguf"


@pytest.mark.parametrize(("way", "off"), [("gguf", 1e-5), ("gguf-half", 4e-3)])
def test_what_is_heard_becomes_one_file_that_is_played(console: Studio, way: str, off: float) -> None:
    desk: Any = console.desk()
    lines = work(console, "bake", **{**SAID, "way": way})["baked"]
    assert lines["checked"] and "Played: soft.gguf as 14 parts." in lines["lines"]
    played = {name: one for part in desk.engine.parts for name, one in what_a_file_adds(part.path).items()}
    for name, one in what_a_file_adds(file_of(console)).items():
        np.testing.assert_allclose(one, 0.5 * played.pop(name), atol=10 * off, err_msg=name)
    assert not played
    assert any("Read back" in line for line in lines["lines"])


def test_fewer_components_make_a_smaller_file_of_the_size_that_was_told(console: Studio) -> None:
    whole = ask(console, "plan", **SAID)["plan"]
    assert whole["rank"] == 4 and "size" not in whole
    keep = {**SAID, "keep": "rank", "part": "2"}
    told = ask(console, "plan", **keep)["plan"]
    half = ask(console, "plan", **{**keep, "way": "gguf-half"})["plan"]
    assert told["ranks"] == [2, 2, 2] and told["size"] == 2 * half["size"] < told["size_before"]
    baked = work(console, "bake", **keep)["baked"]
    assert any(f"what was left out, {told['error']:.2g}" in line for line in baked["lines"])
    assert told["size"] < file_of(console).stat().st_size < told["size"] + 9000, "with its header"
    assert "there is no rank 9" in refused(console, "plan", **{**keep, "part": "9"}).lower()


def test_a_server_that_cannot_play_it_is_told_and_the_file_stays(
    console: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> str:
        raise ServerError("there is no llama-server here")

    monkeypatch.setattr(gguf_check, "played_alike", gone)
    baked = work(console, "bake", **SAID)["baked"]
    assert not baked["checked"] and "It could not be played: there is no llama-server here." in baked["lines"]
    assert file_of(console).is_file()
    console.desk().engine.model_file = None  # type: ignore[union-attr]
    baked = work(console, "bake", **{**SAID, "name": "other"})["baked"]
    assert baked["checked"] and any("not on this machine" in line for line in baked["lines"])


def test_how_far_it_is_is_told_and_it_can_be_stopped(console: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    tell = Job.tell

    def stop_at_three(self: Job, text: str, part: float | None = None) -> None:
        told.append(text)
        tell(self, text, part)
        if text == "3 of 14 targets …":
            self.stop()

    monkeypatch.setattr(Job, "tell", stop_at_three)
    news = work(console, "bake", **{**SAID, "keep": "rank", "part": "2"})
    assert news["line"] == "Stopped: nothing was written." and told[-1] == "3 of 14 targets …"
    assert not file_of(console).exists()
