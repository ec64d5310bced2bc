"""Rank as a fader: the strongest components alone are heard, and all of them are the adapter as loaded, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import CLOSE
from helpers.tiny import Kind, mix_of

from lora_mixer.lora_ops import (
    Column,
    Desk,
    Faders,
    Mix,
    NotInRows,
    compare,
    impact,
    loaded_weights,
    loudness,
    spectrum,
)

PLAIN = [kind for kind in tiny.KINDS if not kind.name.startswith(("DoRA", "LoHa", "LoKr", "LoRA and LoHa"))]


@torch.no_grad()
def deltas(model: Any) -> list[torch.Tensor]:
    """What every target adds right now, by PEFT's own formula, in float64; each of a matrix for every expert."""
    found = []
    for layer in tiny.adapter_layers(model):
        for name in layer.scaling:
            delta = layer.get_delta_weight(name).double()
            found.append(delta if hasattr(layer, "parameter_name") else delta.reshape(1, len(delta), -1))
    return found


def strongest(delta: torch.Tensor, count: int) -> torch.Tensor:
    u, s, v = torch.linalg.svd(delta, full_matrices=False)
    return (u[..., :count] * s[..., None, :count]) @ v[..., :count, :]


def weights(model: Any) -> list[torch.Tensor]:
    return [parameter for name, parameter in model.named_parameters() if "lora_" in name]


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("kind", PLAIN, ids=str)
def test_so_many_components_are_numpys_own_and_all_are_the_adapter_to_the_bit(kind: Kind, rank: int):
    model = kind.build()
    logits = tiny.logits(model)
    before = tiny.fingerprint(model)
    bits = [weight.detach().clone() for weight in weights(model)]
    wanted = [strongest(delta, rank) for delta in deltas(model)]
    desk = Desk(model)
    desk.apply(Mix({name: Faders(rank=rank) for name in desk.adapters}))
    for found, want in zip(deltas(model), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-4, atol=2e-6 * float(want.abs().max() + 1))
    desk.reset()
    assert tiny.same_tensors(bits, [weight.detach() for weight in weights(model)])
    assert tiny.fingerprint(model) == before
    assert torch.equal(tiny.logits(model), logits)


def test_energy_lets_each_target_keep_what_it_needs():
    model = tiny.pirate(rank_pattern={"q_proj": 2})
    desk = Desk(model)
    needed = list(spectrum(desk).needed("pirate", 0.8).values())
    wanted = [strongest(delta, count) for delta, count in zip(deltas(model), needed, strict=True)]
    desk.apply(mix_of(energy=0.8))
    for found, want in zip(deltas(model), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-5)
    assert min(needed) < max(needed)
    desk.apply(mix_of(energy=0.8, rank=1))
    ones = [int(torch.linalg.matrix_rank(found.float(), rtol=1e-4).max()) for found in deltas(model)]
    assert set(ones) == {1}


def test_it_multiplies_with_gains_and_moves_from_one_rank_to_any_other():
    model = tiny.pirate()
    desk = Desk(model)
    whole = deltas(model)
    for faders in ({"rank": 3}, {"rank": 1}, {"rank": 2, "master": 0.5}, {"rank": 3, "kinds": {"q_proj": -2.0}}):
        desk.apply(mix_of(**faders))
        targets = desk.adapters["pirate"].targets
        for target, delta, found in zip(targets, whole, deltas(model), strict=True):
            want = strongest(delta, faders["rank"]) * desk.mix.gain(target)
            torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-5)


def test_every_rank_that_holds_all_is_as_loaded_and_keeps_nothing():
    model = tiny.pirate(rank_pattern={"q_proj": 2})
    desk = Desk(model)
    before = [weight.data_ptr() for weight in weights(model)]
    desk.apply(mix_of(rank=2))
    moved = [at for at, weight in enumerate(weights(model)) if weight.data_ptr() != before[at]]
    assert len(moved) == 12  # q_proj has no more than two
    for faders in (Faders(rank=4), Faders(energy=1.0), Faders(), Faders(on=False)):
        desk.apply(Mix({"pirate": faders}))
        assert [weight.data_ptr() for weight in weights(model)] == before
    assert desk.engine._player.strongest == {}


def test_what_was_loaded_is_measured_and_written_whatever_is_heard():
    model = tiny.pirate()
    desk = Desk(model)
    spectra, loud = spectrum(desk), loudness(desk)
    stored = {key: one.clone() for key, one in loaded_weights(desk, "pirate").tensors.items()}
    desk.apply(mix_of(rank=1))
    assert spectrum(desk) == spectra and loudness(desk) == loud
    again = loaded_weights(desk, "pirate").tensors
    assert again.keys() == stored.keys() and all(torch.equal(again[key], stored[key]) for key in stored)


def test_a_second_desk_finds_what_was_loaded():
    model = tiny.pirate()
    logits = tiny.logits(model)
    Desk(model).apply(mix_of(rank=1))
    other = Desk(model)
    assert torch.equal(tiny.logits(model), logits)
    other.apply(mix_of(rank=2))
    other.reset()
    assert torch.equal(tiny.logits(model), logits)


def test_weights_that_somebody_loads_meanwhile_are_not_written_over():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(rank=1))
    fresh = [torch.randn_like(weight) for weight in weights(model)]
    with torch.no_grad():
        for weight, one in zip(weights(model), fresh, strict=True):
            weight.copy_(one)
    wanted = [strongest(delta, 2) for delta in deltas(model)]
    desk.apply(mix_of(rank=2))
    for found, want in zip(deltas(model), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)
    desk.reset()
    assert tiny.same_tensors(fresh, [weight.detach() for weight in weights(model)])


def test_an_adapter_that_is_loaded_anew_is_as_loaded():
    model = tiny.two()
    desk = Desk(model)
    desk.apply(Mix({"poet": Faders(rank=1)}))
    model.delete_adapter("poet")
    desk.refresh()
    tiny.add(model, tiny.lora(r=3), "poet")
    whole = deltas(model)
    desk.refresh()
    assert all(torch.equal(one, other) for one, other in zip(deltas(model), whole, strict=True))
    desk.apply(Mix({"poet": Faders(rank=2)}))
    assert not all(torch.equal(one, other) for one, other in zip(deltas(model), whole, strict=True))


def test_a_model_that_is_moved_to_another_type_meanwhile_comes_back_in_that():
    model = tiny.pirate()
    desk = Desk(model)
    wanted = [weight.detach().clone().half() for weight in weights(model)]
    desk.apply(mix_of(rank=1))
    model.half()
    desk.reset()
    assert tiny.same_tensors(wanted, [weight.detach() for weight in weights(model)])


def test_a_half_precision_adapter_is_heard_as_near_as_its_numbers_allow():
    model = tiny.bfloat16()
    desk = Desk(model)
    wanted = [strongest(delta, 2) for delta in deltas(model)]
    desk.apply(mix_of(rank=2))
    for found, want in zip(deltas(model), wanted, strict=True):
        assert float((found - want).norm() / want.norm()) < 0.02


def said(desk: Desk, mixes: Sequence[Mix]) -> Any:
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    generation = {"max_new_tokens": 8, "do_sample": False}
    run = compare(desk, tiny.tokenizer(), tiny.prompt(), columns, seed=7, generation=generation)
    for _ in run:
        pass
    return run.result


def test_columns_of_different_ranks_run_one_after_the_other_and_say_why():
    desk = Desk(tiny.pirate())
    mixes = [mix_of(rank=1), mix_of(rank=2), Mix()]
    result = said(desk, mixes)
    assert not result.batched and "whole batch shares" in result.why_not_batched
    alone = [said(desk, [mix]).columns[0].token_ids for mix in mixes]
    assert [column.token_ids for column in result.columns] == alone
    with pytest.raises(NotInRows, match="components of 'pirate'"), desk.rows(mixes):
        pass
    assert desk.mix == Mix() and desk.engine._player.strongest == {}


def test_columns_of_one_rank_run_in_rows_beside_one_in_which_it_is_off():
    desk = Desk(tiny.pirate())
    mixes = [mix_of(rank=1), mix_of(rank=1, master=2.0), desk.base()]
    result = said(desk, mixes)
    assert result.batched
    alone = [said(desk, [mix]).columns[0].token_ids for mix in mixes]
    assert [column.token_ids for column in result.columns] == alone


def test_a_rank_that_is_heard_survives_a_comparison():
    model = tiny.pirate()
    desk = Desk(model)
    desk.apply(mix_of(rank=2))
    wanted = tiny.logits(model)
    said(desk, [Mix(), mix_of(rank=1)])
    assert torch.equal(tiny.logits(model), wanted)


@pytest.mark.parametrize("method", ["DoRA on Linear", "LoHa", "LoKr"])
def test_other_methods_are_refused_by_name_and_the_desk_stays(method: str):
    model = next(kind for kind in tiny.KINDS if kind.name == method).build()
    desk = Desk(model)
    desk.apply(mix_of(master=0.5))
    wanted = tiny.logits(model)
    for faders in (Faders(rank=2), Faders(energy=0.5)):
        with pytest.raises(ValueError, match=r"'pirate' is (dora|loha|lokr)"):
            desk.apply(Mix({"pirate": faders}))
    assert desk.mix == mix_of(master=0.5) and torch.equal(tiny.logits(model), wanted)


def test_no_numbers_are_refused_and_the_desk_stays_where_it_stood():
    model = tiny.pirate()
    with torch.no_grad():
        weights(model)[-1][0, 0] = math.nan
    desk = Desk(model)
    desk.apply(mix_of(master=0.5))
    scalings = tiny.scalings(model)
    with pytest.raises(ValueError, match="NaN"):
        desk.apply(mix_of(master=2.0, rank=2))
    assert desk.mix == mix_of(master=0.5)
    assert tiny.scalings(model) == scalings


def test_more_components_than_there_are_are_refused():
    desk = Desk(tiny.pirate())
    with pytest.raises(ValueError, match="of rank 4, so that no 5 components"):
        desk.apply(mix_of(rank=5))


def test_modules_that_are_tied_each_have_their_own_part_heard():
    base = tiny.llama(tie_word_embeddings=True)
    model = tiny.pirate(base, target_modules=["embed_tokens"], ensure_weight_tying=True)
    logits = tiny.logits(model)
    wanted = [strongest(delta, 1) for delta in deltas(model)]
    desk = Desk(model)
    desk.apply(mix_of(rank=1))
    for found, want in zip(deltas(model), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-5)
    desk.reset()
    assert torch.equal(tiny.logits(model), logits)


def test_impact_under_a_rank_is_that_of_the_components_that_are_heard():
    model = tiny.pirate()
    whole, part = (impact(Desk(model), tiny.prompt(), mix, parts=["kind"]) for mix in (Mix(), mix_of(rank=1)))
    assert part.kinds["pirate"].keys() == whole.kinds["pirate"].keys() and part.kinds != whole.kinds
    # The same adapter with nothing but that component, as it would be loaded.
    desk = Desk(model)
    desk.apply(mix_of(rank=1))
    parts = [layer.lora_B["pirate"].weight.detach().clone() for layer in tiny.adapter_layers(model)]
    other = tiny.pirate()
    with torch.no_grad():
        for layer, b in zip(tiny.adapter_layers(other), parts, strict=True):
            layer.lora_B["pirate"].weight.copy_(b)
    wanted = impact(Desk(other), tiny.prompt(), Mix(), parts=["kind"])
    assert list(part.kinds["pirate"].values()) == pytest.approx(list(wanted.kinds["pirate"].values()), rel=1e-4)


def test_an_adapter_of_nothing_stays_nothing():
    model = tiny.pirate(init_lora_weights=True)
    desk = Desk(model)
    base = tiny.base_logits(model)
    for faders in ({"rank": 2}, {"energy": 0.5}):
        desk.apply(mix_of(**faders))
        assert (tiny.logits(model) - base).abs().max() < CLOSE
