"""Impact estimated: right on average, with an error that holds, near the exact one, and nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind, mix_of, pirate, prompt

from lora_mixer.lora_ops import Desk, Estimate, Faders, Mix, estimate_impact, impact
from lora_mixer.lora_ops.engines.peft.engine import peft_engine
from lora_mixer.lora_ops.engines.peft.gradients import gains_with_gradients

MANY = 600
#: So quiet that the second order is nearly all there is.
QUIET = mix_of(master=0.02)


def _fisher(desk: Desk, mix: Mix) -> torch.Tensor:
    """Half of the Fisher information of what each gain is moved by, a mean over tokens: by the definition."""
    targets = list(desk.adapters["pirate"].scalable)
    moves = torch.tensor(mix["pirate"].gains(targets))
    with desk.rows([mix]), gains_with_gradients(peft_engine(desk), targets) as play:
        gains = moves.clone().requires_grad_()
        play(gains)
        logprobs = peft_engine(desk).model(input_ids=prompt()).logits[0].log_softmax(-1)
        found = torch.zeros(len(targets), dtype=torch.float64)
        for at in range(len(logprobs)):
            for word in range(logprobs.shape[1]):
                (slope,) = torch.autograd.grad(logprobs[at, word], gains, retain_graph=True)
                found += float(logprobs[at, word].detach().exp()) * (slope * moves).double().square() / 2
    return found / prompt().shape[1]


def _numbers(values: Any) -> torch.Tensor:
    return torch.tensor(list(values["pirate"].values()), dtype=torch.float64)


def test_on_average_it_is_half_the_fisher_information_within_its_own_error():
    desk = Desk(pirate())
    wanted = _fisher(desk, Mix({"pirate": Faders()}))
    found = estimate_impact(desk, prompt(), probes=MANY)
    off = (_numbers(found.targets) - wanted) / _numbers(found.target_errors)
    assert off.abs().max() < 5
    assert 0.3 < off.std() < 2.5  # an error that told too much, or too little, would show


def test_where_little_is_moved_it_is_the_exact_impact_of_targets_kinds_and_layers():
    desk = Desk(pirate())
    found = estimate_impact(desk, prompt(), QUIET, probes=MANY)
    exact = impact(desk, prompt(), QUIET)
    for ours, errors, theirs in (
        (found.targets, found.target_errors, exact.targets),
        (found.kinds, found.kind_errors, exact.kinds),
        (found.layers, found.layer_errors, exact.layers),
    ):
        assert ours["pirate"].keys() == theirs["pirate"].keys()
        off = (_numbers(ours) - _numbers(theirs)).abs()
        assert (off <= 5 * _numbers(errors) + 0.05 * _numbers(theirs)).all()


def test_alone_it_is_about_what_a_part_adds_to_the_base():
    desk = Desk(pirate())
    found = estimate_impact(desk, prompt(), QUIET, "alone", probes=MANY)
    exact = impact(desk, prompt(), QUIET, "alone")
    off = (_numbers(found.targets) - _numbers(exact.targets)).abs()
    assert (off <= 5 * _numbers(found.target_errors) + 0.05 * _numbers(exact.targets)).all()


def test_its_error_falls_as_the_root_of_the_probes():
    desk = Desk(pirate())
    few, many = (estimate_impact(desk, prompt(), probes=probes, seed=3) for probes in (40, 640))
    assert float((_numbers(few.target_errors) / _numbers(many.target_errors)).median()) == pytest.approx(4, rel=0.3)


def test_the_same_seed_draws_the_same_and_another_another():
    desk = Desk(pirate())
    one, again, other = (estimate_impact(desk, prompt(), probes=4, seed=seed) for seed in (1, 1, 2))
    assert one.targets == again.targets and one.targets != other.targets


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_adapter_is_estimated_or_says_why_not_and_all_is_as_it_was(kind: Kind):
    model = kind.build()
    desk = Desk(model)
    numbers, active = tiny.scalings(model), tiny.fingerprint(model)["active"]
    found = estimate_impact(desk, prompt(), probes=3)
    for name, adapter in desk.adapters.items():
        told, refused = found.targets.get(name, {}), found.why_not.get(name, {})
        assert {*told, *refused} == {target.name for target in adapter.scalable} and not {*told} & {*refused}
        assert all(len(reason) > 20 for reason in refused.values())
        assert all(torch.tensor(value).isfinite() and value >= 0 for value in told.values())
        for target in adapter.scalable:
            whole = target.name in told or target.kind not in found.kinds.get(name, {})
            assert whole, "a kind of which a part is missing"
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert tiny.fingerprint(model)["active"] == active
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    "build", [lambda: pirate(tiny.opt()), lambda: pirate(tiny.mixtral(), target_modules=["q_proj"])]
)
def test_models_whose_rows_cannot_run_side_by_side_are_estimated_too(build: Any):
    desk = Desk(build())
    found = estimate_impact(desk, prompt(), QUIET, probes=200)
    exact = impact(desk, prompt(), QUIET)
    off = (_numbers(found.targets) - _numbers(exact.targets)).abs()
    assert (off <= 6 * _numbers(found.target_errors) + 0.05 * _numbers(exact.targets)).all()


def test_what_is_silent_or_does_not_play_does_nothing():
    model = tiny.two()
    model.base_model.set_adapter("pirate")
    desk = Desk(model)
    mix = mix_of(kinds={"q_proj": 0.0})
    found = estimate_impact(desk, prompt(), mix, probes=2)
    assert set(found.targets["poet"].values()) == {0.0}
    assert found.kinds["pirate"]["q_proj"] == found.kind_errors["pirate"]["q_proj"] == 0
    assert found.kinds["pirate"]["v_proj"] > 0
    assert estimate_impact(desk, prompt(), desk.base(), probes=2).layers["pirate"] == {0: 0.0, 1: 0.0}


def test_who_calls_it_off_has_what_is_known_by_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lora_mixer.lora_ops.measure.estimate._AT_ONCE", 2)
    model = pirate()
    desk = Desk(model)
    numbers, seen = tiny.scalings(model), []
    found = estimate_impact(
        desk, prompt(), probes=9, progress=lambda done, total: seen.append(done), cancelled=lambda: len(seen) > 2
    )
    assert (found.probes, found.complete) == (4, False) and found.targets["pirate"]
    assert seen == [0, 2, 4, 4]
    nothing = estimate_impact(desk, prompt(), probes=9, cancelled=lambda: True)
    assert (nothing.probes, nothing.targets, nothing.complete) == (0, {}, False)
    assert tiny.same_objects(tiny.scalings(model), numbers)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"probes": 1}, "2 to 4,096 probes"),
        ({"probes": True}, "probes, not True"),
        ({"what": "loudly"}, "what must be"),
        ({"adapters": ["nobody"]}, "no adapter 'nobody'"),
        ({"mix": mix_of(kinds={"gate": 2.0})}, "has no kind 'gate'"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], why: str):
    desk = Desk(pirate())
    with pytest.raises(ValueError, match=why):
        estimate_impact(desk, prompt(), **asked)


def test_a_model_in_training_is_refused_and_one_that_raises_is_put_back():
    model = pirate()
    desk = Desk(model)
    numbers = tiny.scalings(model)
    model.train()
    with pytest.raises(ValueError, match="training mode"):
        estimate_impact(desk, prompt())
    model.eval()

    def fail(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate_impact(desk, prompt(), progress=fail)
    assert tiny.same_objects(tiny.scalings(model), numbers)
    found = estimate_impact(desk, prompt(), probes=2)
    assert isinstance(found, Estimate) and found.complete


def test_who_measures_with_an_estimate_knows_the_most_telling_targets_when_stopped_early():
    desk = Desk(pirate())
    believed = estimate_impact(desk, prompt(), probes=64).targets
    telling = sorted(believed["pirate"], key=lambda name: -believed["pirate"][name])
    done: list[int] = []
    found = impact(
        desk,
        prompt(),
        parts=["target"],
        rows=2,
        first=believed,
        progress=lambda at, total: done.append(at),
        cancelled=lambda: done[-1] >= 4,
    )
    assert not found.complete and set(found.targets["pirate"]) == set(telling[:4])
    whole, plain = (impact(desk, prompt(), first=first) for first in (believed, None))
    assert whole.targets["pirate"] == pytest.approx(plain.targets["pirate"], rel=1e-3, abs=1e-6)


def test_probes_that_go_back_together_are_those_that_go_alone(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(pirate())
    together = estimate_impact(desk, prompt(), probes=9, seed=5)
    monkeypatch.setattr("lora_mixer.lora_ops.measure.estimate._AT_ONCE", 1)
    alone = estimate_impact(desk, prompt(), probes=9, seed=5)
    assert _numbers(together.targets).tolist() == pytest.approx(_numbers(alone.targets).tolist(), rel=1e-5)
    assert together.complete and together.probes == alone.probes == 9


def test_what_knows_no_batches_on_the_way_back_goes_back_alone(monkeypatch: pytest.MonkeyPatch):
    desk, real, asked = Desk(pirate()), torch.autograd.grad, []

    def grad(*given: Any, is_grads_batched: bool = False, **more: Any) -> Any:
        asked.append(is_grads_batched)
        if is_grads_batched:
            raise RuntimeError("this function has no batching rule")
        return real(*given, **more)

    wanted = estimate_impact(desk, prompt(), probes=12, seed=5)
    monkeypatch.setattr("torch.autograd.grad", grad)
    found = estimate_impact(desk, prompt(), probes=12, seed=5)
    assert _numbers(found.targets).tolist() == pytest.approx(_numbers(wanted.targets).tolist(), rel=1e-5)
    assert asked == [True] + [False] * 12, "it is tried once"
