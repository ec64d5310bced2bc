"""Fields that nobody heeds are told, and only those."""

from __future__ import annotations

from helpers import tiny

from lora_mixer.lora_ops.shelf.known_fields import ignored_fields


def test_a_configuration_of_the_installed_peft_has_nothing_to_tell() -> None:
    config = {key: value for key, value in tiny.lora(use_rslora=True).to_dict().items() if value is not None}
    assert list(ignored_fields({**config, "peft_type": "LORA"})) == []


def test_what_says_something_and_means_nothing_is_told_by_name() -> None:
    fields = {"peft_type": "LORA", "r": 4, "volume": 11, "empty": None, "none": [], "init_lora_weights": "as you like"}
    told = list(ignored_fields(fields))
    assert len(told) == 2 and told[0].startswith("volume is no option") and "as you like" in told[1]
    assert max(len(sentence) for sentence in ignored_fields({"peft_type": "LORA", "x" * 500: 1})) < 200


def test_of_a_method_that_nobody_here_knows_nothing_is_said() -> None:
    assert list(ignored_fields({"peft_type": "SURPRISE", "anything": 1})) == []
