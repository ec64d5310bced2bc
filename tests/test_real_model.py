"""The demo's model with the demo's adapters: what holds for tiny models holds for a real one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from lora_mixer.demo.base_model import load_base
from lora_mixer.demo.manners import MANNERS, marks
from lora_mixer.demo.prompts import HELD_OUT
from lora_mixer.lora_ops import Column, Desk, Faders, Mix, Result, advise, compare
from lora_mixer.lora_ops.lab.curves import likelihood_curve
from lora_mixer.lora_ops.lab.score import score
from lora_mixer.lora_ops.lab.sweep import parse_axis

ROOT = Path(__file__).resolve().parent.parent
ADAPTERS = ROOT / "demo" / "adapters"
PIRATE, BUTLER = "pirate", "butler"
TOKENS = 12

pytestmark = pytest.mark.slow


@dataclass
class Stage:
    """The model with both adapters playing, its desk, a question, and what the model said to it without adapters."""

    model: Any
    tokenizer: Any
    desk: Desk
    question: torch.Tensor
    without: torch.Tensor

    def logits(self) -> torch.Tensor:
        return said(self.model, self.question)

    def compare(self, mixes: list[Mix], generation: dict[str, Any], tokens: int = TOKENS) -> Result:
        columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
        settings = {"max_new_tokens": tokens, **generation}
        run = compare(self.desk, self.tokenizer, self.question, columns, seed=7, generation=settings)
        for _ in run:
            pass
        return run.result


@torch.no_grad()
def said(model: Any, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids).logits


@pytest.fixture(scope="module")
def stage() -> Stage:
    model, tokenizer = load_base(ROOT / ".cache")
    chat = [{"role": "user", "content": HELD_OUT[0]}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    question = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    without = said(model, question)
    model = PeftModel.from_pretrained(model, ADAPTERS / PIRATE, adapter_name=PIRATE)
    model.load_adapter(ADAPTERS / BUTLER, adapter_name=BUTLER)
    model.base_model.set_adapter([PIRATE, BUTLER])
    return Stage(model.eval(), tokenizer, Desk(model), question, without)


@pytest.fixture(autouse=True)
def as_loaded(stage: Stage) -> None:
    stage.desk.reset()


def test_both_adapters_are_found_with_all_their_targets(stage: Stage):
    pirate, butler = stage.desk.adapters[PIRATE], stage.desk.adapters[BUTLER]
    assert (len(pirate.scalable), len(pirate.layers), len(pirate.kinds)) == (210, 30, 7)
    assert (len(butler.scalable), butler.kinds) == (60, ("q_proj", "v_proj"))
    assert (pirate.method, butler.method) == ("lora", "lora")
    assert (pirate.rank_stabilised, butler.rank_stabilised) == (False, True)
    assert {target.scaling for target in pirate.targets} == {1.0}
    assert {target.scaling for target in butler.targets} == {4.0}
    assert stage.desk.parameters == 134_515_008
    assert 0.001 < pirate.share < 0.05
    for adapter in (pirate, butler):
        assert advise(adapter)


def test_gain_0_is_the_base_model_to_the_bit_and_reset_is_as_loaded(stage: Stage):
    loaded = stage.logits()
    assert not torch.equal(loaded, stage.without)
    stage.desk.apply(stage.desk.base())
    assert torch.equal(stage.logits(), stage.without)
    stage.desk.apply(Mix({PIRATE: Faders(master=0.5), BUTLER: Faders(kinds={"v_proj": 2.0})}))
    stage.logits()
    stage.desk.reset()
    assert torch.equal(stage.logits(), loaded)


@pytest.mark.parametrize(
    "generation",
    [{"do_sample": False}, {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "repetition_penalty": 1.1}],
    ids=["greedy", "sampled"],
)
def test_three_columns_of_one_batch_say_what_each_says_alone(stage: Stage, generation: dict[str, Any]):
    mixes = [
        Mix({PIRATE: Faders(), BUTLER: Faders(on=False)}),
        Mix({PIRATE: Faders(master=0.5, kinds={"down_proj": 1.5}), BUTLER: Faders(layers={3: 0.0})}),
        stage.desk.base(),
    ]
    result = stage.compare(mixes, generation)
    assert result.batched
    assert len({column.token_ids for column in result.columns}) == 3
    for column in result.columns:
        stage.desk.apply(column.mix)
        torch.manual_seed(7)
        settings = {"max_new_tokens": TOKENS, "attention_mask": torch.ones_like(stage.question), **generation}
        [tokens] = stage.model.generate(input_ids=stage.question, **settings)[:, stage.question.shape[1] :].tolist()
        end = stage.model.generation_config.eos_token_id
        assert column.token_ids == tuple(tokens[: tokens.index(end)] if end in tokens else tokens)
        assert column.text == stage.tokenizer.decode(column.token_ids, skip_special_tokens=True)


@pytest.mark.parametrize("name", [PIRATE, BUTLER])
def test_the_louder_an_adapter_the_stronger_its_manner(stage: Stage, name: str):
    other = BUTLER if name == PIRATE else PIRATE
    gains = [0.0, 0.5, 1.0]
    mixes = [Mix({name: Faders(master=gain), other: Faders(on=False)}) for gain in gains]
    result = stage.compare(mixes, {"do_sample": False}, tokens=24)
    counts = [marks(column.text, MANNERS[name]) for column in result.columns]
    assert result.batched
    assert counts[0] == 0
    assert counts[2] >= 2
    # What it says at gain 1 becomes likelier and likelier on the way there.
    reply = torch.tensor([list(result.columns[2].token_ids)])
    likely = []
    for mix in mixes:
        stage.desk.apply(mix)
        scores = said(stage.model, torch.cat([stage.question, reply], dim=1))[:, stage.question.shape[1] - 1 : -1]
        likely.append(scores.log_softmax(-1).gather(-1, reply[..., None]).mean().item())
    assert likely[0] < likely[1] < likely[2]


def test_targets_matter_differently(stage: Stage):
    loaded = stage.logits()

    def change(**faders: Any) -> float:
        stage.desk.apply(Mix({PIRATE: Faders(**faders)}))
        return (stage.logits() - loaded).abs().mean().item()

    by_kind = [change(kinds={kind: 0.0}) for kind in stage.desk.adapters[PIRATE].kinds]
    assert all(amount > 0 for amount in by_kind)
    assert max(by_kind) > 1.5 * min(by_kind)


def test_scores_are_those_of_every_token_alone(stage: Stage):
    mixes = [
        Mix({PIRATE: Faders(), BUTLER: Faders(on=False)}),
        Mix({PIRATE: Faders(master=0.5, kinds={"down_proj": 1.5}), BUTLER: Faders(layers={3: 0.0})}),
        stage.desk.base(),
    ]
    replies = [column.token_ids for column in stage.compare(mixes, {"do_sample": False}, tokens=6).columns]
    scores = score(stage.desk, stage.question, replies, mixes)
    for j in range(2):
        each = [torch.cat([stage.question, torch.tensor([replies[j][:at]])], dim=1) for at in range(len(replies[j]))]
        logprobs = []
        for mix in mixes:
            stage.desk.apply(mix)
            logprobs.append(torch.stack([said(stage.model, ids.long())[0, -1] for ids in each]).log_softmax(-1))
        for i in range(3):
            of_tokens = logprobs[i].gather(-1, torch.tensor([replies[j]]).T)[:, 0]
            assert scores.logprobs[i][j] == pytest.approx(of_tokens.tolist(), abs=2e-3)
            far = (logprobs[j].exp() * (logprobs[j] - logprobs[i])).sum(-1).mean()
            assert scores.divergence[i][j] == pytest.approx(float(far), abs=2e-3)
    assert [scores.agreement[at][at] for at in range(3)] == [1, 1, 1]
    for j in range(3):
        assert all(scores.perplexity[j][j] < scores.perplexity[i][j] for i in range(3) if i != j)


def test_an_adapter_makes_its_own_manner_likely_up_to_a_point(stage: Stage):
    base = Mix({BUTLER: Faders(on=False)})
    axis = parse_axis("master 0 to 3 in 0.5", stage.desk, base)
    text = "Ahoy, matey! Arr, I be sailin' the seven seas, aye."
    found = likelihood_curve(stage.desk, stage.tokenizer, text, axis, base, input_ids=stage.question)
    assert found.label == "pirate · master"
    assert found.points[0].divergence == 0
    assert found.best.mean_logprob > found.points[0].mean_logprob + 0.5
    assert 0 < found.best.gain < 3
