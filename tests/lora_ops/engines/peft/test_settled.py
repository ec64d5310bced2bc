"""As loaded is what the adapter's maker meant, whoever loads or swaps it, at whatever moment somebody looks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.moments import at_every_moment
from peft import LoraConfig, PeftModel, get_peft_model
from standin.textgen_model import save_adapter, tiny_model, with_adapter

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.engine import Unsettled
from lora_mixer.lora_ops.engines.peft.loading import change_adapters
from lora_mixer.lora_ops.engines.peft.settled import unsettled
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def loras(textgen: Any) -> Path:
    folder = Path(textgen.shared.args.lora_dir)
    save_adapter(folder / "pirate", 4, seed=1)
    save_adapter(folder / "poet", 4, alpha=4, seed=2)
    model = get_peft_model(tiny_model(), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", use_dora=True))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(3))
    model.save_pretrained(str(folder / "dora"))
    return folder


@pytest.fixture
def console(textgen: Any, host: Any, loras: Path) -> Studio:
    textgen.shared.model = tiny_model()
    return Studio(host)


def half(name: str) -> Panel:
    return Panel(Mix({name: Faders(master=0.5)}))


def said(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def loaded_alone(folder: Path) -> torch.Tensor:
    return said(PeftModel.from_pretrained(tiny_model(), str(folder), adapter_name="x").eval())


def meddler(console: Studio, name: str) -> Callable[[], None]:
    """A page that polls, and one whose user pulls at the fader, at the worst moment there is."""

    def look() -> None:
        console.desk()
        with contextlib.suppress(ValueError):  # no such adapter right now
            console.move(half(name))

    return look


@pytest.mark.parametrize("name", ["pirate", "dora"])
@pytest.mark.parametrize("way", ["the host's menu", "the shelf"])
def test_an_adapter_that_is_loaded_again_is_as_loaded_whenever_a_page_looked(
    textgen: Any, host: Any, console: Studio, loras: Path, name: str, way: str
) -> None:
    look = meddler(console, name)

    def load() -> None:
        if way == "the shelf":
            host.load_adapters([name])
        else:
            textgen.LoRA.add_lora_to_model([name])

    textgen.LoRA.add_lora_to_model([name])
    look()
    assert at_every_moment(lambda: textgen.LoRA.add_lora_to_model([]), look, every=3) > 20
    assert at_every_moment(load, look, every=11) > 20
    desk = console.desk()
    assert desk is not None and {target.scaling for target in desk.adapters[name].scalable} == {2.0}
    assert {desk.scaling(target) for target in desk.adapters[name].scalable} == {1.0}, "the fader stands where it stood"
    desk.reset()
    assert torch.equal(said(host.model), loaded_alone(loras / name))
    desk.apply(desk.base())
    assert torch.equal(said(host.model), said(tiny_model()))


def test_one_that_is_loaded_beside_another_neither_harms_nor_is_harmed(
    textgen: Any, host: Any, console: Studio
) -> None:
    textgen.LoRA.add_lora_to_model(["pirate"])
    look = meddler(console, "pirate")
    look()
    assert at_every_moment(lambda: host.load_adapters(["poet"], keep=True), look, every=11) > 20
    desk = console.desk()
    assert desk is not None and desk.heard() == ["pirate", "poet"]
    assert {name: {target.scaling for target in one.scalable} for name, one in desk.adapters.items()} == {
        "pirate": {2.0},
        "poet": {1.0},
    }
    assert at_every_moment(lambda: host.unload_adapters(["poet"]), look) > 20
    desk = console.desk()
    assert desk is not None and list(desk.adapters) == ["pirate"]
    desk.reset()
    assert set(tiny.scalings(host.model)) == {2.0}


def test_a_page_is_told_why_there_are_no_faders_yet(textgen: Any, host: Any, console: Studio) -> None:
    told = set()

    def look() -> None:
        told.add("faders" if console.desk() else console.trouble.title)

    at_every_moment(lambda: textgen.LoRA.add_lora_to_model(["pirate"]), look)
    assert told == {"Adapters are being loaded"}
    assert console.desk() is not None and console.trouble is None


def test_a_desk_of_half_a_model_is_refused_and_one_of_another_model_is_not() -> None:
    model, other = tiny.llama(), Desk(tiny.pirate())
    met = set()

    def look() -> None:
        assert unsettled(model) and not unsettled(other.engine.model)
        other.refresh()
        with pytest.raises(Unsettled, match="in this very moment"):
            Desk(model)
        met.add(any(True for _ in tiny.adapter_layers(model)))

    at_every_moment(lambda: get_peft_model(model, tiny.lora(), adapter_name="pirate"), look, every=101)
    assert met == {False, True} and not unsettled(model)


def test_what_the_own_thread_is_at_is_no_reason_to_wait() -> None:
    model = tiny.pirate()
    desk = Desk(model)

    def load_adapter(model: Any) -> None:  # a name of PEFT's, in a file that is none of its
        at_once.append(unsettled(model))

    at_once: list[bool] = []
    thread = threading.Thread(target=load_adapter, args=(model,))
    thread.start()
    thread.join()
    assert at_once == [False]
    desk.refresh()


def test_a_knob_leaves_an_adapter_alone_that_was_loaded_in_the_place_of_its_own() -> None:
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(tiny.mix_of(master=0.5))
    model.delete_adapter("pirate")
    desk.apply(tiny.mix_of(master=0.25))
    assert tiny.scalings(model) == [] and not any("pirate" in layer.scaling for layer in tiny.adapter_layers(model))
    tiny.add(model, tiny.lora(lora_alpha=12), "pirate")
    loaded = tiny.scalings(model)
    desk.apply(tiny.mix_of(master=0.25))
    assert tiny.same_objects(tiny.scalings(model), loaded)
    desk.refresh()
    assert {target.scaling for target in desk.adapters["pirate"].scalable} == {3.0}


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_what_was_loaded_is_known_through_whichever_object_the_model_is_met(dora: bool) -> None:
    model = tiny.pirate(use_dora=dora)
    loaded, said_before = tiny.scalings(model), tiny.logits(model)
    base = model.base_model.model
    Desk(base).apply(tiny.mix_of(master=0.5))
    desk = Desk(model)
    desk.apply(tiny.mix_of(master=0.25))
    del desk, model
    again = Desk(base)
    assert tiny.same_objects(tiny.scalings(base), loaded)
    assert {target.scaling for target in again.adapters["pirate"].scalable} == {2.0}
    assert torch.equal(tiny.logits(base), said_before)


def test_a_load_that_is_taken_back_leaves_what_was_loaded(tmp_path: Path) -> None:
    save_adapter(tmp_path / "wrong", 4)
    (tmp_path / "wrong" / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "lora_alpha": 8}')
    model = with_adapter(tiny_model(), "pirate")
    desk = Desk(model)
    desk.apply(Mix({"pirate": Faders(master=0.5)}))
    with pytest.raises(ValueError):
        change_adapters(model, {"wrong": tmp_path / "wrong"}, keep=["pirate"])
    desk.refresh()
    desk.reset()
    assert set(tiny.scalings(model)) == {2.0}


def test_what_the_host_makes_of_adapters_is_made_of_what_was_loaded(
    textgen: Any, host: Any, console: Studio, loras: Path
) -> None:
    """A blend, of an adapter that stood at half, or below 0 (PEFT cannot blend that), while a page looks and moves."""
    host.watch_changes(console.left_alone)
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    wanted = said(host.model)
    textgen.LoRA.add_lora_to_model([])
    for gain in (0.5, -1.0):
        textgen.LoRA.add_lora_to_model(["pirate"])
        console.move(Panel(Mix({"pirate": Faders(master=gain)})))
        at_every_moment(
            lambda: textgen.LoRA.add_lora_to_model(["pirate", "poet"]), meddler(console, "pirate"), every=11
        )
        desk = console.desk()
        assert desk is not None and desk.engine.playing.as_loaded == ("__merged",)
        desk.reset()
        torch.testing.assert_close(said(host.model), wanted, rtol=1e-5, atol=1e-6)
        textgen.LoRA.add_lora_to_model([])


def test_a_change_that_changes_nothing_or_fails_leaves_the_faders_where_they_stood(
    textgen: Any, host: Any, console: Studio
) -> None:
    host.watch_changes(console.left_alone)
    textgen.LoRA.add_lora_to_model(["pirate"])
    console.move(half("pirate"))
    textgen.LoRA.add_lora_to_model(["pirate"])
    assert set(tiny.scalings(host.model)) == {1.0}
    with pytest.raises(ValueError):
        textgen.LoRA.add_lora_to_model(["pirate", "not there"])
    assert {layer.scaling["pirate"] for layer in tiny.adapter_layers(host.model)} == {1.0}
    assert set(tiny.scalings(host.model)) == {1.0}


def test_the_host_s_way_is_its_own_again_when_nobody_watches(textgen: Any, host: Any, console: Studio) -> None:
    from lora_mixer.hosts.textgen import lora_menu_changes as textgen_changes

    own = textgen.LoRA.add_lora_transformers
    for _ in range(3):  # a page that is built again
        host.watch_changes(console.left_alone)
    assert textgen.LoRA.add_lora_transformers.__wrapped__ == own
    textgen_changes.release()
    textgen_changes.release()
    assert textgen.LoRA.add_lora_transformers == own


def test_names_without_layers_do_not_pile_up_and_a_blend_can_be_loaded_onto(
    textgen: Any, host: Any, console: Studio, loras: Path
) -> None:
    host.watch_changes(console.left_alone)
    for names in (["pirate"], ["poet"], ["pirate", "poet"], ["dora"], []):
        textgen.LoRA.add_lora_to_model(names)
        there = console.desk()
        assert set(there.adapters if there else ()) - {"__merged"} == set(names)
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    save_adapter(loras / "parrot", 4, seed=5)
    textgen.LoRA.add_lora_to_model(["pirate", "poet", "parrot"])
    desk = console.desk()
    assert desk is not None and set(desk.adapters) == {"pirate", "poet", "parrot", "__merged"}
    for name in ("pirate", "poet", "parrot"):
        desk.apply(Mix({other: Faders(on=other == name) for other in desk.adapters}))
        torch.testing.assert_close(said(host.model), loaded_alone(loras / name), rtol=1e-5, atol=1e-6)


def test_a_model_around_another_is_one_model(textgen: Any, host: Any, console: Studio) -> None:
    """As the host makes it where nobody watches."""
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet", "dora"])
    assert isinstance(host.model.base_model.model, PeftModel)
    desk = console.desk()
    assert desk is not None and {"pirate", "poet", "dora"} <= set(desk.adapters)
    assert all(t.name.startswith("model.layers.") for one in desk.adapters.values() for t in one.scalable)
