"""Learning on tiny models: the mix that a text was said under is found again, and nothing of the model changes."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of, pirate
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Desk, Fader, Faders, Mix, learn
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.learning.learn import learning
from lora_mixer.lora_ops.optional_packages import MissingPackage


def said(desk: Desk, mix: Mix, count: int = 8, tokens: int = 24) -> list[Any]:
    """Prompts, and what the model says to each under a mix, drawn by chance."""
    model: Any = desk.engine.model
    found = []
    for at in range(count):
        prompt = torch.tensor([tiny.ids_of(f"Ahoy {at}")])
        with desk.rows([mix]):
            torch.manual_seed(at)
            out = model.generate(prompt, max_new_tokens=tokens, do_sample=True, top_k=0, eos_token_id=None)
        found.append((prompt, out[0, prompt.shape[1] :]))
    return found


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(pirate())


def test_what_was_said_at_half_the_gain_turns_the_master_down(desk: Desk):
    examples = said(desk, mix_of(master=0.3))
    found = learn(desk, tiny.tokenizer(), examples, over=("masters",), seed=1)
    assert found.learned and not found.note
    assert found.after < found.before and found.interval[0] > 0
    assert abs(found.mix["pirate"].master - 0.3) < 0.2
    assert len(found.held_out) == 2
    assert found.curve[0].mix == Mix() and found.curve[0].unseen == found.before


def test_of_two_adapters_the_one_that_is_wanted_goes_up_and_the_other_down():
    desk = Desk(tiny.two())
    examples = said(desk, Mix({"pirate": Faders(master=0.2), "poet": Faders(master=1.8)}), 12)
    found = learn(desk, tiny.tokenizer(), examples, over="masters", seed=2)
    assert found.mix["pirate"].master < 0.5
    assert found.mix["poet"].master > 1.2


def test_where_examples_are_what_the_model_says_already_nothing_moves(desk: Desk):
    examples = said(desk, Mix(), 12)
    found = learn(desk, tiny.tokenizer(), examples, seed=3)
    assert found.mix == Mix() and not found.learned and found.note and found.after == found.before


def test_from_pure_noise_nothing_is_learned_and_that_is_said(desk: Desk):
    chance = torch.Generator().manual_seed(5)
    noise = [(f"Ahoy {at}", torch.randint(2, 250, (24,), generator=chance)) for at in range(12)]
    found = learn(desk, tiny.tokenizer(), noise, seed=4)
    assert not found.learned and "nothing was learned" in found.note and found.mix == Mix()


def test_a_second_run_gives_the_same_numbers(desk: Desk):
    examples = said(desk, mix_of(kinds={"q_proj": 0.0, "down_proj": 0.2}))
    one, other = (learn(desk, tiny.tokenizer(), examples, over=("kinds", "layers"), seed=5) for _ in range(2))
    assert one.mix == other.mix and one.curve == other.curve


def test_texts_to_keep_hold_the_mix_near_the_base(desk: Desk):
    examples = said(desk, Mix())
    keep = ["The sea is calm tonight, and so is the shore.", "Boats lie beside the quay."]
    free = learn(desk, tiny.tokenizer(), examples, over="masters", seed=6)
    held = learn(desk, tiny.tokenizer(), examples, over="masters", keep=keep, keep_weight=50.0, seed=6)
    assert free.curve[0].changed is None
    first, last = (held.curve[at].changed for at in (0, -1))
    assert first is not None and last is not None and last < first
    assert held.curve[-1].mix["pirate"].master < 1


def test_nothing_of_the_model_changes_and_the_faders_stay(desk: Desk):
    model: Any = desk.engine.model
    desk.apply(mix_of(master=0.5))
    try:
        prints, state, scalings = tiny.fingerprint(model), tiny.state_of(model), tiny.scalings(model)
        found = learn(desk, tiny.tokenizer(), said(desk, mix_of(master=0.1)), over=("masters", "targets"), seed=7)
        assert found.learned
        assert tiny.fingerprint(model) == prints and tiny.same_tensors(tiny.state_of(model), state)
        assert tiny.scalings(model) == scalings and desk.mix == mix_of(master=0.5)
        assert all(parameter.grad is None for parameter in model.parameters())
    finally:
        desk.reset()


@torch.no_grad()
def nats(desk: Desk, examples: list[Any], mix: Mix) -> float:
    """Per token of the replies, by stock PEFT."""
    desk.apply(mix)
    total = count = 0.0
    for prompt, reply in examples:
        logits = desk.engine.model(input_ids=torch.cat([prompt[0], reply])[None]).logits[0]  # type: ignore[attr-defined]
        total += float(torch.nn.functional.cross_entropy(logits[prompt.shape[1] - 1 : -1], reply, reduction="sum"))
        count += len(reply)
    desk.reset()
    return total / count


@torch.no_grad()
def moved(desk: Desk, text: str, mix: Mix) -> float:
    """The mean divergence of the next token from the base, by stock PEFT."""
    model: Any = desk.engine.model
    ids = torch.tensor([tiny.ids_of(text)])
    with model.disable_adapter():
        base = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    desk.apply(mix)
    now = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    desk.reset()
    return float((base.exp() * (base - now)).sum(-1).mean())


def test_each_mix_on_the_way_is_worth_what_is_told_of_it_at_every_level(desk: Desk):
    examples = said(desk, mix_of(master=0.3))
    every = ("masters", "kinds", "layers", "targets")
    found = learn(desk, tiny.tokenizer(), examples, keep=["The sea is calm."], keep_weight=0.1, over=every, seed=1)
    from lora_mixer.lora_ops.learning.goals import parts_of

    held_out = [examples[at] for at in parts_of(8, 1)[0]]
    seen = [one for one in examples if not any(one is other for other in held_out)]
    assert {point.level for point in found.curve} == {0, 1, 2, 3}
    for point in found.curve:
        assert point.seen == pytest.approx(nats(desk, seen, point.mix), abs=1e-4)
        assert point.changed == pytest.approx(moved(desk, "The sea is calm.", point.mix), abs=1e-4)
        # Of a mix that was learned from all at last its twin speaks, whose mix is a point as well.
        alike = [other for other in found.curve if abs(other.unseen - point.unseen) < 1e-9]
        assert any(one.unseen == pytest.approx(nats(desk, held_out, one.mix), abs=1e-4) for one in alike)


def test_a_number_for_each_target_is_learned_from_all_examples_each_held_out_in_its_turn(desk: Desk):
    examples = said(desk, mix_of(kinds={"q_proj": 0.0, "down_proj": 0.2, "up_proj": 0.3}))
    found = learn(desk, tiny.tokenizer(), examples, over="targets", seed=5)
    assert found.learned and found.in_turn and found.held_out == tuple(range(8))
    assert found.before == pytest.approx(nats(desk, examples, Mix()), abs=1e-4)
    assert found.after < found.before and nats(desk, examples, found.mix) < found.before
    gains = found.mix["pirate"].modules
    low, high = ([gain for name, gain in gains.items() if ("down_proj" in name) is is_it] for is_it in (True, False))
    assert sum(low) / len(low) < sum(high) / len(high)
    again = learn(desk, tiny.tokenizer(), examples, over="targets", seed=5)
    assert again.mix == found.mix and again.curve == found.curve


def test_over_targets_too_nothing_is_learned_where_there_is_nothing_to_find(desk: Desk):
    found = learn(desk, tiny.tokenizer(), said(desk, Mix(), 12), over="targets", seed=3)
    assert not found.learned and found.mix == Mix() and found.note and found.after == found.before
    chance = torch.Generator().manual_seed(5)
    noise = [(f"Ahoy {at}", torch.randint(2, 250, (24,), generator=chance)) for at in range(12)]
    found = learn(desk, tiny.tokenizer(), noise, over="targets", seed=4)
    assert not found.learned and "nothing was learned" in found.note and found.mix == Mix()


@pytest.mark.parametrize("model", [lambda: pirate(tiny.quantised(4)), tiny.bfloat16], ids=["4 bits", "bfloat16"])
def test_targets_are_learned_on_a_base_in_few_bits(model: Any):
    desk = Desk(model())
    found = learn(desk, tiny.tokenizer(), said(desk, mix_of(master=0.1), 6), over="targets", seed=2)
    assert len(found.curve) > 1 and found.curve[1].seen < found.curve[0].seen


def test_stopping_at_any_step_keeps_the_best_so_far_and_gives_the_lock_back():
    lock = threading.Lock()
    desk = Desk(pirate(), lock)
    examples = said(desk, mix_of(master=0.2))
    run = learning(desk, tiny.tokenizer(), examples, over=("masters", "kinds"), seed=8)
    for update in run:
        assert update.step <= update.of
        if update.point is not None:
            run.stop()
    assert not run.result.complete
    assert run.result.after <= run.result.before
    assert lock.acquire(blocking=False)
    lock.release()
    for _ in learning(desk, tiny.tokenizer(), examples, seed=8):
        break
    assert lock.acquire(timeout=5) and desk.mix == Mix()


def test_faders_that_were_ticked_are_the_only_ones_to_move(desk: Desk):
    ticked = [Fader("pirate", "kind", "q_proj"), Fader("pirate", "layer", 1)]
    found = learn(desk, tiny.tokenizer(), said(desk, mix_of(master=0.2)), over=ticked, seed=9)
    faders = found.mix["pirate"]
    assert set(faders.kinds) <= {"q_proj"} and set(faders.layers) <= {1} and faders.master == 1 and not faders.modules


def test_a_batch_that_memory_does_not_hold_is_halved_then_blocks_are_worked_out_twice_then_it_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    from lora_mixer.lora_ops.engines.peft.pupil import Pupil

    examples = said(desk, mix_of(master=0.2), 4)
    whole = learn(desk, tiny.tokenizer(), examples, over="masters", seed=1)
    read, sizes = Pupil._read, []

    def scarce(self: Any, sheet: Any) -> Any:
        sizes.append((len(sheet.ids), self.checkpointing))
        if len(sheet.ids) > 1 or not self.checkpointing:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(self, sheet)

    monkeypatch.setattr(Pupil, "_read", scarce)
    found = learn(desk, tiny.tokenizer(), examples, over="masters", seed=1)
    assert sizes[0][0] > 1 and (1, True) in sizes
    assert found.economies == "memory was short: at most 1 text was read at once, and blocks were worked out twice"
    assert not whole.economies
    assert found.mix["pirate"].master == pytest.approx(whole.mix["pirate"].master, abs=1e-2)
    monkeypatch.setattr(Pupil, "_read", lambda self, sheet: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(RuntimeError, match="not enough memory to learn"):
        learn(desk, tiny.tokenizer(), examples, over="masters", seed=1)
    assert not any("forward" in vars(module) for module in desk.engine.model.modules())


@pytest.mark.parametrize("bits", [8, 4])
def test_gains_are_learned_on_a_base_in_few_bits(bits: int):
    desk = Desk(pirate(tiny.quantised(bits)))
    found = learn(desk, tiny.tokenizer(), said(desk, mix_of(master=0.2), 4), over="masters", seed=2)
    assert found.curve[-1].mix["pirate"].master < 1


@pytest.mark.parametrize("examples", [[], [("Ahoy", "there")]])
def test_too_few_examples_to_hold_one_out_are_refused(desk: Desk, examples: Any):
    with pytest.raises(ValueError, match="at least two examples"):
        learn(desk, tiny.tokenizer(), examples)


#: A crossfade that no product of faders tells, of which a kind is silent on either side.
SIDES = (mix_of(kinds={"q_proj": 0.0}, layers={0: 1.4}), mix_of(kinds={"up_proj": 0.0}, layers={1: 0.6}))


def test_a_crossfade_that_stands_is_learned_above_and_stays(desk: Desk):
    start = Mix.between(*SIDES, 0.4)
    crossfade = start["pirate"].crossfade
    assert crossfade is not None
    wanted = Mix({"pirate": Faders(master=0.3, crossfade=crossfade)})
    found = learn(desk, tiny.tokenizer(), said(desk, wanted), mix=start, over="masters", seed=1)
    assert found.learned and found.mix["pirate"].crossfade == crossfade
    assert abs(found.mix["pirate"].master - 0.3) < 0.2
    # The numbers that it tells are those of the mixes as the desk plays them.
    again = learn(desk, tiny.tokenizer(), said(desk, wanted), mix=found.mix, over="masters", seed=1)
    assert again.before == pytest.approx(found.after, abs=1e-4)


@pytest.mark.parametrize(
    "moving",
    [
        Mix.between(*SIDES, Fade(((0, 0.0), (9, 1.0)))),
        Mix.between(Mix(), mix_of(on=False), Fade(((0, 0.0), (9, 1.0)))),
        Mix.between(mix_of(fades={"kind:q_proj": Fade(((0, 0.0), (9, 1.0)))}, layers={0: 0.5}), SIDES[1], 0.5),
    ],
    ids=["between two mixes", "to the base", "a side fades"],
)
def test_a_crossfade_that_moves_over_a_reply_is_refused_by_name(desk: Desk, moving: Mix):
    with pytest.raises(ValueError, match="the crossfade moves over a reply in adapter 'pirate'.* have them stand"):
        learn(desk, tiny.tokenizer(), [("Ahoy", "there"), ("Who", "me")], mix=moving)


def test_without_scipy_it_says_so_before_anything_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingPackage, match="learning needs the package scipy"):
        learning(desk, tiny.tokenizer(), [("Ahoy", "there"), ("Who", "me")])


def test_what_cannot_be_learned_is_refused_with_the_reason(desk: Desk):
    pairs = [("Ahoy", "there"), ("Who", "me")]
    with pytest.raises(ValueError, match="DoRA"):
        learn(Desk(pirate(use_dora=True)), tiny.tokenizer(), pairs)
    with pytest.raises(ValueError, match="nothing to learn over called 'knobs'"):
        learn(desk, tiny.tokenizer(), pairs, over="knobs")
    with pytest.raises(ValueError, match="not heard"):
        learn(desk, tiny.tokenizer(), pairs, mix=desk.base(), adapters=["pirate"])
    with pytest.raises(ValueError, match="toy"):
        learn(Desk(ToyEngine()), None, pairs)
    with pytest.raises(ValueError, match="faders fade over a reply in adapter 'pirate'"):
        learn(desk, tiny.tokenizer(), pairs, mix=Mix({"pirate": Faders(fades={"master": Fade(((0, 0), (9, 1)))})}))
    with desk.rows([Mix()]), pytest.raises(RuntimeError, match="in use"):
        learn(desk, tiny.tokenizer(), pairs)
