"""Impact: equal to silencing one after the other, whatever the model, and no trace of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.silencing import assert_same, flat, one_by_one
from helpers.tiny import KINDS, Kind, mix_of, pirate, prompt
from transformers import T5Config, T5ForConditionalGeneration

from lora_mixer.lora_ops import Desk, Faders, Mix, impact


def traces(model: Any) -> list[Any]:
    """What a measurement could leave behind. (Passes themselves move the weights of 4-bit and expert layers.)"""
    print_ = tiny.fingerprint(model)
    replaced = [name for name, module in model.named_modules() if "forward" in vars(module)]
    return [print_["hooks"], print_["active"], print_["modules"], replaced, tiny.scalings(model)]


def opt() -> Any:
    return pirate(tiny.opt())


def mixtral() -> Any:
    return pirate(tiny.mixtral(), target_modules=["q_proj", "o_proj", "w1", "w2", "w3"])


MODELS = [*KINDS, Kind("LoRA on OPT", opt, True, 0), Kind("LoRA on Mixtral", mixtral, False, 0)]


@pytest.mark.parametrize("kind", MODELS, ids=str)
def test_every_part_of_every_kind_of_adapter_as_one_after_the_other(kind: Kind):
    model = kind.build()
    desk = Desk(model)
    ids = prompt()
    # On the CPU, 4 and 8 bits compute in bfloat16 here and there: a batch rounds otherwise than a row.
    coarse = 0.02 if "bit" in kind.name else 1e-5
    before = traces(model)
    for what in ("silenced", "alone"):
        found = impact(desk, ids, what=what, rows=5)
        assert_same(found, one_by_one(desk, Mix(), what, ids), coarse)
        assert found.complete and found.tokens == ids.shape[1]
        assert not found.why_not_resumed
        assert max(flat(found).values()) > 1e-4
    assert traces(model) == before


@pytest.mark.parametrize("what", ["silenced", "alone"])
def test_a_mix_of_two_adapters_is_what_is_measured(what: Any):
    desk = Desk(tiny.two())
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0}, layers={1: 2.0}), "poet": Faders(master=-1.5)})
    found = impact(desk, prompt(), mix, what)
    assert_same(found, one_by_one(desk, mix, what, prompt()))
    quiet = found.targets["pirate"]["model.layers.0.self_attn.q_proj"]
    assert quiet == found.kinds["pirate"]["q_proj"] == 0
    assert found.mix == Mix({name: mix[name] for name in ("pirate", "poet")})


def test_where_the_faders_stand_is_measured_if_nothing_else_is_asked_for_and_stays():
    desk = Desk(pirate())
    desk.apply(mix_of(master=0.25))
    before = tiny.scalings(desk.engine.model)
    assert impact(desk, prompt(), parts=["layer"]).layers == impact(desk, prompt(), mix_of(master=0.25)).layers
    assert tiny.scalings(desk.engine.model) == before
    assert impact(desk, prompt(), Mix(), parts=["layer"]).layers != impact(desk, prompt(), parts=["layer"]).layers


def test_faders_that_fade_are_measured_where_they_begin():
    desk = Desk(pirate())
    fading = Mix({"pirate": Faders(fades={"kind:q_proj": [[0, 0.5], [20, 2.0]]})})
    found = impact(desk, prompt(), fading)
    assert flat(found) == flat(impact(desk, prompt(), mix_of(kinds={"q_proj": 0.5})))
    assert found.kinds["pirate"]["q_proj"] > 0


def test_an_adapter_that_does_not_play_does_nothing():
    found = impact(Desk(tiny.blended()), prompt())
    assert set(flat(found)) == {key for key in flat(found) if found.targets.keys() == {"pirate", "poet", "__merged"}}
    assert max(found.targets["pirate"].values()) == max(found.layers["poet"].values()) == 0
    assert min(found.targets["__merged"].values()) > 0


def test_encoder_and_decoder_read_the_text_one_part_after_the_other():
    config = T5Config(vocab_size=tiny.VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4,
                      decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, initializer_factor=3.0)  # fmt: skip
    torch.manual_seed(0)
    model = pirate(T5ForConditionalGeneration(config).eval(), target_modules=["q", "wo"])
    desk = Desk(model)
    found = impact(desk, prompt())
    read = {"decoder_input_ids": model.prepare_decoder_input_ids_from_labels(labels=prompt())}
    assert_same(found, one_by_one(desk, Mix(), "silenced", prompt(), **read))
    assert "did not take a batch" in found.why_not_batched
    own = prompt("Aye")
    found = impact(desk, prompt(), parts=["kind"], decoder_input_ids=own)
    assert found.tokens == own.shape[1]
    wanted = one_by_one(desk, Mix(), "silenced", prompt(), decoder_input_ids=own)
    assert found.kinds["pirate"]["wo"] == pytest.approx(wanted["pirate", "kind", "wo"], abs=1e-5)


def test_progress_counts_and_stopping_keeps_what_is_known():
    desk = Desk(pirate())
    heard: list[tuple[int, int]] = []
    found = impact(desk, prompt(), rows=4, progress=lambda done, total: heard.append((done, total)))
    total = 14 + 7 + 2
    assert heard[0] == (0, total) and heard[-1] == (total, total)
    assert heard == sorted(heard) and len(heard) == 7
    heard.clear()
    part = impact(
        desk, prompt(), rows=4, progress=lambda *now: heard.append(now), cancelled=lambda: bool(heard and heard[-1][0])
    )
    assert not part.complete and len(flat(part)) == 4
    assert all(flat(found)[key] == pytest.approx(value, abs=1e-6) for key, value in flat(part).items())
    none = impact(desk, prompt(), cancelled=lambda: True)
    assert not none.complete and not flat(none)


def test_a_wait_for_the_lock_can_be_called_off():
    import threading

    lock = threading.Lock()
    desk = Desk(pirate(), lock)
    with lock:
        assert not impact(desk, prompt(), cancelled=lambda: True).complete
    assert impact(desk, prompt(), progress=lambda *_: lock.release() if lock.locked() else None).complete
    assert not lock.locked()


def test_memory_that_runs_out_halves_the_batch(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(pirate())
    wanted = flat(impact(desk, prompt()))
    sizes: list[int] = []

    def forward(module: Any, args: Any, kwargs: Any) -> None:
        rows = len(kwargs["input_ids"])
        sizes.append(rows)
        if rows > 3:
            raise torch.OutOfMemoryError("out of memory")

    hook = desk.engine.model.register_forward_pre_hook(forward, with_kwargs=True)
    found = impact(desk, prompt(), rows=16)
    assert flat(found) == pytest.approx(wanted, abs=1e-5)
    assert [size for size in sizes if size > 3] == [15, 7]
    hook.remove()
    desk.engine.model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("none")))
    before = tiny.scalings(desk.engine.model)
    with pytest.raises(torch.OutOfMemoryError):
        impact(desk, prompt())
    assert tiny.same_objects(tiny.scalings(desk.engine.model), before)


def test_memory_that_runs_out_on_the_processor_halves_the_batch_too():
    """There torch says so in a plain RuntimeError."""
    desk = Desk(pirate())
    wanted = flat(impact(desk, prompt()))
    sizes: list[int] = []

    def forward(module: Any, args: Any, kwargs: Any) -> None:
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")

    desk.engine.model.register_forward_pre_hook(forward, with_kwargs=True)
    assert flat(impact(desk, prompt(), rows=16)) == pytest.approx(wanted, abs=1e-5)
    assert [size for size in sizes if size > 3] == [15, 7]


def test_an_adapter_that_is_loaded_meanwhile_ends_it():
    desk = Desk(pirate())

    def load(done: int, total: int) -> None:
        if done and "late" not in desk.engine.model.peft_config:
            desk.engine.model.add_adapter("late", tiny.lora(target_modules=["q_proj"]))

    with pytest.raises(RuntimeError, match="meanwhile"):
        impact(desk, prompt(), rows=4, progress=load)
    assert "forward" not in vars(desk.engine.model.base_model.model.model.layers[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_ids": torch.zeros(2, 3, dtype=torch.long)}, "one row of tokens"),
        ({"input_ids": torch.zeros(1, 0, dtype=torch.long)}, "one row of tokens"),
        ({"what": "muted"}, "silenced, alone"),
        ({"parts": ["block"]}, "no part 'block'"),
        ({"rows": 0}, "at least one row"),
        ({"adapters": ["poet"]}, "no adapter 'poet'"),
        ({"mix": mix_of("poet")}, "no adapter 'poet'"),
        ({"mix": mix_of(kinds={"c_attn": 0.0})}, "no kind 'c_attn'"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], message: str):
    desk = Desk(pirate())
    with pytest.raises(ValueError, match=message):
        impact(desk, **{"input_ids": prompt(), **changes})


def test_training_mode_and_missing_heads_are_refused():
    desk = Desk(pirate())
    desk.engine.model.train()
    with pytest.raises(ValueError, match="training mode"):
        impact(desk, prompt())
    headless = Desk(pirate(tiny.llama().model))
    with pytest.raises(ValueError, match="no head"):
        impact(headless, prompt())


def test_only_the_adapters_and_parts_that_are_asked_for():
    found = impact(Desk(tiny.two()), prompt(), parts=["kind"], adapters=["poet"])
    assert set(flat(found)) == {("poet", "kind", "q_proj"), ("poet", "kind", "v_proj")}


def test_plain_data_survives_json():
    import json

    found = impact(Desk(pirate()), prompt())
    data = json.loads(json.dumps(found.to_dict()))
    assert data["targets"] == {"pirate": dict(found.targets["pirate"])}
    assert data["layers"]["pirate"]["1"] == found.layers["pirate"][1]
    assert Mix.from_dict(data["mix"]) == found.mix
