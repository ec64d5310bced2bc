"""The host's changes of its LoRAs, in which others look on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.moments import at_every_moment
from peft import LoraConfig, PeftModel, get_peft_model
from standin.textgen_model import save_adapter, tiny_model

from lora_mixer.lora_ops import Faders, Mix
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


def said(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def loaded_alone(folder: Path) -> torch.Tensor:
    return said(PeftModel.from_pretrained(tiny_model(), str(folder), adapter_name="x").eval())


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


def half(name: str) -> Panel:
    return Panel(Mix({name: Faders(master=0.5)}))


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


def test_a_model_around_another_is_one_model(textgen: Any, host: Any, console: Studio) -> None:
    """As the host makes it where nobody watches."""
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    textgen.LoRA.add_lora_to_model(["pirate", "poet", "dora"])
    assert isinstance(host.model.base_model.model, PeftModel)
    desk = console.desk()
    assert desk is not None and {"pirate", "poet", "dora"} <= set(desk.adapters)
    assert all(t.name.startswith("model.layers.") for one in desk.adapters.values() for t in one.scalable)
