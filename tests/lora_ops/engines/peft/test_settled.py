"""As loaded is what the adapter's maker meant, whoever loads or swaps it, at whatever moment somebody looks."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.moments import at_every_moment
from peft import get_peft_model
from standin.textgen_model import save_adapter, tiny_model, with_adapter

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.engines.engine import Unsettled
from lora_mixer.lora_ops.engines.peft.loading import change_adapters
from lora_mixer.lora_ops.engines.peft.settled import unsettled


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
