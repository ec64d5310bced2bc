"""What one would learn from: prompts with the reply that one wants, in the order in which they came. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...lora_ops.learning.examples import MAX_EXAMPLES, Example


@dataclass(frozen=True)
class Wanted:
    """A reply that one wants, and where it comes from.

    Attributes:
        example: what is asked, and the reply.
        source: where it comes from, for people.
        model: whose tokens the prompt is made of; empty for texts, which any model reads.
        asked: what is asked, for people, where the prompt is token ids.
    """

    example: Example
    source: str
    model: str = ""
    asked: str = ""

    @property
    def question(self) -> str:
        """What is asked, for people: of a chat what its user said last."""
        prompt = self.example.prompt
        if isinstance(prompt, str):
            return prompt
        if prompt and isinstance(prompt[0], dict):
            return prompt[-1]["content"]
        return self.asked

    @property
    def chat(self) -> tuple[dict[str, str], ...]:
        """The question as a chat, to be asked again; empty where it is not known whole."""
        prompt = self.example.prompt
        if isinstance(prompt, str) or not prompt:
            return ({"role": "user", "content": prompt},) if isinstance(prompt, str) else ()
        if isinstance(prompt[0], dict):
            return tuple(prompt)
        return () if not self.asked or self.asked.endswith("…") else ({"role": "user", "content": self.asked},)


class Basket:
    """The replies that one wants, each under a key of its own."""

    def __init__(self) -> None:
        self._wanted: dict[int, Wanted] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Iterator[tuple[int, Wanted]]:
        return iter(list(self._wanted.items()))

    @property
    def examples(self) -> list[Wanted]:
        """All of them, in their order."""
        return list(self._wanted.values())

    def add(self, wanted: Iterable[Wanted]) -> int:
        """Adds those that are not in it yet; how many these are.

        Raises:
            ValueError: it would hold more than can be learned from; nothing is added then.
        """
        there = {_same(one) for one in self._wanted.values()}
        fresh: dict[object, Wanted] = {}
        for one in wanted:
            if (what := _same(one)) not in there:
                fresh.setdefault(what, one)
        if len(self) + len(fresh) > MAX_EXAMPLES:
            raise ValueError(f"there can be no more than {MAX_EXAMPLES:,} examples: remove some first")
        for one in fresh.values():
            self._last += 1
            self._wanted[self._last] = one
        return len(fresh)

    def remove(self, key: int) -> None:
        """Takes one out; that it is gone already is no error."""
        self._wanted.pop(key, None)

    def clear(self) -> None:
        """Takes all out."""
        self._wanted.clear()


def _same(wanted: Wanted) -> object:
    """What tells one example from another: its prompt and its reply."""
    prompt = wanted.example.prompt
    if isinstance(prompt, str):
        asked: object = prompt
    elif prompt and isinstance(prompt[0], dict):
        asked = tuple(tuple(sorted(message.items())) for message in prompt)
    else:
        asked = (wanted.model, *prompt)
    return asked, wanted.example.reply
