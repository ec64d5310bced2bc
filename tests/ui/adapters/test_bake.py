"""Baking as a page asks for it: planned beforehand, written, checked, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.shelved import ask, entry, opened, refused, shelf_host, shelve, work
from helpers.tiny import logits, pirate

from lora_mixer.hosts.protocol import HostError
from lora_mixer.lora_ops import Fade, Faders, Mix
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio

MIX = {"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}), "poet": Faders(master=1.5)}


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    shelve(tmp_path / "loras" / "pirate")
    shelve(tmp_path / "loras" / "poet", r=2, target_modules=["q_proj", "v_proj"])
    console = opened(shelf_host(tmp_path))
    work(console, "load", names=["pirate", "poet"], keep=False, gain=1)
    console.move(Panel(Mix(MIX)))
    return console


def wish(**changes: object) -> dict[str, object]:
    return {"profile": "", "names": ["pirate"], "way": "folded", "name": "mine", "rank": "", "density": "", **changes}


def test_the_bakery_knows_what_there_is(console: Studio, tmp_path: Path) -> None:
    console.move(Panel(Mix({"poet": Faders(on=False)})))
    bakery = ask(console, "bakery")["bakery"]
    assert bakery["adapters"] == ["pirate", "poet"] and bakery["heard"] == ["pirate"] and not bakery["why_not"]
    assert bakery["lora_dir"] == str(tmp_path / "loras") and "svd" in bakery["combinations"]
    assert "ties" in bakery["need_density"] and "cat" not in bakery["combinations"]


@pytest.mark.parametrize(
    ("said", "rank", "silent"),
    [
        ({}, 4, 2),
        ({"names": ["pirate", "poet"], "way": "concatenated"}, 6, 0),
        ({"names": ["pirate", "poet"], "way": "svd", "rank": "3"}, 3, 0),
        ({"names": ["pirate", "poet"], "way": "svd", "rank": "4000"}, 6, 0),
        ({"names": ["pirate"], "way": "merged"}, None, 2),
    ],
)
def test_a_plan_tells_where_and_of_what_rank(console: Studio, said: dict, rank: int | None, silent: int) -> None:
    plan = ask(console, "plan", **wish(**said))["plan"]
    assert (plan["rank"], plan["silent"], plan["exists"]) == (rank, silent, False) and plan["where"].endswith("mine")


@pytest.mark.parametrize("way", ["folded", "patterned"])
def test_one_adapter_is_baked_and_says_what_the_desk_says(console: Studio, way: str) -> None:
    console.move(Panel(Mix({**MIX, "poet": Faders(on=False)})))
    played = logits(console.host.model)
    news = work(console, "bake", **wish(way=way))
    assert news["baked"]["checked"] and "says what the desk says" in news["baked"]["lines"][1]
    assert entry(console, "mine")["rank"] == [4]
    assert torch.equal(logits(console.host.model), played), "the live model is as it was"
    work(console, "load", names=["mine"], keep=False, gain=1)
    assert torch.allclose(logits(console.host.model), played, atol=1e-4)


def test_several_become_one_of_the_rank_that_was_planned(console: Studio) -> None:
    said = wish(names=["pirate", "poet"], way="concatenated", name="both")
    plan = ask(console, "plan", **said)["plan"]
    played = logits(console.host.model)
    news = work(console, "bake", **said)
    assert f"rank {plan['rank']}" in news["baked"]["lines"][0] and news["baked"]["checked"]
    work(console, "load", names=["both"], keep=False, gain=1)
    assert torch.allclose(logits(console.host.model), played, atol=1e-4)


def test_a_combination_only_comes_near(console: Studio) -> None:
    news = work(console, "bake", **wish(names=["pirate", "poet"], way="svd", rank="2", name="near"))
    assert "comes near" in news["baked"]["lines"][1] and "of the exact sum" in str(news["baked"]["lines"])


def test_a_whole_model_is_written(console: Studio, tmp_path: Path) -> None:
    news = work(console, "bake", **wish(names=["pirate", "poet"], way="merged", name="whole"))
    assert (tmp_path / "models" / "whole" / "config.json").is_file()
    assert "pirate and poet" in news["baked"]["lines"][0]
    assert "Stock transformers loads it, and it says what the desk says" in news["baked"]["lines"][1]
    assert news["baked"]["checked"]


def test_a_model_that_was_not_compared_says_why(console: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_mixer.lora_ops.bakery.read_back.available", lambda device: 1000)
    news = work(console, "bake", **wish(names=["pirate", "poet"], way="merged", name="whole"))
    assert "not compared with the desk: it would have to be loaded a second time" in news["baked"]["lines"][1]
    assert not news["baked"]["checked"]


def test_a_profile_is_baked_instead_of_the_faders(console: Studio) -> None:
    ask(console, "save", name="loud")
    console.move(Panel())
    assert ask(console, "plan", **wish(profile="loud"))["plan"]["silent"] == 2
    assert ask(console, "plan", **wish())["plan"]["silent"] == 0


def test_faders_that_fade_are_baked_as_they_stand_at_a_token_that_is_chosen(console: Studio) -> None:
    fade = Fade.parse("0 at 0, 1 at 40")
    mix = Mix({"pirate": Faders(master=0.5, fades={"kind:q_proj": fade}), "poet": Faders(on=False)})
    console.move(Panel(mix))
    assert ask(console, "plan", **wish())["plan"] | {"where": ""} == {
        "where": "", "exists": False, "rank": 4, "silent": 2, "fades_until": 40,
    }  # fmt: skip
    assert ask(console, "plan", **wish(token="20"))["plan"]["silent"] == 0
    assert ask(console, "plan", **wish(names=["poet"]))["plan"]["fades_until"] is None
    with pytest.raises(ValueError, match="choose the token"):
        work(console, "bake", **wish())
    for token, why in (("soon", "The token must be a number"), ("-1", "The token must be from 0")):
        assert why in refused(console, "plan", **wish(token=token))
    assert work(console, "bake", **wish(token="20"))["baked"]["checked"]
    work(console, "load", names=["mine"], keep=False, gain=1)
    heard = logits(console.host.model)
    work(console, "load", names=["pirate"], keep=False, gain=1)
    console.move(Panel(Mix({"pirate": mix.at(20)["pirate"]})))
    assert torch.allclose(heard, logits(console.host.model), atol=1e-4)


def test_nothing_is_overwritten_unasked(console: Studio) -> None:
    work(console, "bake", **wish())
    assert ask(console, "plan", **wish())["plan"]["exists"]
    news = work(console, "bake", **wish())
    assert "exists already" in news["exists"] and "baked" not in news
    assert "baked" in work(console, "bake", **wish(), overwrite=True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "../out"}, "cannot be a name"),
        ({"name": ""}, "cannot be a name"),
        ({"names": ["nobody"]}, "no adapter"),
        ({"names": ["pirate", "poet"], "way": "svd", "rank": "many"}, "rank must be a number"),
        ({"names": ["pirate", "poet"], "way": "svd", "rank": "99999"}, "The rank must be from 1 to 4096"),
        ({"names": ["pirate", "poet"], "way": "svd", "rank": "9" * 5000}, "The rank must be a number"),
        ({"names": ["pirate", "poet"], "way": "ties_svd", "rank": "0", "density": "0.5"}, "The rank must be from 1"),
        ({"names": ["pirate", "poet"], "way": "ties", "density": "1.5"}, "The part to keep must be above 0 and up to"),
        ({"names": ["pirate", "poet"], "way": "ties", "density": "nan"}, "The part to keep must be above 0 and up to"),
        ({"names": ["pirate", "poet"], "way": "ties"}, "The part to keep must be above 0 and up to"),
        ({"profile": "none"}, "no profile"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(console: Studio, said: dict, why: str) -> None:
    assert why in refused(console, "plan", **wish(**said))
    with pytest.raises((ValueError, HostError)):
        work(console, "bake", **wish(**said))
    assert sorted(path.name for path in (console.host.lora_dir or Path()).iterdir()) == ["pirate", "poet"]


def test_ways_for_one_take_one(console: Studio) -> None:
    with pytest.raises(ValueError, match="one adapter, and there are 2"):
        work(console, "bake", **wish(names=["pirate", "poet"]))
    with pytest.raises(ValueError, match="at least one"):
        work(console, "bake", **wish(names=[]))
    with pytest.raises(ValueError, match="needs a density"):
        work(console, "bake", **wish(names=["pirate", "poet"], way="ties"))


def test_strangers_bake_nothing(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate(), multi_user=True))
    assert "multi-user" in ask(console, "bakery")["bakery"]["why_not"]
    with pytest.raises(HostError, match="multi-user"):
        work(console, "bake", **wish())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["folded", "merged"])
def test_what_a_killed_overwrite_had_moved_aside_is_back_at_the_next_look(console: Studio, way: str) -> None:
    work(console, "bake", **wish(way=way))
    folder = Path(ask(console, "plan", **wish(way=way))["plan"]["where"])
    # Between the two renames: the old one has gone aside, the new one has not taken its place.
    folder.replace(folder.with_name(f".{folder.name}.0123abcd.lora-mixer.old"))
    folder.with_name(f".{folder.name}.0123abcd.lora-mixer.part").mkdir()
    ask(console, "bakery")
    assert (folder / "README.md").is_file()
    assert not [path.name for path in folder.parent.iterdir() if "lora-mixer" in path.name]


@pytest.mark.parametrize("way", ["folded", "merged"])
def test_a_bake_that_is_stopped_is_no_failure_and_leaves_nothing(console: Studio, way: str) -> None:
    where = Path(ask(console, "plan", **wish(way=way))["plan"]["where"])
    with console.host.lock:  # it waits for the model
        news = adapters.begin(OpenPage(console, "page"), {"do": "bake", "key": "bake", **wish(way=way)})
        next(news)
        ask(console, "stop")
        *_, last = news
    assert last["job"]["text"] == "Stopped: nothing was written." and not last["job"]["failed"]
    assert not where.exists() and not [path for path in where.parent.glob(".*") if "lora-mixer" in path.name]
