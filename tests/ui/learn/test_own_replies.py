"""What the base model says by itself is asked once, as long as it is the same model."""

from __future__ import annotations

from helpers import tiny

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.peft.engine import PeftEngine
from lora_mixer.ui.learn.own_replies import OwnReplies


def desk() -> Desk:
    return Desk(PeftEngine.of(tiny.pirate(), tiny.tokenizer()))


def test_they_are_asked_once_and_of_another_model_again() -> None:
    own, one, told = OwnReplies(), desk(), list[str]()
    first = own.of(one, lambda: False, told.append)
    assert first and "what is to stay" in told[-1]
    told.clear()
    assert own.of(one, lambda: False, told.append) is first and not told
    assert own.of(desk(), lambda: False, told.append) == first and told


def test_stopped_there_are_none_and_they_are_asked_again() -> None:
    own, one = OwnReplies(), desk()
    assert own.of(one, lambda: True, lambda text: None) == []
    assert own.of(one, lambda: False, lambda text: None)
