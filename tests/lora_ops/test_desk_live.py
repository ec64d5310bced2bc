"""The desk while something happens: a generation that goes on, and moves from many threads."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.tiny import mix_of
from transformers import StoppingCriteria, StoppingCriteriaList

from lora_mixer.lora_ops import Desk, Mix


class Mover(StoppingCriteria):
    """Moves the faders when so many new tokens are there."""

    def __init__(self, desk: Desk, after: int, mix: Mix, prompt: int) -> None:
        self.move = lambda: desk.apply(mix)
        self.at = prompt + after

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        if input_ids.shape[1] == self.at:
            self.move()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool)


@pytest.mark.parametrize("build", [tiny.pirate, lambda: tiny.pirate(use_dora=True)], ids=["lora", "dora"])
@pytest.mark.parametrize("after", [1, 5, 11])
def test_a_mix_moved_in_the_middle_of_a_generation_is_obeyed_by_the_next_token(build: Any, after: int):
    ids = tiny.prompt()
    options = {
        "max_new_tokens": 12,
        "do_sample": False,
        "output_logits": True,
        "return_dict_in_generate": True,
        "attention_mask": torch.ones_like(ids),
    }
    model = build()
    desk = Desk(model)
    as_loaded = model.generate(input_ids=ids, **options)
    mover = Mover(desk, after, mix_of(master=-1.0), ids.shape[1])
    moved = model.generate(input_ids=ids, stopping_criteria=StoppingCriteriaList([mover]), **options)
    same = [torch.equal(one, other) for one, other in zip(as_loaded.logits, moved.logits, strict=True)]
    assert same[:after] == [True] * after
    assert same[after] is False
    # What follows is what the moved mix says after the tokens and the memory of those before.
    said = moved.sequences[:, : ids.shape[1] + after]
    past = build()
    with torch.no_grad():
        cache = past(input_ids=said[:, :-1], use_cache=True).past_key_values
        Desk(past).apply(mix_of(master=-1.0))
        expected = past(input_ids=said[:, -1:], past_key_values=cache).logits[:, -1]
    torch.testing.assert_close(moved.logits[after], expected, rtol=1e-3, atol=1e-3)


def test_faders_can_be_moved_from_many_threads_at_once():
    model = tiny.two()
    desk = Desk(model)
    mixes = [mix_of(master=gain / 4) for gain in range(8)]
    failures: list[BaseException] = []

    def move(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(100):
                desk.apply(dice.choice(mixes))
                if dice.random() < 0.05:
                    desk.refresh()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=move, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    gain = desk.mix["pirate"].master
    assert {desk.scaling(target) for target in desk.adapters["pirate"].targets} == {2.0 * gain}
