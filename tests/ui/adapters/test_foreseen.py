"""Resizing as a page asks for it: told beforehand what it will be, written, and told what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.shelved import ask, entry, opened, refused, shelf_host, shelve, work
from helpers.tiny import logits

from lora_mixer.lora_ops import Faders, Mix, spectrum
from lora_mixer.lora_ops.bakery import foreseen
from lora_mixer.ui.adapters.foreseen import gains_of
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    shelve(tmp_path / "loras" / "pirate")
    shelve(tmp_path / "loras" / "poet", r=2, target_modules=["q_proj", "v_proj"])
    console = opened(shelf_host(tmp_path))
    work(console, "load", names=["pirate", "poet"], keep=False, gain=1)
    console.move(Panel(Mix({"pirate": Faders(master=0.5), "poet": Faders(on=False)})))
    return console


def wish(**changes: object) -> dict[str, object]:
    return {"profile": "", "names": ["pirate"], "way": "folded", "name": "small", **changes}


@pytest.mark.parametrize(
    "said",
    [
        {"keep": "rank", "part": "2"},
        {"keep": "energy", "part": "80"},
        {"keep": "energy", "part": "0.8", "one_rank": True},
        {"keep": "rank", "part": "3", "names": ["pirate", "poet"], "way": "concatenated"},
    ],
    ids=str,
)
def test_what_is_written_is_what_was_told_before(console: Studio, said: dict) -> None:
    plan = ask(console, "plan", **wish(**said))["plan"]
    news = work(console, "bake", **wish(**said))["baked"]
    lines = " ".join(news["lines"])
    assert news["checked"] and "instead of" in lines
    assert f"Left out is {plan['error']:.3g} of the Frobenius norm" in lines
    assert (
        plan["size"] < plan["size_before"] and plan["ranks"][0] <= plan["ranks"][1] <= plan["ranks"][2] == plan["rank"]
    )
    assert max(entry(console, "small")["rank"]) == plan["rank"]
    if said.get("one_rank"):
        assert entry(console, "small")["rank"] == [plan["rank"]]


def test_each_target_keeps_what_holds_the_share(console: Studio) -> None:
    desk = console.desk()
    assert desk is not None
    needed = spectrum(desk).needed("pirate", 0.8).values()
    plan = ask(console, "plan", **wish(keep="energy", part="80"))["plan"]
    assert plan["ranks"] == [min(needed), pytest.approx(sum(needed) / 14), max(needed)]


def test_a_part_that_is_heard_is_baked_as_it_is_heard(console: Studio) -> None:
    console.move(Panel(Mix({"pirate": Faders(master=0.5, rank=2), "poet": Faders(on=False)})))
    played = logits(console.host.model)
    assert ask(console, "plan", **wish())["plan"]["ranks"] == [2, 2, 2]
    news = work(console, "bake", **wish())["baked"]
    assert news["checked"] and "The desk had the same components heard" in " ".join(news["lines"])
    assert torch.equal(logits(console.host.model), played)
    work(console, "load", names=["small"], keep=False, gain=1)
    assert torch.allclose(logits(console.host.model), played, atol=1e-4)
    console.move(Panel(Mix({"small": Faders(rank=1)})))
    assert "Only a part of" in refused(console, "plan", **wish(names=["small"], way="patterned"))


def test_another_number_does_not_have_the_components_worked_out_again(console: Studio, monkeypatch) -> None:
    ask(console, "plan", **wish(keep="energy", part="80"))
    monkeypatch.setattr(foreseen, "strengths", None)
    ask(console, "plan", **wish(keep="energy", part="90"))
    ask(console, "plan", **wish(keep="rank", part="1"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"keep": "rank", "part": "5"}, "no rank 5 to keep"),
        ({"keep": "rank", "part": "0"}, "whole number from 1"),
        ({"keep": "rank", "part": "2.5"}, "must be a number"),
        ({"keep": "rank", "part": ""}, "what to keep"),
        ({"keep": "energy", "part": "0"}, "above 0"),
        ({"keep": "energy", "part": "101"}, "up to 1"),
        ({"keep": "energy", "part": "nan"}, "above 0"),
        ({"keep": "energy", "part": "much"}, "must be a number"),
    ],
)
def test_what_cannot_be_kept_is_refused_beside_its_field(console: Studio, said: dict, why: str) -> None:
    from helpers.shelved import OpenPage, adapters

    answer = adapters.ORDERS.obey(OpenPage(console, "page"), {"do": "plan", **wish(**said)})["refused"]
    assert answer["at"] == "part" and why in answer["why"]
    with pytest.raises(ValueError, match=r"."):
        work(console, "bake", **wish(**said))
    assert "small" not in {one["id"] for one in ask(console, "shelf")["shelf"]["entries"]}


def test_gains_alone_are_taken_of_a_mix_and_all_components_heard() -> None:
    mix = Mix({"pirate": Faders(master=0.5, rank=2), "poet": Faders(on=False, energy=0.9), "butler": Faders(rank=1)})
    assert gains_of(mix, ["pirate", "poet"]) == Mix(
        {"pirate": Faders(master=0.5), "poet": Faders(on=False), "butler": Faders(rank=1)}
    )


def test_other_gains_have_the_components_worked_out_again(console: Studio) -> None:
    said = {"keep": "energy", "part": "80"}
    even = ask(console, "plan", **wish(**said))["plan"]
    console.move(Panel(Mix({"pirate": Faders(kinds={"q_proj": 5.0}), "poet": Faders(on=False)})))
    loud = ask(console, "plan", **wish(**said))["plan"]
    assert loud["error"] != even["error"]
    console.move(Panel(Mix({"pirate": Faders(master=0.5), "poet": Faders(on=False)})))
    assert ask(console, "plan", **wish(**said))["plan"] == even
