"""Examples as the model reads them: token ids, checked against what it can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engines.lesson import Lesson
from .examples import Example, as_example


def lessons_of(examples: Sequence[Any], tokens: Any, context: int | None, chat: bool = True) -> list[Lesson]:
    """Each example as token ids.

    What a user says is put into the tokenizer's chat template, if it has one, and `chat` is true, and there is no
    special token in the text already: that is what a template has made. No end is put after a reply, which may be
    one that was cut.

    Args:
        examples: pairs of a prompt and a reply, or ones made as `Example`.
        tokens: the tokenizer.
        context: how many tokens the model reads, where that is known.
        chat: False to take texts as they stand.

    Raises:
        ValueError: an example is none, has no token, or is longer than the context; the message names it.
    """
    found = []
    for at, given in enumerate(examples, 1):
        example = as_example(given, at)
        reply = _ids(tokens, example.reply)
        if not reply:
            raise ValueError(f"the reply of example {at} has no token: there is nothing to learn from it")
        prompt = prompt_ids(example, tokens, chat)
        if not prompt:
            raise ValueError(f"the prompt of example {at} has no token: a reply follows at least one")
        if context is not None and len(prompt) + len(reply) > context:
            raise ValueError(
                f"example {at} is {len(prompt) + len(reply):,} tokens long; this model reads {context:,}: shorten it"
            )
        found.append(Lesson(prompt, reply))
    return found


def texts_of(texts: Sequence[Any], tokens: Any, context: int | None, chat: bool = True) -> list[Lesson]:
    """Texts that stay as they are, or examples whose replies do: of a text all tokens but the first are the reply.

    Raises:
        ValueError: a text has fewer than two tokens, or is longer than the context.
    """
    found = []
    for at, text in enumerate(texts, 1):
        if not isinstance(text, str):
            found += lessons_of([text], tokens, context, chat)
            continue
        ids = tuple(tokens.encode(text))
        if len(ids) < 2:
            raise ValueError(f"text {at} of those to keep has fewer than two tokens: there is nothing to keep")
        if context is not None and len(ids) > context:
            raise ValueError(f"text {at} of those to keep is {len(ids):,} tokens long; this model reads {context:,}")
        found.append(Lesson(ids[:1], ids[1:]))
    return found


def prompt_ids(example: Example, tokens: Any, chat: bool) -> tuple[int, ...]:
    """The prompt as the model reads it."""
    prompt = example.prompt
    if not isinstance(prompt, str) and prompt and isinstance(prompt[0], dict):
        if not getattr(tokens, "chat_template", None):
            spoken = "\n".join(f"{message['role']}: {message['content']}" for message in prompt)
            return tuple(tokens.encode(f"{spoken}\nassistant:"))
        return _templated(tokens, list(prompt))
    if not isinstance(prompt, str):
        return tuple(int(one) for one in prompt)  # type: ignore[arg-type]
    # Tokens of blanks are added ones too, in some tokenizers: those alone that are marked as special tell a template.
    added = (str(one) for one in getattr(tokens, "added_tokens_decoder", {}).values() if one.special)
    special = any(one and one in prompt for one in (*getattr(tokens, "all_special_tokens", ()), *added))
    if chat and not special and getattr(tokens, "chat_template", None):
        return _templated(tokens, [{"role": "user", "content": prompt}])
    return tuple(tokens.encode(prompt, add_special_tokens=not special))


def _templated(tokens: Any, messages: list[Any]) -> tuple[int, ...]:
    text = tokens.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tuple(tokens.encode(text, add_special_tokens=False))


def _ids(tokens: Any, reply: Any) -> tuple[int, ...]:
    found = tokens.encode(reply, add_special_tokens=False) if isinstance(reply, str) else reply
    return tuple(int(one) for one in found)
