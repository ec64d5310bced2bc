"""What the adapters are measured on is nothing that they were trained on."""

from __future__ import annotations

from lora_mixer.demo.prompts import HELD_OUT, TRAINING


def test_no_prompt_stands_twice_and_none_is_trained_on_and_measured_on() -> None:
    both = [*TRAINING, *HELD_OUT]
    assert len(both) == len({prompt.lower() for prompt in both})
    assert all(prompt[-1] in ".?!" and prompt[0].isupper() for prompt in both)
