"""The shelf as a page is told of it, and loading from it: what lies there, what fits, gains before the first token."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import tiny
from helpers.shelved import ask, entry, opened, refused, shelf_host, shelve, work
from helpers.tiny import base_logits, logits

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.load import Loaded
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.adapters.shelf import STOPPED
from lora_mixer.ui.lab.columns import KEPT
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


def test_the_shelf_tells_what_is_known_without_loading(console: Studio) -> None:
    butler = entry(console, "butler")
    assert (butler["rank"], butler["alpha"], butler["method"]) == ([8], [16.0], "lora")
    assert butler["kinds"] == ["q_proj", "v_proj"] and butler["layers"] == 2 and butler["targets"] == 4
    assert butler["base"] == "tiny/llama" and butler["size"] > 0 and butler["time"] > 0
    assert butler["loaded"] == butler["error"] == butler["fits"] == ""


def test_checkpoints_stand_below_their_run_by_their_steps(console: Studio) -> None:
    run = entry(console, "run")
    assert run["run"] and [one["id"] for one in run["entries"]] == ["run/checkpoint-20", "run/checkpoint-100"]
    assert entry(console, "run/checkpoint-20")["step"] == 20


def test_what_does_not_fit_or_is_damaged_says_why(console: Studio, tmp_path: Path) -> None:
    (tmp_path / "loras" / "poet" / "adapter_model.safetensors").write_bytes(b"x")
    assert "adapter_model.safetensors" in entry(console, "poet")["error"]
    assert "576" in entry(console, "pirate")["fits"], "the demo's own are for a larger model"
    (tmp_path / "loras" / "nothing").mkdir()
    assert entry(console, "nothing")["missing"]


def test_an_adapter_is_loaded_at_a_gain_and_another_beside_it(console: Studio) -> None:
    said = work(console, "load", names=["poet"], keep=False, gain=0.5)
    assert "Loaded poet at gain 0.5" in said["said"] and entry(console, "poet")["loaded"] == "poet"
    assert console.panel.mix["poet"].master == 0.5
    desk = console.desk()
    assert desk is not None and {desk.scaling(t) / t.scaling for t in desk.adapters["poet"].targets} == {0.5}
    work(console, "load", names=["butler"], keep=True, gain=1)
    assert list(console.host.loaded_adapters()) == ["poet", "butler"]
    assert console.panel.mix["poet"].master == 0.5, "the one that stays stands where it stood"
    work(console, "load", names=["butler"], keep=False, gain=1)
    assert list(console.host.loaded_adapters()) == ["butler"]


def test_unloading_all_gives_the_base_back_exactly(console: Studio) -> None:
    before = logits(console.host.model)
    work(console, "load", names=["poet"], keep=False, gain=2)
    assert not torch.equal(logits(console.host.model), before)
    assert "base model" in work(console, "unload", names=None)["said"]
    assert torch.equal(logits(console.host.model), before) and not console.host.loaded_adapters()


def test_one_of_two_is_removed(console: Studio) -> None:
    work(console, "load", names=["poet", "butler"], keep=False, gain=1)
    assert work(console, "unload", names=["poet"])["said"] == "Unloaded poet."
    assert list(console.host.loaded_adapters()) == ["butler"]


def test_what_cannot_be_loaded_is_an_error_and_the_model_is_as_it_was(console: Studio) -> None:
    work(console, "load", names=["poet"], keep=False, gain=1)
    before = logits(console.host.model)
    for names in (["pirate"], ["nobody"], []):
        with pytest.raises(HostError):
            work(console, "load", names=names, keep=True, gain=1)
    with pytest.raises(ValueError, match="finite"):
        work(console, "load", names=["butler"], keep=True, gain=float("nan"))
    assert torch.equal(logits(console.host.model), before) and not console.works.job.running
    assert console.works.job.to_dict()["failed"]


def test_what_waits_for_a_comparison_says_so(console: Studio) -> None:
    told = [one["job"]["text"] for one in begun(console, "load", names=["poet"], keep=False)]
    assert told[0] == "Loading poet …"
    with console.comparison(SimpleNamespace(stop=lambda: None)):
        for do, said in (("load", "Loading poet"), ("unload", "Unloading poet")):
            more = {"keep": False, "gain": 1} if do == "load" else {}
            told = [one["job"]["text"] for one in begun(console, do, names=["poet"], **more)]
            assert told[0] == f"{said} as soon as the comparison ends …"


def test_while_it_counts_a_load_can_be_stopped_and_nothing_is_changed(
    console: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counts(*_: object, tell: Callable[[str, float | None], None], **__: object) -> dict[str, str]:
        for at in range(1, 4):
            tell(f"Splitting poet: {at} of 4 files …", at / 4)
            console.works.stop()
        raise AssertionError("it was stopped")

    monkeypatch.setattr(console.host, "load_adapters", counts)
    work(console, "load", names=["poet"], keep=False, gain=1)
    assert console.works.job.news["said"] == STOPPED and not console.works.job.to_dict()["failed"]
    assert not console.host.loaded_adapters()


def begun(console: Studio, do: str, **said: object) -> list[dict]:
    return list(adapters.begin(OpenPage(console, "page"), {"do": do, "key": do, **said}))


def test_the_checkpoints_of_a_run_become_columns_each_alone(console: Studio, tmp_path: Path) -> None:
    shelve(tmp_path / "loras" / "run")  # what became of it
    said = work(console, "checkpoints", name="run", gain=1)
    assert said["columns"] and "3 stages of run" in said["said"]
    slots = console.lab.setup.slots
    assert [slot.name for slot in slots] == ["checkpoint-20", "checkpoint-100", "run"]
    assert {slot.plays for slot in slots} == {KEPT}
    loaded = list(console.host.loaded_adapters())
    for slot in slots:
        assert slot.kept is not None
        assert sum(slot.kept[name].on for name in loaded) == 1


def test_one_checkpoint_is_nothing_to_compare(console: Studio, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "loras" / "run" / "checkpoint-20")
    with pytest.raises(HostError, match="Fewer than two"):
        work(console, "checkpoints", name="run", gain=1)


def test_notes_and_collections_are_kept_and_found(console: Studio) -> None:
    ask(console, "note", name="poet", note="<b>loud</b>", collections=["good ones", "verse"])
    assert entry(console, "poet")["note"] == "<b>loud</b>"
    assert entry(console, "poet")["collections"] == ["good ones", "verse"]
    ask(console, "note", name="poet", note="", collections=["verse"])
    assert (entry(console, "poet")["note"], entry(console, "poet")["collections"]) == ("", ["verse"])
    assert ask(console, "shelf")["shelf"]["collections"] == ["verse"]


def test_damaged_notes_are_told_and_hide_no_adapter(console: Studio, tmp_path: Path) -> None:
    ask(console, "note", name="poet", note="loud", collections=["verse"])
    (tmp_path / "shelf.json").write_text("{")
    shelf = ask(console, "shelf")["shelf"]
    assert "shelf.json holds no notes" in shelf["notes_why"] and not shelf["writes"]
    assert entry(console, "poet")["method"] == "lora" and entry(console, "poet")["note"] == ""
    assert "shelf.json holds no notes" in refused(console, "note", name="poet", note="x", collections=[])
    (tmp_path / "shelf.json").unlink()
    assert ask(console, "shelf")["shelf"]["notes_why"] == ""


def test_without_a_model_the_shelf_says_what_to_do(tmp_path: Path) -> None:
    shelve(tmp_path / "loras" / "poet")
    host = shelf_host(tmp_path)
    host._loaded, host.progress = None, "Loading …"
    assert "being loaded" in ask(opened(host), "shelf")["shelf"]["why_not"]


def test_faders_of_an_adapter_that_went_away_do_not_come_back_with_it(console: Studio) -> None:
    work(console, "load", names=["poet"], keep=False, gain=0.25)
    work(console, "unload", names=None)
    work(console, "load", names=["poet"], keep=False, gain=1)
    assert console.panel.mix["poet"] == Faders()


def test_faders_that_went_with_the_whole_model_come_back_with_it_unless_a_gain_is_chosen(console: Studio) -> None:
    work(console, "load", names=["poet"], keep=False, gain=1)
    console.move(Panel(Mix({"poet": Faders(master=0.25)})))
    for gain, stands in ((1, 0.25), (2, 2.0)):
        console.host.use(Loaded(tiny.llama(), tiny.tokenizer(), 1000))  # as after an idle timer: without adapters
        assert console.desk() is None
        work(console, "load", names=["poet"], keep=False, gain=gain)
        assert console.panel.mix["poet"].master == stands
        found = tiny.scalings(console.host.model)
        work(console, "unload", names=None)
        work(console, "load", names=["poet"], keep=False, gain=1)
        assert [stands * one for one in tiny.scalings(console.host.model)] == found
        console.move(Panel(Mix({"poet": Faders(master=stands)})))


def test_base_logits_are_those_of_the_model_alone(console: Studio) -> None:
    work(console, "load", names=["poet"], keep=False, gain=0)
    assert torch.equal(logits(console.host.model), base_logits(console.host.model))
