"""Settings in the server's words."""

from __future__ import annotations

import pytest

from lora_mixer.lora_ops.engines.sampling import Sampling
from lora_mixer.lora_ops.engines.vllm.client import SGLANG
from lora_mixer.lora_ops.engines.vllm.request import reply_body, settings_of


def test_no_dice_are_rolled_unless_something_is_said_of_them() -> None:
    assert settings_of(Sampling()) == {"temperature": 0.0}
    assert settings_of(Sampling(do_sample=False, temperature=0.8))["temperature"] == 0.0
    assert settings_of(Sampling(top_p=0.9)) == {"top_p": 0.9}
    assert settings_of(Sampling(do_sample=True)) == {}
    assert settings_of(Sampling.of({"frequency_penalty": 0.5, "pad_token_id": 0})) == {
        "frequency_penalty": 0.5,
        "temperature": 0.0,
    }


def test_no_limit_on_the_likeliest_is_written_as_each_server_has_it() -> None:
    assert settings_of(Sampling(top_k=0))["top_k"] == 0
    assert settings_of(Sampling(top_k=0), SGLANG)["top_k"] == -1


@pytest.mark.parametrize("settings", [{"typical_p": 0.5}, {"num_beams": 4}])
def test_a_setting_that_it_does_not_have_is_named(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        settings_of(Sampling.of(settings))


def test_a_reply_is_asked_for_with_its_tokens() -> None:
    body = reply_body("mixer-1", (1, 2), {"temperature": 0.0}, 7, 16)
    assert body["prompt"] == [1, 2] and body["max_tokens"] == 16 and body["return_token_ids"] and body["seed"] == 7
