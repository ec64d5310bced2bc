"""Texts to keep that are at hand without anybody typing any: what the base model itself says to everyday prompts."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ...lora_ops.learning.examples import Example

if TYPE_CHECKING:
    from ...lora_ops import Desk

#: Nothing that an adapter is trained on: manners of speech are to change there as little as facts.
PROMPTS = (
    "What is the capital of France?",
    "How do I boil an egg?",
    "Write a short note that the meeting is moved to Friday.",
    "Why is the sky blue?",
)
TOKENS = 32


class OwnReplies:
    """The base model's replies, which stay the same as long as the model does: it takes its likeliest words."""

    def __init__(self) -> None:
        self._of: weakref.ref[Any] | None = None
        self._known: list[Example] = []

    def of(self, desk: Desk, stopped: Callable[[], bool], tell: Callable[[str], None]) -> list[Example]:
        """The prompts with those replies, as token ids; empty when it was stopped, or the model says nothing.

        Args:
            desk: of the model.
            stopped: asked now and then.
            tell: told how far it is, for people.
        """
        base = desk.engine.base
        if self._of is not None and self._of() is base:
            return self._known
        from ...lora_ops import Column, experiment
        from ...lora_ops.lab.batches import Question
        from ...lora_ops.learning.lessons import prompt_ids

        tokens = desk.engine.tokens
        prompts = [prompt_ids(Example(prompt, ""), tokens, chat=True) for prompt in PROMPTS]
        questions = [Question(PROMPTS[at], PROMPTS[at], ids) for at, ids in enumerate(prompts) if ids]
        generation = {"max_new_tokens": TOKENS, "do_sample": False}
        run = experiment(desk, None, questions, [Column("base", desk.base())], seeds=[0], generation=generation)
        with closing(iter(run)) as all_progress:
            for progress in all_progress:
                tell(f"The base model says what is to stay: {progress.done} of {progress.trials} replies …")
                if stopped():
                    return []
        said = [trial.result.columns[0].token_ids if trial.result else () for trial in run.trials]
        found = [
            Example(tuple(one.token_ids), tuple(ids)) for one, ids in zip(questions, said, strict=True) if len(ids) > 0
        ]
        self._of, self._known = weakref.ref(base), found
        return found
