"""Profiles and shapes as a page asks for them: kept, put back, put back by themselves, shared, and refused in words."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from helpers import tiny
from helpers.ordered import obey
from helpers.shelved import ask, entry, opened, refused, shelf_host, shelve, work
from helpers.tiny import pirate

from lora_mixer.hosts.protocol import HostError
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui import build
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.adapters.shelf import checked_gain
from lora_mixer.ui.desk.profiles import mix_of_profile
from lora_mixer.ui.page.messages import message_of
from lora_mixer.ui.page.panel import Marked, Panel
from lora_mixer.ui.page.state import state
from lora_mixer.ui.page.studio import Studio

QUIET = Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 1.5})


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    shelve(tmp_path / "loras" / "pirate")
    shelve(tmp_path / "loras" / "poet", r=2)
    console = opened(shelf_host(tmp_path))
    work(console, "load", names=["pirate"], keep=False, gain=1)
    return console


def test_a_profile_is_saved_and_put_back(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet", note="for tea")
    assert state(console)["profile"] == {"name": "quiet", "moved": False, "kept": 1}
    console.move(Panel())
    assert state(console)["profile"]["moved"]
    said = ask(console, "put", name="quiet")
    assert said["all"] and "master 0.5" in said["said"] and console.panel == Panel(Mix({"pirate": QUIET}))
    [row] = ask(console, "profiles")["profiles"]["profiles"]
    assert (row["name"], row["note"], row["model"], row["adapters"]) == ("quiet", "for tea", "tiny", ["pirate"])
    assert row["words"] == "pirate ×0.5 and 2 faders" and not row["not_fits"] and not row["missing"]


def test_what_is_heard_is_kept_but_a_bypass_is_not(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET}), muted=Marked(kinds={"pirate": ("v_proj",)}), bypass=True))
    ask(console, "save", name="heard")
    ask(console, "put", name="heard")
    assert console.panel.mix["pirate"].on and console.panel.mix["pirate"].kinds == {"q_proj": 0.0, "v_proj": 0.0}
    assert not console.panel.bypass


def test_a_name_that_is_taken_or_leaves_the_folder_is_refused(console: Studio, tmp_path: Path) -> None:
    ask(console, "save", name="one")
    assert "already" in refused(console, "save", name="ONE")
    ask(console, "save", name="one", overwrite=True)
    for name in ("", "../out", "a/b", ".hidden"):
        assert refused(console, "save", name=name)
    assert [path.name for path in (tmp_path / "profiles").iterdir()] == ["one.json"]


def test_profiles_are_renamed_changed_and_deleted(console: Studio) -> None:
    ask(console, "save", name="one")
    ask(console, "rename", name="one", new="two")
    assert state(console)["profile"]["name"] == "two"
    ask(console, "change", name="two", restore=True, note="mine")
    [row] = ask(console, "profiles")["profiles"]["profiles"]
    assert row["restore"] and row["note"] == "mine"
    assert "gone" in ask(console, "delete", name="two")["said"]
    assert "no profile" in refused(console, "put", name="two")


def test_a_profile_goes_out_as_json_and_comes_in_under_a_free_name(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet")
    exported = ask(console, "export", name="quiet")
    assert (
        exported["file"] == "quiet.json" and json.loads(exported["text"])["mix"]["adapters"]["pirate"]["master"] == 0.5
    )
    assert "“quiet 2”" in ask(console, "import", text=exported["text"], file="quiet.json")["said"]
    assert "no profile" in refused(console, "import", text='{"version": 9}', file="odd.json")
    assert "not JSON" in refused(console, "import", text="{", file="odd.json")


def test_what_fits_is_put_and_what_does_not_is_said(console: Studio) -> None:
    text = {"version": 1, "name": "other", "mix": {"adapters": {"pirate": {"master": 0.3, "layers": {"29": 0.0}}}}}
    ask(console, "import", text=json.dumps(text))
    said = ask(console, "put", name="other")
    assert not said["all"] and "layer 29" in said["said"] and console.panel.mix["pirate"].master == 0.3
    with pytest.raises(ValueError, match="does not fit"):
        mix_of_profile(console, console.desk(), "other")  # type: ignore[arg-type]


def test_an_adapter_under_another_name_is_told_by_its_file_or_by_its_user(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet")
    work(console, "load", names=["poet"], keep=False, gain=1)
    assert "is not loaded" in refused(console, "put", name="quiet")
    [row] = ask(console, "profiles")["profiles"]["profiles"]
    assert row["missing"] == ["pirate"]
    ask(console, "put", name="quiet", names={"pirate": "poet"})
    assert console.panel.mix["poet"].master == 0.5


def test_a_profile_is_put_back_by_itself_unless_a_gain_was_chosen(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet", restore=True)
    work(console, "unload", names=None)
    work(console, "load", names=["pirate"], keep=False, gain=1)
    assert console.panel.mix["pirate"] == QUIET and state(console)["profile"]["name"] == "quiet"
    work(console, "unload", names=None)
    work(console, "load", names=["pirate"], keep=False, gain=2)
    assert console.panel.mix["pirate"] == Faders(master=2)


def test_a_profile_is_put_back_when_the_page_is_built_before_any_page_asks(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet", restore=True)
    started = Studio(console.host)  # the host with the same adapter in its model from the start
    quiet = tiny.logits(console.host.model)
    console.move(Panel())
    with gr.Blocks():
        build(started)
    assert torch.equal(tiny.logits(console.host.model), quiet)


def test_a_damaged_profile_is_named_and_keeps_nobody_from_playing(console: Studio, tmp_path: Path) -> None:
    ask(console, "save", name="good", restore=True)
    (tmp_path / "profiles" / "bad.json").write_text("{", encoding="utf-8")
    told = ask(console, "profiles")["profiles"]
    assert list(told["damaged"]) == ["bad"] and [one["name"] for one in told["profiles"]] == ["good"]
    work(console, "unload", names=None)
    work(console, "load", names=["pirate"], keep=False, gain=1)
    ask(console, "delete", name="bad")


def test_a_column_plays_a_profile(console: Studio) -> None:
    from lora_mixer.ui.lab import orders

    console.move(Panel(Mix({"pirate": QUIET})))
    ask(console, "save", name="quiet")
    console.move(Panel())
    assert "refused" not in obey(orders, console, "page", {"do": "profile", "key": 2, "name": "quiet"})
    slot = console.lab.setup.slot(2)
    assert slot.name == "quiet" and slot.kept is not None and slot.kept["pirate"] == QUIET
    assert "no profile" in obey(orders, console, "page", {"do": "profile", "key": 2, "name": "loud"})["refused"]["why"]


def test_shapes_set_layers_and_kinds_and_leave_the_master(console: Studio) -> None:
    shapes = ask(console, "profiles")["profiles"]["shapes"]
    assert [one["title"] for one in shapes][:2] == ["As loaded", "Fade in"]
    console.move(Panel(Mix({"pirate": Faders(master=0.5)})))
    ask(console, "shape", adapter="pirate", shape="fade_in")
    assert console.panel.mix["pirate"] == Faders(master=0.5, layers={0: 0.0})
    ask(console, "shape", adapter="pirate", shape="attention")
    assert console.panel.mix["pirate"].kinds == {"gate_proj": 0.0, "up_proj": 0.0, "down_proj": 0.0}
    ask(console, "shape", adapter="pirate", shape="as_loaded")
    assert console.panel.mix["pirate"] == Faders(master=0.5)
    assert "no adapter" in refused(console, "shape", adapter="nobody", shape="fade_in")


def test_strangers_keep_nothing(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate(), multi_user=True))
    told = ask(console, "profiles")["profiles"]
    assert not told["writes"] and "multi-user" in told["why_not"] and not told["profiles"]
    assert "share" in refused(console, "save", name="one") and list(tmp_path.iterdir()) == []
    ask(console, "shape", adapter="pirate", shape="fade_in")


def test_without_an_adapter_there_is_nothing_to_keep(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path))
    assert "no adapter" in refused(console, "save", name="one")


def test_a_profile_that_another_page_saved_meanwhile_is_not_overwritten(console: Studio) -> None:
    ask(console, "save", name="quiet", note="mine")
    [shown] = ask(console, "profiles")["profiles"]["profiles"]
    ask(console, "save", name="quiet", note="another's", overwrite=True, seen=shown["mark"])
    assert (
        "somebody else"
        in refused(console, "save", name="quiet", note="mine", overwrite=True, seen=shown["mark"]).lower()
    )
    assert "somebody else" in refused(console, "delete", name="quiet", seen=shown["mark"]).lower()
    [now] = ask(console, "profiles")["profiles"]["profiles"]
    assert now["note"] == "another's"
    ask(console, "delete", name="quiet", seen=now["mark"])


def test_a_full_disk_is_told_in_plain_words_and_reading_goes_on(
    console: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(console, "save", name="quiet", note="one")
    ask(console, "note", name="pirate", note="loud", collections=["a"])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for do, said in (
        ("save", {"name": "another"}),
        ("change", {"name": "quiet", "note": "two"}),
        ("rename", {"name": "quiet", "new": "loud"}),
        ("note", {"name": "pirate", "note": "soft", "collections": []}),
    ):
        assert refused(console, do, **said).startswith("The disk is full, nothing was written: ")
    [kept] = ask(console, "profiles")["profiles"]["profiles"]
    assert (kept["name"], kept["note"]) == ("quiet", "one") and entry(console, "pirate")["note"] == "loud"


LONG = "x" * 3_000_000
CRAFTED: list[dict[str, Any]] = [
    {"do": "save", "name": LONG},
    {"do": "save", "name": "a", "note": LONG},
    {"do": "save", "name": ["a"]},
    {"do": "save", "name": "\ud800"},
    {"do": "save", "name": "a", "note": "\ud800"},
    {"do": "save", "name": "a", "overwrite": True, "seen": 7},
    {"do": "put", "name": LONG},
    {"do": "put", "name": None},
    {"do": "put", "name": "there", "names": 7},
    {"do": "put", "name": "there", "names": ["x"]},
    {"do": "rename", "name": "there", "new": LONG},
    {"do": "rename", "name": "there"},
    {"do": "change", "name": "there", "note": LONG},
    {"do": "delete", "name": LONG},
    {"do": "export", "name": {}},
    {"do": "import", "text": "[" * 1_000_000},
    {"do": "import", "text": json.dumps({"name": "a", "adapters": dict.fromkeys(map(str, range(200_000)), 1)})},
    {"do": "import", "text": "{}", "file": LONG},
    {"do": "import", "text": 10**400},
    {"do": "shape", "adapter": LONG, "shape": "fade_in"},
    {"do": "note", "name": LONG, "note": "", "collections": []},
    {"do": "note", "name": "pirate", "note": LONG, "collections": []},
    {"do": "note", "name": "pirate", "note": "x", "collections": LONG},
    {"do": "note", "name": "pirate", "note": "x", "collections": ["a"] * 200_000},
    {"do": "note", "name": "pirate", "note": "x", "collections": [LONG]},
    {"do": "note", "name": "pirate", "note": "x", "collections": [[]]},
    {"do": ["shelf"]},
    {"do": LONG},
    {},
]


def test_whatever_a_page_sends_is_refused_in_few_words_and_changes_nothing(console: Studio, tmp_path: Path) -> None:
    ask(console, "save", name="there")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    for at, message in enumerate(CRAFTED):
        started = time.process_time()
        answer = obey(adapters, console, "page", message)
        assert time.process_time() - started < 3, at
        why = answer["refused"]["why"]
        assert len(why) < 2500 and "\n" not in why, at
        json.dumps(answer, allow_nan=False)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "7", "[" * 200_000, '"x"', '{"do": "job", "seq": [1]}', " " * (17 * 2**20)]
)
def test_what_is_no_message_is_answered(text: str) -> None:
    try:
        assert dict(message_of(text))["do"] == "job"
    except ValueError as error:
        assert len(str(error)) < 200


@pytest.mark.parametrize("gain", [10**400, 1e39, -1e300, True, "1", None, float("nan"), float("inf"), [1]])
def test_a_gain_that_is_none_is_refused(gain: Any) -> None:
    with pytest.raises(ValueError, match="finite number of 32 bits"):
        checked_gain(gain)
    assert checked_gain(2) == 2


def test_where_strangers_share_the_page_nothing_is_written_whatever_it_asks(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate(), multi_user=True))
    told = ask(console, "profiles")["profiles"]
    assert not told["writes"] and told["why_not"] and told["profiles"] == []
    text = json.dumps({"version": 1, "name": "a", "mix": {"adapters": {}}})
    for do, said in (
        ("save", {"name": "a"}),
        ("change", {"name": "a", "note": "x"}),
        ("rename", {"name": "a", "new": "b"}),
        ("delete", {"name": "a"}),
        ("import", {"text": text}),
        ("note", {"name": "pirate", "note": "x", "collections": ["a"]}),
    ):
        assert refused(console, do, **said)
    ask(console, "shelf")
    for name in ("load", "unload", "checkpoints", "bake"):
        with pytest.raises((HostError, ValueError)):
            work(console, name, name="a", names=["a"], keep=False)
    assert list(tmp_path.iterdir()) == []
