"""What an API says when it does not answer has the form that OpenAI's clients read."""

from __future__ import annotations

import pytest

from lora_mixer.hosts.openai_refusal import Refusal


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (503, "server_error")])
def test_a_refusal_says_whose_fault_it_is(status: int, kind: str) -> None:
    told = Refusal(status, "no such mix", "invalid_lora_mix", "lora_mix").to_dict()
    assert told == {"error": {"message": "no such mix", "type": kind, "param": "lora_mix", "code": "invalid_lora_mix"}}
