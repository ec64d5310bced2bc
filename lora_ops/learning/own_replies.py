"""Texts to keep that are at hand without anybody typing any: what the base model itself says to everyday questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from ..desk import Desk
from ..lab.batches import Question, tokens_of
from ..lab.column import Column
from ..lab.experiment import experiment
from .examples import Example
from .lessons import prompt_ids

#: Nothing that an adapter is trained on: manners of speech are to change there as little as facts.
EVERYDAY = (
    "What is the capital of France?",
    "How do I boil an egg?",
    "Write a short note that the meeting is moved to Friday.",
    "Why is the sky blue?",
)
TOKENS = 32


def own_replies(
    desk: Desk,
    tokenizer: Any = None,
    prompts: Sequence[str] = EVERYDAY,
    *,
    tokens: int = TOKENS,
    chat: bool = True,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Example]:
    """What the base model replies, taking its likeliest words: for `learn(…, keep=own_replies(desk))`.

    Args:
        desk: of the model; its faders stay where they are.
        tokenizer: of that model; the engine's own if None.
        prompts: what it is asked.
        tokens: how long a reply may be.
        chat: False to take the prompts as they stand, without the tokenizer's chat template.
        progress: told how many of how many replies are there.
        cancelled: asked now and then; true ends it, with the replies so far.

    Returns:
        The prompts with their replies, as token ids, without those to which the model says nothing.
    """
    spoken = tokens_of(desk.engine, tokenizer)
    ids = [prompt_ids(Example(prompt, ""), spoken, chat) for prompt in prompts]
    questions = [Question(prompt, prompt, own) for prompt, own in zip(prompts, ids, strict=True) if own]
    generation = {"max_new_tokens": tokens, "do_sample": False}
    run = experiment(desk, tokenizer, questions, [Column("base", desk.base())], seeds=[0], generation=generation)
    with closing(iter(run)) as news:
        for update in news:
            if progress is not None:
                progress(update.done, update.trials)
            if cancelled is not None and cancelled():
                break
    said = [trial.result.columns[0].token_ids if trial.result else () for trial in run.trials]
    return [Example(tuple(one.token_ids), tuple(own)) for one, own in zip(questions, said, strict=True) if len(own)]
