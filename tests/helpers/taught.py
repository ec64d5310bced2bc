"""Replies of a tiny model under a mix that is to be found again, and a console that learns from them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from helpers import tiny
from helpers.shelved import opened, shelf_host

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.learning.examples import Example
from lora_mixer.ui.learn.basket import Wanted
from lora_mixer.ui.page.studio import Studio

#: What learning takes by itself, without the base's own replies.
PLAIN: dict[str, Any] = {"source": "replies", "over": ["masters"], "faders": {}, "keep": "none", "steps": 4}


def said_under(desk: Desk, mix: Mix, count: int = 8, tokens: int = 24) -> list[Example]:
    """What the model says to some prompts under a mix, drawn by chance."""
    model: Any = desk.engine.model
    found = []
    for at in range(count):
        prompt = torch.tensor([tiny.ids_of(f"Ahoy {at}")])
        with desk.rows([mix]):
            torch.manual_seed(at)
            out = model.generate(prompt, max_new_tokens=tokens, do_sample=True, top_k=0, eos_token_id=None)
        found.append(Example(tuple(prompt[0].tolist()), tuple(out[0, prompt.shape[1] :].tolist())))
    return found


@lru_cache
def _said(master: float, count: int) -> list[Example]:
    """Every test learns from the same: the model is made the same each time."""
    return said_under(Desk(tiny.pirate()), tiny.mix_of(master=master), count)


def wanted(master: float = 0.3, count: int = 8) -> list[Wanted]:
    """The same as somebody has picked them."""
    return [Wanted(one, "picked", "tiny", f"Ahoy {at}") for at, one in enumerate(_said(master, count))]


def learn_tab(page: Any) -> Any:
    """Goes to the page of learning; the whole page."""
    page.get_by_role("tab", name="LoRA Mixer", exact=True).first.click()
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Learn", exact=True).click()
    page.locator("#lora-mixer-learn-page").wait_for()
    return page


def classroom(home: Path, master: float = 0.3, count: int = 8, **options: Any) -> Studio:
    """A console of a tiny pirate whose basket holds what that says at another gain."""
    console = opened(shelf_host(home, tiny.pirate(), **options))
    room = console.classrooms.of("page")
    room.basket.add(wanted(master, count))
    room.changed()
    return console
