"""A spectrum that is known is not worked out again, and never told of weights that are gone."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from helpers.tiny import adapter_layers, add, lora, pirate, two

from lora_mixer.lora_ops import Desk, Faders, Mix, Spectrum, spectrum
from lora_mixer.lora_ops.measure import known_spectra
from lora_mixer.lora_ops.measure.known_spectra import KnownSpectra


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The adapters that were worked out, each time."""
    worked: list[list[str]] = []

    def counted(desk: Desk, names: list[str]) -> Spectrum:
        worked.append(list(names))
        return spectrum(desk, names)

    monkeypatch.setattr(known_spectra, "spectrum", counted)
    return worked


def test_it_is_what_spectrum_tells_and_worked_out_once(asked: list[list[str]]) -> None:
    model, known = two(), KnownSpectra()
    desk = Desk(model)
    wanted = spectrum(desk)
    assert known.of(desk) == wanted == known.of(desk)
    desk.apply(Mix({"pirate": Faders(master=0.5, rank=2), "poet": Faders(energy=0.5)}))
    assert known.of(desk) == wanted == known.of(Desk(model))
    assert asked == [["pirate", "poet"]]


def test_other_weights_of_one_adapter_are_worked_out_alone(asked: list[list[str]]) -> None:
    model, known = two(), KnownSpectra()
    known.of(Desk(model))
    with torch.no_grad():
        next(layer for layer in adapter_layers(model) if "poet" in layer.lora_B).lora_B["poet"].weight.mul_(2)
    assert known.of(Desk(model)) == spectrum(Desk(model))
    assert asked == [["pirate", "poet"], ["poet"]]


def test_an_adapter_under_a_name_that_another_had_is_worked_out(asked: list[list[str]]) -> None:
    model, known = two(), KnownSpectra()
    known.of(Desk(model))
    model.delete_adapter("poet")
    assert list(known.of(Desk(model)).adapters) == ["pirate"]
    add(model, lora(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"], use_rslora=True), "poet")
    assert known.of(Desk(model)) == spectrum(Desk(model))
    assert asked == [["pirate", "poet"], ["poet"]]


def test_it_keeps_no_weights_alive() -> None:
    model, known = pirate(), KnownSpectra()
    known.of(Desk(model))
    weight = weakref.ref(next(adapter_layers(model)).lora_B["pirate"].weight)
    del model
    gc.collect()
    assert weight() is None
    another = Desk(pirate(r=2))
    assert known.of(another) == spectrum(another)
