"""What a request says: every adapter's scale, the dice as transformers has them, and nothing that a server lacks."""

from __future__ import annotations

from typing import Any

import pytest

from lora_mixer.lora_ops.engines.llama_server.request import (
    reading_body,
    reading_one_body,
    reply_body,
    settings_of,
)
from lora_mixer.lora_ops.engines.sampling import Sampling

KNOWN = {"temperature", "top_k", "mirostat", "seed", "lora"}
GREEDY = {"temperature": 0.0, "top_k": 1}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, GREEDY),
        ({"do_sample": False, "temperature": 0.7}, GREEDY),
        ({"temperature": 0.7}, {"temperature": 0.7}),
        ({"do_sample": True}, {}),
        ({"do_sample": True, "top_p": 0.9, "repetition_penalty": 1.1}, {"top_p": 0.9, "repeat_penalty": 1.1}),
        ({"extras": {"mirostat": 2, "use_cache": True, "pad_token_id": 0}}, {"mirostat": 2}),
        # A penalty is no dice: who names it alone has none rolled, as with transformers.
        ({"repetition_penalty": 1.1}, {"repeat_penalty": 1.1, **GREEDY}),
    ],
)
def test_settings_mean_what_they_mean_to_transformers(said: dict[str, Any], told: dict[str, Any]) -> None:
    found = settings_of(Sampling(**said), KNOWN, 128)
    # transformers looks at all of the text for repetitions, a server at its last tokens alone.
    assert found.pop("repeat_last_n", None) == (128 if "repetition_penalty" in said else None)
    assert found == told


@pytest.mark.parametrize("name", ["warmth", "seed", "lora"])
def test_a_setting_that_the_server_lacks_or_that_is_ours_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        settings_of(Sampling(extras={name: 1}), KNOWN, None)


@pytest.mark.parametrize("seed", [0, 7, -1, 2**32 - 1, 2**40])
def test_no_seed_is_the_one_that_means_any(seed: int) -> None:
    assert 0 <= reply_body([1], [], {}, seed, None)["seed"] < 2**32 - 1


def test_nothing_read_under_other_scales_is_used_and_ours_outweighs_settings() -> None:
    scales = [{"id": 0, "scale": 0.5}, {"id": 1, "scale": 0.0}]
    body = reply_body((1, 2), scales, {"temperature": 0.5}, 3, 4)
    assert body["cache_prompt"] is False and body["lora"] == scales and body["prompt"] == [1, 2]
    assert body["n_predict"] == 4 and body["temperature"] == 0.5
    assert reply_body([1], scales, {}, 3, None)["n_predict"] == -1


def test_a_text_is_read_by_forcing_the_server_to_say_exactly_that() -> None:
    several = reading_body([1], [8, 9, 10], [])
    assert several["grammar"] == "root ::= <[8]> <[9]> <[10]>" and several["n_predict"] == 3
    one = reading_one_body([1], 8, [])
    assert one["logit_bias"][0][0] == 8 and one["n_predict"] == 1 and "grammar" not in one
    assert several["n_probs"] == one["n_probs"] == 1
