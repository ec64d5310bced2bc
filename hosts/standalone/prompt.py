"""From a chat and its settings to a `Request`: template, sampling, the end of a reply, the room in the context."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ...lora_ops.engines.sampling import Sampling
from ..protocol import HostError, Request

_MARK = "Lorem ipsum"
Written = TypeVar("Written")


@dataclass(frozen=True)
class Settings:
    """The chat's settings, in the order of their components on the page."""

    system: str = ""
    max_new_tokens: int = 256
    do_sample: bool = True
    temperature: float = 0.5
    top_p: float = 0.9
    top_k: int = 40
    min_p: float = 0.0
    repetition_penalty: float = 1.1
    seed: int = -1
    stop_strings: str = ""

    @classmethod
    def of(cls, values: Sequence[Any]) -> Settings:
        """The settings from the values of their components; an emptied field counts as its default.

        Raises HostError when a number is outside what `model.generate` takes.
        """
        default = cls()
        names = list(cls.__dataclass_fields__)
        given = dict(zip(names, values, strict=True))
        settings = cls(
            **{
                name: getattr(default, name) if value is None else type(getattr(default, name))(value)
                for name, value in given.items()
            }
        )
        settings._check()
        return settings

    def _check(self) -> None:
        limits: list[tuple[str, bool, str]] = [
            ("Reply length", self.max_new_tokens >= 1, "at least 1"),
            ("Temperature", 0 <= self.temperature <= 100, "between 0 and 100"),
            ("Top-p", 0 < self.top_p <= 1, "above 0, and 1 at most"),
            ("Top-k", self.top_k >= 0, "0 (off) or more"),
            ("Min-p", 0 <= self.min_p <= 1, "between 0 and 1"),
            ("Repetition penalty", 0 < self.repetition_penalty <= 100, "above 0"),
            ("Seed", -1 <= self.seed < 2**63, "-1 (a new one each time) or a whole number from 0 on"),
        ]
        for name, fine, allowed in limits:
            if not fine:
                raise HostError(f"{name} must be {allowed}.")


def build_request(
    model: Any, tokenizer: Any, messages: list[dict[str, str]], settings: Settings, opening: str = ""
) -> Request:
    """`messages` (the last one the user's) as a request to `model`; the reply goes on from `opening`.

    Raises HostError when the prompt leaves no room for a reply in the model's context.
    """
    prompt = render(tokenizer, messages) + opening
    token_ids = tuple(tokenizer(prompt, add_special_tokens=not tokenizer.chat_template)["input_ids"])
    left = room(context_length(model, tokenizer), len(token_ids), has_replies(messages))
    return Request(
        prompt=prompt,
        token_ids=token_ids,
        sampling=_sampling(model, tokenizer, settings, left),
        stop_strings=stop_strings(settings, has_template=bool(tokenizer.chat_template)),
        seed=seed(settings),
        opening=opening,
    )


def seed(settings: Settings) -> int:
    """What the dice are seeded with: never -1."""
    return settings.seed if settings.seed >= 0 else random.SystemRandom().randrange(2**31)


def stop_strings(settings: Settings, has_template: bool) -> tuple[str, ...]:
    """The texts that end a reply: the user's, and where there is no template the beginning of the next turn."""
    own = tuple(line.replace(r"\n", "\n") for line in settings.stop_strings.splitlines() if line)
    return own if has_template else (*own, "\nUser:")


def has_replies(messages: list[dict[str, str]]) -> bool:
    """Whether turns of a chat come before what is asked."""
    return any(message["role"] == "assistant" for message in messages)


def render(tokenizer: Any, messages: list[dict[str, str]], reply_next: bool = True) -> str:
    """The chat as the model sees it. A tokenizer without a template gets a plain "User: … Assistant: …"."""
    if not tokenizer.chat_template:
        return without_template(messages, reply_next)
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": reply_next}
    return with_template(lambda chat: str(tokenizer.apply_chat_template(chat, **options)), messages)


def without_template(messages: list[dict[str, str]], reply_next: bool = True) -> str:
    """The chat for a model that comes with no template."""
    titles = {"system": "", "user": "User: ", "assistant": "Assistant: "}
    lines = [titles[message["role"]] + message["content"] for message in messages]
    return "\n".join([*lines, "Assistant:"] if reply_next else lines)


def with_template(apply: Callable[[list[dict[str, str]]], Written], messages: list[dict[str, str]]) -> Written:
    """The chat as a template writes it, whoever applies it: a text, or its tokens."""
    try:
        return apply(messages)
    except Exception:
        # Some templates refuse a system prompt: then it opens the first thing the user says.
        if messages[0]["role"] != "system" or len(messages) < 2:
            raise
        first = {"role": "user", "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
        return apply([first, *messages[2:]])


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The ids of the tokens that end a reply: what model and tokenizer name, and what the template puts after one."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ids = [*(named if isinstance(named, (list, tuple)) else [named]), tokenizer.eos_token_id]
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": _MARK}]
        after = render(tokenizer, turn, reply_next=False).rpartition(_MARK)[2]
        first = tokenizer(after.lstrip(), add_special_tokens=False)["input_ids"][:1]
        # Only a token made for the purpose: a template may also go on with a plain line break.
        ids += [token for token in first if token in tokenizer.all_special_ids]
    return sorted({token for token in ids if token is not None})


def _sampling(model: Any, tokenizer: Any, settings: Settings, left: int) -> Sampling:
    ends = end_tokens(model, tokenizer)
    rolls = settings.do_sample and settings.temperature > 0
    # transformers' own neutral values, for settings that the model's generation_config may hold otherwise.
    temperature, top_p, top_k = (settings.temperature, settings.top_p, settings.top_k) if rolls else (1.0, 1.0, 50)
    return Sampling(
        max_new_tokens=min(settings.max_new_tokens, left),
        do_sample=rolls,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=settings.min_p if rolls and settings.min_p > 0 else None,
        repetition_penalty=settings.repetition_penalty,
        extras={
            "eos_token_id": ends or None,
            "pad_token_id": tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (ends or [0])[0],
        },
    )


def room(context: int | None, tokens: int, earlier: bool) -> int:
    """How many tokens a reply to a prompt of so many may have; `earlier`: whether turns of a chat are among them.

    Raises HostError when there is no room for a reply.
    """
    if context is None:
        return 2**31
    if tokens >= context:
        said, cure = ("chat has grown to", "Clear the chat, or say") if earlier else ("prompt has", "Say")
        raise HostError(f"The {said} {tokens} tokens, and the model reads {context}. {cure} it shorter.")
    return context - tokens


def context_length(model: Any, tokenizer: Any) -> int | None:
    """How many tokens the model reads, prompt and reply together, or None where nothing says so."""
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        length = getattr(config, name, None)
        if isinstance(length, int) and length > 0:
            return length
    length = getattr(tokenizer, "model_max_length", None)
    return length if isinstance(length, int) and length < 10**9 else None
