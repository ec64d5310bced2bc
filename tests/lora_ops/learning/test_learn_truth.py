"""Learning on the demo's model, where the right answer is known; the bench asks more of it (`bench/truth.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from peft import PeftModel

from lora_mixer.bench.demo_stage import Stage
from lora_mixer.bench.spoiled import below, spoiled
from lora_mixer.demo.base_model import load_base
from lora_mixer.demo.prompts import HELD_OUT
from lora_mixer.lora_ops import Desk, Faders, Mix, learn

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES, TOKENS = 8, 40

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage() -> Stage:
    model, tokenizer = load_base(ROOT / ".cache")
    model = PeftModel.from_pretrained(model, ROOT / "demo" / "adapters" / "pirate", adapter_name="pirate").eval()
    return Stage(model, tokenizer, Desk(model))


def test_of_an_adapter_a_fifth_of_which_is_noise_most_of_what_that_cost_is_won_back(stage: Stage):
    said = stage.replies(Mix(), HELD_OUT[: 2 * EXAMPLES], TOKENS)
    examples, others = said[:EXAMPLES], said[EXAMPLES:]
    clean = stage.nats(others, Mix())
    with spoiled(stage.model, "pirate", 42, 6.0, seed=4) as noise:
        noisy = stage.nats(others, Mix())
        found = learn(stage.desk, stage.tokenizer, examples, over="targets")
        after = stage.nats(others, found.mix)
        louder = [stage.nats(others, Mix({"pirate": Faders(master=master)})) for master in (1.25, 1.5)]
    gains = {target.name: found.mix.gain(target) for target in stage.desk.adapters["pirate"].scalable}
    assert noise < set(gains) and len(gains) == 210
    won, master = ((noisy - one) / (noisy - clean) for one in (after, min(louder)))
    ranked = below([gains[name] for name in noise], [gain for name, gain in gains.items() if name not in noise])
    told = f"won back {won:.2f}, the best master {master:.2f}, noise below what is clean {ranked:.2f}"
    assert found.learned and found.in_turn and found.interval[0] > 0, told
    assert won >= 0.7 and won > master, told
    assert ranked >= 0.8, told
