"""What the base itself says: the same whatever plays, of every question to which it says anything."""

from __future__ import annotations

from typing import Any

import torch
from helpers import tiny
from helpers.tiny import mix_of, pirate

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.learning.own_replies import EVERYDAY, own_replies


def test_they_are_the_base_s_likeliest_words_and_leave_the_faders_alone():
    desk = Desk(pirate())
    model: Any = desk.engine.model
    desk.apply(mix_of(master=0.7))
    told: list[tuple[int, int]] = []
    found = own_replies(desk, tiny.tokenizer(), tokens=6, progress=lambda done, of: told.append((done, of)))
    assert desk.mix == mix_of(master=0.7)
    assert 0 < len(found) <= len(EVERYDAY) and told[-1] == (len(EVERYDAY), len(EVERYDAY))
    with model.disable_adapter():
        for one in found:
            ids = torch.tensor([one.prompt])
            said = model.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1] :].tolist()
            assert list(one.reply) == said[: len(one.reply)] and len(one.reply) > 0


def test_called_off_they_are_those_so_far():
    desk = Desk(pirate())
    assert len(own_replies(desk, tiny.tokenizer(), tokens=6, cancelled=lambda: True)) <= len(EVERYDAY)
