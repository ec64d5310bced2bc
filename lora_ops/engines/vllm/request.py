"""How a reply is asked for: the body of a `/v1/completions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..sampling import Sampling
from .client import SGLANG, VLLM, Dialect

#: Settings that transformers and the server call alike.
_NAMES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
#: What transformers is told besides and a server need not hear.
_FOR_OTHERS = ("pad_token_id", "bos_token_id", "eos_token_id", "use_cache")


def settings_of(sampling: Sampling, dialect: Dialect = VLLM) -> dict[str, Any]:
    """The server's names and values of some settings. What is None is as the server has it.

    Without `do_sample` dice are rolled if any setting of theirs is given, a temperature, say.

    Raises:
        ValueError: naming a setting that the server does not have.
    """
    if sampling.typical_p is not None:
        raise ValueError(f"{dialect.name} has no setting 'typical_p': leave it out")
    found: dict[str, Any] = {name: value for name in _NAMES if (value := getattr(sampling, name)) is not None}
    for name, value in sampling.extras.items():
        if name in _FOR_OTHERS or value is None:
            continue
        if name not in dialect.settings:
            raise ValueError(f"{dialect.name} has no setting {name!r}: leave it out")
        found[name] = value
    if found.get("top_k") == 0 and dialect is SGLANG:
        found["top_k"] = -1  # its word for none
    rolled = found.keys() & {"temperature", "top_k", "top_p", "min_p"}
    if sampling.do_sample is False or (sampling.do_sample is None and not rolled):
        found["temperature"] = 0.0
    return found


def reply_body(model: str, prompt: Sequence[int], settings: dict[str, Any], seed: int, most: int) -> dict[str, Any]:
    """What asks for a reply, or for the rest of one.

    Args:
        model: what the server calls the mix.
        prompt: token ids.
        settings: of the sampling, under the server's names.
        seed: of the dice.
        most: how many tokens at most.
    """
    return {
        **settings,
        "model": model,
        "prompt": list(prompt),
        "max_tokens": most,
        "seed": seed,
        "stream": True,
        "return_token_ids": True,
    }


def reading_body(model: str, prompt: Sequence[int], text: Sequence[int]) -> dict[str, Any]:
    """What asks how likely a text is after a prompt; one more token is said, which nobody needs."""
    return {
        "model": model,
        "prompt": [*prompt, *text],
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": 0,
    }


def likelihood_body(model: str, base: str, prompt: Sequence[int], text: Sequence[int]) -> dict[str, Any]:
    """The same for SGLang's `/generate`: its OpenAI-like calls never tell it of a prompt.

    What it tells begins with a token of which it tells nothing: the prompt's last.
    """
    adapter = {"lora_path": model.removeprefix(f"{base}:")} if model != base else {}
    return {
        **adapter,
        "input_ids": [*prompt, *text],
        "sampling_params": {"max_new_tokens": 1, "temperature": 1.0},
        "return_logprob": True,
        "logprob_start_len": max(0, len(prompt) - 1),
        "top_logprobs_num": 1,
    }
