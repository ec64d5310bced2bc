"""What each target, kind and layer does to a text: how far the next-token distributions move when it alone changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch

from ..desk import Desk
from ..engines.engine import Cancelled, NotInRows
from ..engines.peft.engine import peft_engine
from ..engines.peft.memory import give_back, out_of_memory
from ..engines.prompt import Prompt, token_ids
from ..mix import Faders, Mix
from ..target import Target
from .buffers import SameMemory
from .divergence import Reference
from .fused_lora import Fused
from .partial_pass import Recording, recorded
from .text import Text

What = Literal["silenced", "alone"]
Part = Literal["target", "kind", "layer"]
#: What is measured unless less is asked for.
PARTS: tuple[Part, ...] = get_args(Part)
#: Called with how many of how many are measured.
Progress = Callable[[int, int], None]

#: How many tokens of all rows together run at once: with more, a processor gains nothing, a GPU little.
_TOKENS_AT_ONCE, _TOKENS_AT_ONCE_ON_GPU = 1024, 2048
#: How many logits at most: half a gigabyte of them in float32 on the CPU, two on a GPU.
_LOGITS_AT_ONCE, _LOGITS_AT_ONCE_ON_GPU = 2**27, 2**29
#: In so many shares parts are measured, where it is believed which of them do the most.
_SHARES = 4
#: From here on, in nats, a pass that was resumed does not say what the whole pass said.
_ELSEWHERE = 1e-4


@dataclass(frozen=True)
class Impact:
    """What was measured: mean divergences of the next-token distributions in nats; 0 is no impact at all.

    Attributes:
        what: "silenced": KL(P || Q), P under `mix` and Q with one part at gain 0. "alone": P of the base model, every
            adapter off, and Q with one part at the gain that it has in `mix`.
        mix: the gains that were measured, as they are at token 0 where they fade.
        targets: by adapter, then by target name.
        kinds: by adapter, then by kind: all of its targets together.
        layers: by adapter, then by layer: all of its targets together.
        tokens: over how many tokens the mean is.
        seconds: how long it took, without waiting for the model.
        complete: whether all was measured; if it was stopped, what is missing is absent.
        why_not_batched: why some of it ran one after the other, for people; empty if all ran in batches.
        why_not_resumed: why the lower layers were not reused; empty if they were.
    """

    what: What
    mix: Mix
    targets: Mapping[str, Mapping[str, float]]
    kinds: Mapping[str, Mapping[str, float]]
    layers: Mapping[str, Mapping[int, float]]
    tokens: int
    seconds: float
    complete: bool
    why_not_batched: str = ""
    why_not_resumed: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {
            "what": self.what,
            "mix": self.mix.to_dict(),
            "targets": {adapter: dict(values) for adapter, values in self.targets.items()},
            "kinds": {adapter: dict(values) for adapter, values in self.kinds.items()},
            "layers": {
                adapter: {str(layer): value for layer, value in values.items()}
                for adapter, values in self.layers.items()
            },
            "tokens": self.tokens,
            "seconds": self.seconds,
            "complete": self.complete,
            "why_not_batched": self.why_not_batched,
            "why_not_resumed": self.why_not_resumed,
        }


def impact(
    desk: Desk,
    input_ids: Prompt,
    mix: Mix | None = None,
    what: What = "silenced",
    *,
    parts: Sequence[Part] = PARTS,
    adapters: Sequence[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
    rows: int | None = None,
    first: Mapping[str, Mapping[str, float]] | None = None,
    decoder_input_ids: torch.Tensor | None = None,
) -> Impact:
    """Changes one part after the other, and measures what that does to a text that is read, not generated.

    Parts run as rows of a batch where they can, each from the first layer that changes on; what the layers below give
    is known from one pass. The lock is held for one batch at a time; however it ends, the faders stay where
    they are.

    >>> found = impact(desk, tokenizer("Ahoy, who goes there?", return_tensors="pt").input_ids)
    >>> desk.apply(keep_top(found, 10))

    Args:
        desk: of the model that reads.
        input_ids: the text: token ids, or a tensor of them, shape (1, tokens).
        mix: the gains that are measured; where the faders stand if not given.
        what: "silenced": each part alone at gain 0. "alone": each part alone as in `mix`, all others at 0.
        parts: what is measured one by one: each "target", each "kind", each "layer".
        adapters: the adapters whose parts are measured; all if not given.
        cancelled: asked between batches, and while waiting for the lock; true ends it, with what is known by then.
        progress: called after each batch.
        rows: how many rows a batch may have at most; what suits the device if not given. Halved when memory runs out.
        first: by adapter and target name, how much it is believed to do (`Estimate.targets`): roughly in that order it
            is measured then, so that who stops early knows what matters.
        decoder_input_ids: what the decoder of an encoder-decoder model reads, shape (1, tokens); `input_ids`, shifted
            as in training, if not given.

    Raises:
        ValueError: a text that is not one row with at least one token, a mix or adapter that the model has not, a part
            that does not exist, a model in training mode, or one that gives no logits, or a single one.
        RuntimeError: adapters came or went meanwhile; or rows are in use, and there is no lock to wait for.
        torch.OutOfMemoryError, or what else says so on this device: not even one row fits.
    """
    engine = peft_engine(desk)
    text = engine.tensor(token_ids(input_ids))
    if what not in get_args(What):
        raise ValueError(f"what must be one of {', '.join(get_args(What))}, not {what!r}")
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"there is no part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    if rows is not None and rows < 1:
        raise ValueError(f"a batch needs at least one row, not {rows}")
    if engine.model.training:
        raise ValueError("the model is in training mode, where dropout makes noise: call model.eval() first")
    mix = desk.mix if mix is None else mix
    desk.check(mix)
    mix = mix.at(0)
    names = list(desk.adapters) if adapters is None else list(adapters)
    for name in names:
        if name not in desk.adapters:
            raise ValueError(f"this model has no adapter {name!r}; it has {', '.join(desk.adapters)}")
    measuring = _Measuring(desk, Text(engine.model, text, decoder_input_ids), mix, what, cancelled, first or {})
    asked = [part for name in names for part in _parts(desk, name, parts)]
    complete = measuring.run(asked, rows, progress or (lambda done, total: None))
    found = measuring.found
    return Impact(
        what=what,
        mix=mix,
        targets=_by_adapter(asked, "target", found),
        kinds=_by_adapter(asked, "kind", found),
        layers=_by_adapter(asked, "layer", found),
        tokens=measuring.tokens,
        seconds=measuring.seconds,
        complete=complete,
        why_not_batched=measuring.why_not_batched,
        why_not_resumed=measuring.why_not_resumed,
    )


@dataclass(frozen=True)
class _Part:
    """What changes together: one target, or all of a kind or of a layer."""

    part: Part
    adapter: str
    name: str | int
    targets: tuple[Target, ...]

    @property
    def key(self) -> tuple[str, str, str | int]:
        return self.part, self.adapter, self.name


def _parts(desk: Desk, adapter: str, parts: Sequence[Part]) -> Iterator[_Part]:
    found = desk.adapters[adapter]
    if "target" in parts:
        yield from (_Part("target", adapter, target.name, (target,)) for target in found.scalable)
    if "kind" in parts:
        for kind in found.kinds:
            yield _Part("kind", adapter, kind, tuple(target for target in found.scalable if target.kind == kind))
    if "layer" in parts:
        for layer in found.layers:
            yield _Part("layer", adapter, layer, tuple(target for target in found.scalable if target.layer == layer))


def _by_adapter(asked: Iterable[_Part], part: Part, found: Mapping[Any, float]) -> dict[str, dict[Any, float]]:
    values: dict[str, dict[Any, float]] = {}
    for one in asked:
        if one.part == part and one.key in found:
            values.setdefault(one.adapter, {})[one.name] = found[one.key]
    return values


def _batch(todo: Sequence[tuple[int, _Part]], size: int) -> Sequence[tuple[int, _Part]]:
    """The next `size` at most: rather fewer than rows that run blocks which they could have skipped."""
    for cut in range(size, size // 2, -1):
        if cut >= len(todo) or todo[cut - 1][0] != todo[cut][0]:
            return todo[:cut]
    return todo[:size]


class _Measuring:
    """One measurement under way: the reference, what its lower layers gave, and what was found so far."""

    def __init__(
        self,
        desk: Desk,
        text: Text,
        mix: Mix,
        what: What,
        cancelled: Callable[[], bool] | None,
        believed: Mapping[str, Mapping[str, float]],
    ) -> None:
        self._desk = desk
        self._text = text
        self._mix = mix
        self._what = what
        self._cancelled = cancelled or (lambda: False)
        self._believed = believed
        self.tokens = text.tokens
        self.found: dict[tuple[str, str, str | int], float] = {}
        self.seconds = 0.0
        self._memory = SameMemory(peft_engine(desk).model)
        self._fused = Fused(peft_engine(desk).model)
        self.why_not_batched = ""
        self.why_not_resumed = ""

    @torch.no_grad()
    def run(self, parts: Sequence[_Part], rows: int | None, progress: Progress) -> bool:
        """Measures them all; false when it was called off before."""
        try:
            reference, recording = self._refer({target for part in parts for target in part.targets})
            self.why_not_resumed = recording.why_not
            self._ask_about_rows()
            todo = self._ordered(parts, recording)
            limit = size = rows or self._rows(reference.words)
            while todo:
                progress(len(parts) - len(todo), len(parts))
                if self._cancelled():
                    return False
                batch = _batch(todo, size)
                smaller = max(1, len(batch) // 2)
                try:
                    self._measure(batch, reference, recording)
                except NotInRows as reason:
                    self.why_not_batched, size = self.why_not_batched or str(reason), smaller
                    continue
                except (MemoryError, RuntimeError) as error:
                    if not out_of_memory(error) or len(batch) == 1:
                        raise
                    limit = size = smaller
                else:
                    todo = todo[len(batch) :]
                    size = min(limit, 2 * size)
                    continue
                give_back(self._text.device)  # here the error is forgotten, and with it what its frames held
            progress(len(parts), len(parts))
        except Cancelled:
            return False
        return True

    def _rows(self, words: int) -> int:
        """How many rows suit the device, for a vocabulary of so many words."""
        on_cpu = self._text.device.type == "cpu"
        tokens, logits = (
            (_TOKENS_AT_ONCE, _LOGITS_AT_ONCE) if on_cpu else (_TOKENS_AT_ONCE_ON_GPU, _LOGITS_AT_ONCE_ON_GPU)
        )
        return max(1, min(tokens // self.tokens, logits // (self.tokens * words)))

    def _refer(self, targets: set[Target]) -> tuple[Reference, Recording]:
        """One pass under the reference mix, and a resumed one that shows whether the model can be resumed."""
        layers = [peft_engine(self._desk).knob(target).layer for target in targets]
        with self._desk.rows([self._reference], self._cancelled):
            began = time.perf_counter()
            with recorded(peft_engine(self._desk).model, layers) as recording:
                logits = self._text.read()
            reference = Reference(logits[0])
            if not recording.why_not:
                recording.why_not = self._why_not_resumed(reference, recording)
            self.seconds += time.perf_counter() - began
        if recording.why_not:
            recording.distrust(recording.why_not)
        return reference, recording

    def _ask_about_rows(self) -> None:
        """Has the desk ask the model about all targets at once, and not in each batch about those of the batch."""
        with suppress(NotInRows), self._desk.rows([self._mix, self._desk.base()], self._cancelled):
            pass

    def _why_not_resumed(self, reference: Reference, recording: Recording) -> str:
        """Asked of the last block: models whose blocks share more than what they hand on need it there."""
        if not recording.outputs:
            return ""
        try:
            with recording.resumed(len(recording.outputs) - 1, 1):
                [elsewhere] = reference.divergences(self._text.read())
        except Exception as error:  # whatever a model's own code stumbles over; shown as `Impact.why_not_resumed`
            if out_of_memory(error):
                raise
            return f"the model cannot start in the middle ({error})"
        return "" if elsewhere < _ELSEWHERE else "the model says something else when it starts in the middle"

    @property
    def _reference(self) -> Mix:
        return self._mix if self._what == "silenced" else self._desk.base()

    def _ordered(self, parts: Sequence[_Part], recording: Recording) -> list[tuple[int, _Part]]:
        """Those that change anything, each with how many calls of blocks it can skip, in the order of that.

        Where something is believed of them, in so many shares, those first that are believed to do the most: in each
        share there are enough that skip about as much.
        """
        todo, playing = [], self._desk.heard(self._mix)
        for part in parts:
            heard = [target for target in part.targets if target.adapter in playing and self._mix.gain(target) != 0]
            start = recording.start(peft_engine(self._desk).knob(target).layer for target in heard)
            if start is None:
                self.found[part.key] = 0.0
            else:
                todo.append((start, part))
        told = sorted(todo, key=lambda one: -self._belief(one[1])) if self._believed else todo
        share = max(1, -(-len(told) // _SHARES)) if self._believed else max(1, len(told))
        shares = (told[start : start + share] for start in range(0, len(told), share))
        return [one for members in shares for one in sorted(members, key=lambda one: one[0])]

    def _belief(self, part: _Part) -> float:
        return sum(self._believed.get(part.adapter, {}).get(target.name, 0.0) for target in part.targets)

    def _measure(self, batch: Sequence[tuple[int, _Part]], reference: Reference, recording: Recording) -> None:
        mixes = [self._changed(part) for _, part in batch]
        with self._desk.rows(mixes, self._cancelled):
            if self._desk.outdated():
                raise RuntimeError("adapters were loaded, removed or switched meanwhile: measure again")
            began = time.perf_counter()
            start = min(start for start, _ in batch)
            with recording.resumed(start, len(batch)), self._memory.logits(), self._fused.passes():
                divergences = reference.divergences(self._text.read(len(batch)))
            self.seconds += time.perf_counter() - began
        self.found.update((part.key, value) for (_, part), value in zip(batch, divergences, strict=True))

    def _changed(self, part: _Part) -> Mix:
        faders = self._mix[part.adapter]
        names = {target.name for target in part.targets}
        if self._what == "silenced":
            changed = replace(faders, modules={**faders.modules, **dict.fromkeys(names, 0.0)})
            return Mix({**self._mix.adapters, part.adapter: changed})
        others = self._desk.adapters[part.adapter].names - names
        off = {name: Faders(on=False) for name in self._desk.adapters}
        return Mix({**off, part.adapter: replace(faders, modules={**faders.modules, **dict.fromkeys(others, 0.0)})})
