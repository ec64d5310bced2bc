"""An engine in plain Python: no torch, no model, and yet adapters, gains, dice and likelihoods that hang together.

What follows a text is a softmax over scores that a hash of the last tokens gives; every target adds scores of its own,
times its gain. It shows what an engine needs, and plays where torch is not installed.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lora_mixer.lora_ops import Adapter, Judgement, Mix, NotInRows, Sampling, Target
from lora_mixer.lora_ops.engines.engine import Ability, Cancelled, Hear, Token, Turn, Voice

LETTERS = "abcdefghijklmnopqrstuvwxyz .,!?"
END = len(LETTERS)
TARGETS = [f"model.layers.{layer}.self_attn.{kind}" for layer in range(2) for kind in ("q_proj", "v_proj")]


class Letters:
    """A token is a letter."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        return [LETTERS.index(letter) for letter in text.lower() if letter in LETTERS]

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return "".join(LETTERS[id] for id in token_ids if id < END)


class ToyEngine:
    """Members as `engines.engine.Engine` tells them."""

    name = "toy"
    parameters = 1_000
    context = 200

    def __init__(self, names: Sequence[str] = ("pirate", "poet"), rows: bool = True) -> None:
        self.tokens = Letters()
        self.desk: Any = None
        self.adapters = {name: _adapter(name) for name in names}
        self.as_loaded = tuple(names)
        self._rows = rows
        self._plays: list[Mix] = [Mix()]
        self._rest = Mix()
        self._in_use = False

    @property
    def base(self) -> Any:
        return self

    def why_not(self, what: Ability) -> str:
        return {
            "rows": "" if self._rows else "a toy of this kind plays one mix at a time",
            "rank": "the targets of a toy are heard whole: they have no components",
            "weights": "a toy has no weights",
            "impact": "a toy has no layers to silence",
            "learn": "a toy has nothing that a gradient could follow",
            "load": "a toy keeps the adapters that it came with",
        }.get(what, "")

    def differs(self, what: Ability) -> str:
        return ""

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        if self._in_use:
            raise RuntimeError("rows are in use")
        return self.why_not("rows") if len(set(map(repr, mixes))) > 1 else ""

    def unsettled(self) -> bool:
        return False

    def outdated(self) -> bool:
        return False

    def refresh(self) -> None:
        pass

    def play(self, mix: Mix) -> None:
        self._rest = mix
        if not self._in_use:
            self._plays = [mix]

    def scaling(self, target: Target) -> Any:
        return self._plays[0].gain(target) * target.scaling

    @contextmanager
    def changing(self) -> Iterator[None]:
        yield

    def check_free(self) -> None:
        if self._in_use:
            raise RuntimeError("rows are in use")

    alone = changing

    @contextmanager
    def rows(self, mixes: Sequence[Mix]) -> Iterator[Callable[[int], None]]:
        if why_not := self.why_not_rows(mixes):
            raise NotInRows(why_not)
        self._in_use, self._plays = True, list(mixes)
        try:
            yield lambda token: None
        finally:
            self._in_use, self._plays = False, [self._rest]

    def ends(self, sampling: Sampling) -> list[int]:
        return [END]

    def limit(self, sampling: Sampling) -> int | None:
        return sampling.max_new_tokens

    def say(self, prompt: Sequence[int], voices: Sequence[Voice], sampling: Sampling, hear: Hear, turn: Turn) -> None:
        said: list[list[int]] = [[] for _ in voices]
        dice = [random.Random(voice.seed) for voice in voices]
        over, most = [False] * len(voices), sampling.max_new_tokens or 50
        for at in range(most):
            turn(at)
            for row, voice in enumerate(voices):
                chances = self._chances([*prompt, *said[row]], voice.mix.at(at), sampling.temperature or 1.0)
                rolled = dice[row].random() if sampling.do_sample else None
                said[row].append(_drawn(chances, rolled))
            over = list(hear({row: Token(said[row][-1], at + 1 == most) for row in range(len(voices))}))
            if all(over):
                return

    def let_go(self) -> None:
        pass

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError)

    def give_back(self) -> None:
        pass

    def reader(self, prompt: Sequence[int], cancelled: Callable[[], bool], held: Any, keep: bool) -> Any:
        return _Reader(self, prompt, cancelled, held)

    def _chances(self, context: Sequence[int], mix: Mix, temperature: float = 1.0) -> list[float]:
        scores = _scores("base", context)
        for adapter in self.adapters.values():
            for target in adapter.targets:
                if gain := mix.gain(target) * target.scaling:
                    for id, more in enumerate(_scores(f"{adapter.name} {target.name}", context)):
                        scores[id] += gain * more / 2
        top = max(scores)
        weights = [math.exp((score - top) / temperature) for score in scores]
        return [weight / sum(weights) for weight in weights]


class _Reader:
    def __init__(self, engine: ToyEngine, prompt: Sequence[int], cancelled: Callable[[], bool], held: Any) -> None:
        self._engine, self._prompt, self._cancelled, self._held = engine, prompt, cancelled, held

    def judge(self, text: Sequence[int], mixes: Sequence[Mix], reference: Mix) -> list[Judgement]:
        return [self._one(text, mix, reference) for mix in mixes]

    def forget(self) -> None:
        pass

    def _one(self, text: Sequence[int], mix: Mix, reference: Mix) -> Judgement:
        logprobs, far, agreed = [], 0.0, 0
        with self._held([mix]):
            for at, id in enumerate(text):
                if self._cancelled():
                    raise Cancelled
                context = [*self._prompt, *text[:at]]
                own, other = (self._engine._chances(context, one.at(at)) for one in (mix, reference))
                logprobs.append(math.log(own[id]))
                far += sum(there * math.log(there / here) for there, here in zip(other, own, strict=True))
                agreed += own[id] == max(own)
        return Judgement(tuple(logprobs), max(far, 0.0) / len(text), agreed / len(text))


def _adapter(name: str) -> Adapter:
    targets = tuple(
        Target(name, path, at // 2, path.rpartition(".")[2], rank=4, alpha=8.0, scaling=2.0, scalable=True)
        for at, path in enumerate(TARGETS)
    )
    return Adapter(name=name, method="lora", targets=targets, parameters=64, share=0.064)


def _scores(salt: str, context: Sequence[int]) -> list[float]:
    seed = hashlib.sha256(f"{salt} {list(context[-4:])}".encode()).digest()
    dice = random.Random(seed)
    return [dice.gauss(0, 1.5) for _ in range(END + 1)]


def _drawn(chances: Sequence[float], rolled: float | None) -> int:
    if rolled is None:
        return max(range(len(chances)), key=chances.__getitem__)
    for id, chance in enumerate(chances):
        rolled -= chance
        if rolled < 0:
            return id
    return len(chances) - 1
