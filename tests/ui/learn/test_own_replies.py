"""Texts to keep that are at hand: what the base model says by itself."""

from __future__ import annotations

import torch
from helpers import tiny

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.peft.engine import PeftEngine
from lora_mixer.ui.learn.own_replies import PROMPTS, TOKENS, OwnReplies


def test_they_are_the_base_models_likeliest_words_whatever_the_faders_say() -> None:
    desk = Desk(PeftEngine.of(tiny.pirate(), tiny.tokenizer()))
    desk.apply(tiny.mix_of(master=1.7))
    told: list[str] = []
    found = OwnReplies().of(desk, lambda: False, told.append)
    assert len(found) == len(PROMPTS) and told
    assert desk.mix == tiny.mix_of(master=1.7)
    prompt = torch.tensor([found[0].prompt])
    with tiny.without_adapters(desk.engine.model):
        said = desk.engine.model.generate(prompt, max_new_tokens=TOKENS, do_sample=False)[0, prompt.shape[1] :]
    assert list(found[0].reply) == said.tolist()[: len(found[0].reply)] and len(found[0].reply) > 1


def test_stopped_there_are_none_and_they_are_asked_again() -> None:
    desk, own = Desk(PeftEngine.of(tiny.pirate(), tiny.tokenizer())), OwnReplies()
    assert own.of(desk, lambda: True, lambda text: None) == []
    assert len(own.of(desk, lambda: False, lambda text: None)) == len(PROMPTS)
