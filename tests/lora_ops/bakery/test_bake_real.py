"""The demo's model and adapters: what is written to disk plays what the desk plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from lora_mixer.demo.base_model import load_base
from lora_mixer.demo.prompts import HELD_OUT
from lora_mixer.lora_ops import Desk, Faders, Mix, bake, concatenate
from lora_mixer.lora_ops.bakery.writing import Writing

ROOT = Path(__file__).resolve().parents[3]
ADAPTERS = {name: ROOT / "demo" / "adapters" / name for name in ("pirate", "butler")}
MIX = Mix({"pirate": Faders(master=0.7, kinds={"q_proj": 1.3}, layers={3: 0.0}), "butler": Faders(master=0.3)})

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage() -> tuple[Any, Any, torch.Tensor]:
    model, tokenizer = load_base(ROOT / ".cache")
    chat = [{"role": "user", "content": HELD_OUT[0]}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    question = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    model = PeftModel.from_pretrained(model, ADAPTERS["pirate"], adapter_name="pirate")
    model.load_adapter(ADAPTERS["butler"], adapter_name="butler")
    model.base_model.set_adapter(list(ADAPTERS))
    return model.eval(), tokenizer, question


@pytest.mark.parametrize("way", ["folded", "patterned"])
@pytest.mark.parametrize("name", list(ADAPTERS))
def test_baked_adapters_play_the_mix(stage: Any, name: str, way: Any, tmp_path: Path):
    model, _, question = stage
    writing = Writing(sources=ADAPTERS, input_ids=question)
    baked = bake(Desk(model), MIX, name, tmp_path, "out", way, writing)
    # Logits go up to 35: float32 itself, against float64, is 8e-5 off there.
    assert baked.relative_difference is not None and baked.relative_difference < 1e-5
    assert (baked.objections["vLLM"] == []) == (way == "folded" or name == "butler")
    assert "SmolLM2-135M-Instruct" in (baked.folder / "README.md").read_text()


def test_both_in_one_say_what_both_say(stage: Any, tmp_path: Path):
    model, tokenizer, question = stage
    desk = Desk(model)
    writing = Writing(sources=ADAPTERS, input_ids=question)
    both = concatenate(desk, MIX, list(ADAPTERS), tmp_path, "both", writing)
    assert both.rank == 24 and both.targets == 210
    assert both.relative_difference is not None and both.relative_difference < 1e-5
    desk.apply(MIX)
    settings = {"max_new_tokens": 16, "do_sample": False, "attention_mask": torch.ones_like(question)}
    wanted = model.generate(input_ids=question, **settings)
    desk.reset()
    fresh = PeftModel.from_pretrained(load_base(ROOT / ".cache")[0], str(both.folder)).eval()
    told = fresh.generate(input_ids=question, **settings)
    assert tokenizer.decode(told[0]) == tokenizer.decode(wanted[0])
