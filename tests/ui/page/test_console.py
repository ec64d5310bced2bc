"""The console: follows the host's model, and holds the panel that stands on its desk."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from helpers import tiny

from lora_mixer.hosts.protocol import Trouble
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines.peft.engine import PeftEngine
from lora_mixer.ui.page.console import checked_range, range_from
from lora_mixer.ui.page.panel import Marked, Panel
from lora_mixer.ui.page.state import state, state_json
from lora_mixer.ui.page.studio import Studio

NOTHING = Trouble("No model is loaded", "Load one.")


@dataclass
class FakeHost:
    """A host whose model is replaced under our feet."""

    model: Any = None
    model_name: str = "tiny"
    initial_off: Sequence[str] = ()
    blend: Sequence[str] = ()
    multi_user: bool = False
    name: str = "the host"
    tokenizer: Any = None
    lock: Any = field(default_factory=threading.Lock)

    @property
    def engine(self) -> PeftEngine | None:
        return None if self.model is None else PeftEngine.of(self.model, self.tokenizer)

    def trouble(self) -> Trouble | None:
        return None if self.model is not None else NOTHING

    def merged_sources(self) -> Sequence[str]:
        return self.blend

    def reply_length(self) -> None:
        return None

    def stop(self) -> None:
        pass


def test_without_a_model_there_is_no_desk_and_the_state_says_what_to_do() -> None:
    console = Studio(FakeHost())  # type: ignore[arg-type]
    assert console.desk() is None
    told = json.loads(state_json(console))
    assert told["trouble"] == {"title": NOTHING.title, "advice": NOTHING.advice} and told["adapters"] == []
    with pytest.raises(ValueError, match="no adapter"):
        console.move(Panel(tiny.mix_of(master=0.5)))


def test_a_move_reaches_the_model_and_pages_are_told() -> None:
    model = tiny.pirate()
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    console.desk()
    loaded, revision = tiny.scalings(model), console.revision
    console.move(Panel(tiny.mix_of(master=0.5)))
    assert tiny.scalings(model) == [scaling * 0.5 for scaling in loaded]
    assert console.revision > revision
    assert state(console)["panel"]["mix"]["adapters"]["pirate"]["master"] == 0.5


def test_a_page_that_has_the_adapters_is_not_sent_them_again() -> None:
    """Thousands of targets are megabytes: a page gets them once, not after every move."""
    host = FakeHost(tiny.pirate())
    console = Studio(host)  # type: ignore[arg-type]
    console.desk()
    first = state(console)
    assert len(first["adapters"]) == 1 and state(console, first["loaded"] - 1)["adapters"] == first["adapters"]
    console.move(Panel(tiny.mix_of(master=0.5)))
    moved = state(console, first["loaded"])
    assert moved["adapters"] is None and moved["loaded"] == first["loaded"]
    assert moved["panel"]["mix"]["adapters"]["pirate"]["master"] == 0.5
    tiny.add(host.model, tiny.lora(r=2), "butler")
    console.desk()
    beside = state(console, moved["loaded"])
    assert [adapter["name"] for adapter in beside["adapters"]] == ["pirate", "butler"]
    host.model = None
    console.desk()
    assert state(console, beside["loaded"])["adapters"] == [], "nothing is loaded: an empty list says so"
    host.model = tiny.pirate()
    console.desk()
    assert len(state(console, beside["loaded"])["adapters"]) == 1


def test_what_the_host_has_play_belongs_to_what_a_page_keeps_of_adapters() -> None:
    model = tiny.two()
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    console.desk()
    known = state(console)["loaded"]
    model.base_model.set_adapter(["poet"])
    told = state(console, known)["adapters"]
    assert [adapter["name"] for adapter in told if adapter["playing"]] == ["poet"]


def test_an_adapter_that_the_host_has_not_play_is_off_until_somebody_switches_it_on() -> None:
    model = tiny.two()
    both = tiny.logits(model)
    model.base_model.set_adapter(["pirate"])
    alone = tiny.logits(model)
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    told = state(console)["panel"]["mix"]["adapters"]
    assert told["poet"]["on"] is False and "pirate" not in told
    assert torch.equal(tiny.logits(model), alone)
    page = Panel.from_dict(console.panel.to_dict())
    console.move(replace(page, mix=Mix({**page.mix.adapters, "pirate": Faders(master=1.0)})))
    assert torch.equal(tiny.logits(model), alone), "a page that sends back what it was told starts nothing"
    console.move(Panel(Mix({"poet": Faders()})))
    assert torch.equal(tiny.logits(model), both)
    console.move(Panel(page.mix))
    model.base_model.set_adapter(["poet"])
    desk = console.desk()
    assert desk is not None and desk.heard() == ["poet"], "the host's own choice is not silenced by ours"
    assert state(console)["panel"]["mix"]["adapters"]["pirate"]["on"] is False


def test_a_reset_adapter_that_the_host_has_not_play_is_off_again() -> None:
    model = tiny.two()
    model.base_model.set_adapter(["pirate"])
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    console.move(Panel(Mix({"poet": Faders(master=0.5)})))
    console.move(Panel())  # as a page resets: nothing is said of it any more
    assert state(console)["panel"]["mix"]["adapters"]["poet"]["on"] is False
    desk = console.desk()
    assert desk is not None and desk.heard() == ["pirate"] and desk.as_loaded() == Mix({"poet": Faders(on=False)})


def test_names_that_a_host_left_behind_do_not_pile_up() -> None:
    host = FakeHost(tiny.two())
    console = Studio(host)  # type: ignore[arg-type]
    console.desk()
    for name in ("poet", "parrot", "butler"):
        config = host.model.peft_config["poet"]
        host.model.peft_config[name] = config
    host.model.delete_adapter("poet")
    host.model.peft_config["poet"] = config
    assert [adapter["name"] for adapter in state(console)["adapters"]] == ["pirate"]
    assert list(state(console)["panel"]["mix"]["adapters"]) == []


def test_a_refused_move_leaves_everything_where_it_stood() -> None:
    model = tiny.pirate()
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    console.move(Panel(tiny.mix_of(master=0.5)))
    stood, panel = tiny.scalings(model), console.panel
    for wrong in (Mix({"no such adapter": Faders()}), tiny.mix_of(kinds={"no_such_kind": 0.0})):
        with pytest.raises(ValueError, match="no_such_kind|no such adapter"):
            console.move(Panel(wrong))
        assert tiny.scalings(model) == stood and console.panel is panel


def test_pages_are_told_when_the_model_comes_and_goes() -> None:
    host = FakeHost()
    console = Studio(host)  # type: ignore[arg-type]
    console.desk()
    seen = {console.revision}
    for model in (tiny.pirate(), None, tiny.pirate()):
        host.model = model
        console.desk()
        assert console.revision not in seen
        seen.add(console.revision)
    console.desk()
    assert console.revision in seen, "a look that finds nothing new is no news"


def test_faders_stay_when_the_host_wraps_the_model_anew_and_go_with_another_model() -> None:
    host = FakeHost(tiny.pirate())
    console = Studio(host)  # type: ignore[arg-type]
    console.move(Panel(tiny.mix_of(master=0.5)))
    host.model = tiny.pirate()
    desk = console.desk()
    assert desk is not None and desk.mix["pirate"].master == 0.5
    host.model, host.model_name = tiny.pirate(), "another"
    desk = console.desk()
    assert desk is not None and desk.mix["pirate"].master == 1


def test_an_adapter_that_is_loaded_beside_gets_its_faders_and_the_others_stay() -> None:
    model = tiny.pirate()
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    console.move(Panel(tiny.mix_of(master=0.5)))
    tiny.add(model, tiny.lora(r=2), "butler")
    desk = console.desk()
    assert desk is not None and set(desk.adapters) == {"pirate", "butler"}
    assert desk.mix["pirate"].master == 0.5


def test_a_model_that_the_host_lets_go_of_is_freed() -> None:
    host = FakeHost(tiny.pirate())
    console = Studio(host)  # type: ignore[arg-type]
    console.move(Panel(tiny.mix_of(master=0.5)))
    gone = weakref.ref(host.model)
    host.model = None
    gc.collect()
    assert gone() is None


def test_mute_solo_and_bypass_are_kept_apart_from_the_positions() -> None:
    model = tiny.pirate()
    console = Studio(FakeHost(model))  # type: ignore[arg-type]
    panel = Panel(tiny.mix_of(master=0.5), muted=Marked(("pirate",)))
    console.move(panel)
    assert set(tiny.scalings(model)) == {0.0}
    assert state(console)["panel"]["mix"]["adapters"]["pirate"]["master"] == 0.5
    console.move(Panel(panel.mix, bypass=True))
    assert set(tiny.scalings(model)) == {0.0}
    console.move(Panel(panel.mix))
    assert 0.0 not in tiny.scalings(model)


def test_adapters_can_start_switched_off_once() -> None:
    host = FakeHost(tiny.two(), initial_off=["poet"])
    console = Studio(host)  # type: ignore[arg-type]
    desk = console.desk()
    assert desk is not None and not desk.mix["poet"].on and desk.mix["pirate"].on
    console.move(Panel())
    host.model = tiny.two()
    desk = console.desk()
    assert desk is not None and desk.mix["poet"].on


def test_the_sources_of_a_blend_can_play_side_by_side_and_back() -> None:
    host = FakeHost(tiny.blended())
    console = Studio(host)  # type: ignore[arg-type]
    desk = console.desk()
    assert desk is not None and state(console)["offer"] is None
    blend = desk.engine.playing.names()
    host.blend = [name for name in desk.adapters if name not in blend]
    assert state(console)["offer"]["id"] == "separate"
    console.play_sources()
    assert set(desk.heard()) == set(host.blend)
    assert state(console)["offer"]["id"] == "blend"
    console.play_blend()
    assert desk.engine.playing.names() == blend == tuple(desk.heard())


def test_the_range_must_hold_silence_and_as_loaded() -> None:
    assert checked_range(-1, 4) == (-1.0, 4.0)
    for wrong in ((0.5, 2), (0, 0.5), (0, float("inf")), (float("nan"), 2)):
        with pytest.raises(ValueError, match="from 0 or less to 1 or more"):
            checked_range(*wrong)
    assert range_from({"fader_min": "-2", "fader_max": 3}) == (-2.0, 3.0)
    assert range_from({"fader_min": 0, "fader_max": "loud"}) == range_from({}) == (0.0, 2.0)


def test_the_state_tells_every_target_and_why_the_others_are_fixed() -> None:
    model = tiny.pirate(modules_to_save=["lm_head"])
    told = state(Studio(FakeHost(model)))  # type: ignore[arg-type]
    (pirate,) = told["adapters"]
    assert len(pirate["targets"]) == len(list(tiny.adapter_layers(model)))
    assert pirate["fixed"][0][0] == "lm_head" and "modules_to_save" in pirate["fixed"][0][1]
    for _name, layer, kind, rank, alpha, scaling in pirate["targets"]:
        assert layer in pirate["layers"] and 0 <= kind < len(pirate["kinds"])
        assert rank in pirate["rank"] and alpha in pirate["alpha"] and scaling in pirate["scaling"]
