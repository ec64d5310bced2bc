"""How a reply is asked for: the body of a `/completion`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..sampling import Sampling

#: transformers' names of settings, and the server's.
_NAMES = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repetition_penalty": "repeat_penalty",
}
#: What transformers is told besides and a server need not hear.
_FOR_OTHERS = ("pad_token_id", "bos_token_id", "eos_token_id", "use_cache")
#: What is ours to say.
_OURS = (
    "lora",
    "prompt",
    "stream",
    "n_predict",
    "max_tokens",
    "seed",
    "cache_prompt",
    "return_tokens",
    "n_probs",
    "stop",
)
_FAR_BACK = 8192
#: The server takes this one for "any".
_RANDOM = 2**32 - 1

#: Of one adapter's file the number that the server knows it by, and its scale.
Scales = Sequence[Mapping[str, Any]]


def settings_of(sampling: Sampling, known: Collection[str], context: int | None) -> dict[str, Any]:
    """The server's names and values of some settings. What is None is as the server was started.

    Without `do_sample` dice are rolled if any setting of theirs is given, a temperature, say.

    Args:
        sampling: under transformers' names; extras under the server's.
        known: the settings that the server has, by its own word.
        context: how many tokens its context holds, if it says so.

    Raises:
        ValueError: naming an extra that the server does not have.
    """
    found: dict[str, Any] = {}
    for ours, theirs in _NAMES.items():
        if (value := getattr(sampling, ours)) is not None:
            found[theirs] = value
    if sampling.repetition_penalty is not None:
        found["repeat_last_n"] = context or _FAR_BACK  # transformers looks at all of the text
    for name, value in sampling.extras.items():
        if name in _FOR_OTHERS or value is None:
            continue
        if name not in known or name in _OURS:
            raise ValueError(f"this llama-server has no setting {name!r}: leave it out")
        found[name] = value
    # Who says nothing of dice has none rolled, as with transformers: else the server's own settings would roll them.
    rolled = found.keys() - {"repeat_penalty", "repeat_last_n"}
    if sampling.do_sample is False or (sampling.do_sample is None and not rolled):
        found |= {"temperature": 0.0, "top_k": 1}
    return found


def reply_body(
    prompt: Sequence[int], scales: Scales, settings: Mapping[str, Any], seed: int, most: int | None
) -> dict[str, Any]:
    """What asks for a reply, or for the rest of one.

    Every adapter's scale is named: one that is left out counts as 0. Nothing that the server remembers of earlier
    prompts is used: it may have been read under other scales (`/lora-adapters` and the cache in memory do not mind).

    Args:
        prompt: token ids.
        scales: of every adapter's file that the server has.
        settings: of the sampling, under the server's names.
        seed: of the dice.
        most: how many tokens at most; None for as many as there is room for.
    """
    return {
        **settings,
        "prompt": list(prompt),
        "lora": list(scales),
        "n_predict": -1 if most is None else most,
        "seed": seed % _RANDOM,
        "stream": True,
        "return_tokens": True,
        "cache_prompt": False,
    }


def reading_body(prompt: Sequence[int], text: Sequence[int], scales: Scales) -> dict[str, Any]:
    """What asks how likely a text is: the server says that very text, forced by a grammar of token ids.

    The probabilities that it tells are those of the model, before samplers and grammar.

    Args:
        text: no special token is among them: a server ends when a grammar forces one that ends replies.
    """
    forced = "root ::= " + " ".join(f"<[{id}]>" for id in text)
    settings = {"temperature": 0.0, "top_k": 1, "n_probs": 1, "grammar": forced}
    return reply_body(prompt, scales, settings, 0, len(text))


def reading_one_body(prompt: Sequence[int], id: int, scales: Scales) -> dict[str, Any]:
    """The same for a single token, whichever it is, forced by a bias that the probabilities do not know."""
    settings = {"temperature": 0.0, "top_k": 1, "n_probs": 1, "logit_bias": [[id, 1e6]]}
    return reply_body(prompt, scales, settings, 0, 1)


def prompt_body(prompt: Sequence[int], scales: Scales) -> dict[str, Any]:
    """What asks how likely each token of a prompt is, in the words of TextGen's own build of llama.cpp.

    (`get_prompt_logprob_entries` in its modules/llama_cpp_server.py; a stock server passes over `prompt_logprobs`.)
    """
    wish = {"prompt_logprobs": True, "n_probs": 1, "stream": False}
    return {**reply_body(prompt, scales, {}, 0, 0), **wish}
