"""What a model says about lessons under given gains, and how that changes with every gain: nothing of it is trained.

Batches are halved when memory runs out; when one lesson alone does not fit, decoder blocks are worked out a second time
on the way back instead of being remembered (gradient checkpointing, Chen et al. 2016, arXiv:1604.06174).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.utils.checkpoint import checkpoint

from ...mix import Faders, Mix
from ...target import Target, layer_of
from ..engine import NotInRows
from .aims import Aim, Sheet
from .gradients import gains_with_gradients
from .memory import give_back, out_of_memory
from .survey import root

if TYPE_CHECKING:
    from torch import nn

    from ..engine import Hold
    from ..lesson import Lesson
    from .engine import PeftEngine

#: How many rows, tokens (rows x tokens) and logits (rows x positions x vocabulary) one batch may have.
_MOST_ROWS, _MOST_TOKENS, _MOST_LOGITS = 16, 2**12, 2**26
#: Temperatures at which a reply's likelihood is looked at: 1 comes first, and last one so cold that the likeliest word
#: is nearly certain.
TEMPERATURES = (1.0, 0.85, 0.7, 0.55, 0.4, 1.2, 1.5, 0.1)
#: The place of the coldest of those that people speak at.
COOL = 4

_NO_NUMBER = "what the model says is no number any more: a gain is too high for it"

_Group = tuple["Lesson", ...]
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Heard:
    """What a mix says about one lesson.

    Attributes:
        nats: of each token of the reply, at each temperature that was asked for, of which 1 comes first:
            `nats[temperature][token]`.
    """

    nats: tuple[tuple[float, ...], ...]

    @property
    def logprob(self) -> float:
        """Of the whole reply."""
        return -sum(self.nats[0])


class Pupil:
    """Reads lessons under gains.

    Args:
        engine: whose model reads.
        targets: those whose gains are told each time, in this order.
        mix: where everything else stands.
        held: runs a mix, with the lock: for one batch at a time, so that others may generate in between.

    Raises:
        ValueError: the model cannot be taught like this; the message says why.
    """

    def __init__(self, engine: PeftEngine, targets: Sequence[Target], mix: Mix, held: Hold) -> None:
        self._engine, self._targets, self._mix, self._held = engine, tuple(targets), mix, held
        model: Any = root(engine.model)
        config: Any = model.config
        if engine.model.training:
            raise ValueError("the model is in training mode, where dropout makes noise: call model.eval() first")
        if getattr(config, "is_encoder_decoder", False):
            raise ValueError("this model has an encoder; gains are learned of models that read on from a prompt alone")
        config = config.get_text_config() if hasattr(config, "get_text_config") else config
        self._vocabulary = int(config.vocab_size)
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._most = _MOST_ROWS
        #: Whether blocks are worked out twice to save memory.
        self.checkpointing = False

    @property
    def economies(self) -> str:
        """What was done where memory did not hold a batch, for people; empty if it held all."""
        if self._most == _MOST_ROWS:
            return ""
        told = f"memory was short: at most {self._most} {'text was' if self._most == 1 else 'texts were'} read at once"
        return f"{told}, and blocks were worked out twice" if self.checkpointing else told

    def slope(self, aim: Aim, gains: Sequence[float]) -> tuple[float, list[float]]:
        """The loss under these gains, and how it changes with each of them."""
        told = torch.tensor(list(gains), dtype=torch.float32, device=self._engine.device)
        total, slopes = 0.0, torch.zeros(len(gains), dtype=torch.float64)

        def one(at: Sequence[int], groups: Sequence[_Group]) -> tuple[float, torch.Tensor]:
            leaf = told.clone().requires_grad_()
            sheet = self._sheet(groups)
            aim.prepare(at, sheet)
            with self._playing(leaf):
                loss = aim.loss(at, sheet, lambda: self._read(sheet))
                (slope,) = torch.autograd.grad(loss, leaf)
            return float(loss.detach()), slope.double().cpu()

        for loss, slope in self._each(aim.groups, one):
            total, slopes = total + loss, slopes + slope
        if not torch.isfinite(slopes).all():
            raise RuntimeError(_NO_NUMBER)
        return total, slopes.tolist()

    def moments(
        self, aim: Aim, gains: Sequence[float], parts: Sequence[Sequence[int]]
    ) -> list[tuple[list[float], list[float]]]:
        """How the loss changes with each gain, by parts of what it is about: their groups' slopes, and these squared.

        One backward pass tells the groups of a batch apart, since each row has gains of its own; where a model mixes
        rows up, groups are read one by one.

        Args:
            parts: places in the aim's groups, each in one part.

        Returns:
            For each part, and each gain: the sum over the part's groups of what they add to the slope, and the sum of
            its squares.
        """
        part_of = {place: part for part, places in enumerate(parts) for place in places}
        told = torch.tensor(list(gains), dtype=torch.float32, device=self._engine.device)
        sums = torch.zeros((2, len(parts), len(gains)), dtype=torch.float64)
        apart = self._keeps_rows_apart()

        def one(at: Sequence[int], groups: Sequence[_Group]) -> list[tuple[int, torch.Tensor]]:
            sheet = self._sheet(groups)
            leaf = (told.expand(len(sheet.ids), -1).clone() if apart else told.clone()).requires_grad_()
            aim.prepare(at, sheet)
            with self._playing(leaf):
                (slope,) = torch.autograd.grad(aim.loss(at, sheet, lambda: self._read(sheet)), leaf)
            rows = [len(group) for group in groups] if apart else [1]
            of_groups = slope.double().cpu().view(sum(rows), -1).split(rows)
            return [(place, own.sum(0)) for place, own in zip(at, of_groups, strict=True)]

        for some in self._each(aim.groups, one, None if apart else 1):
            for place, slope in some:
                sums[0, part_of[place]] += slope
                sums[1, part_of[place]] += slope.square()
        if not torch.isfinite(sums).all():
            raise RuntimeError(_NO_NUMBER)
        return [(sums[0, part].tolist(), sums[1, part].tolist()) for part in range(len(parts))]

    def loss(self, aim: Aim, gains: Sequence[float]) -> float:
        """The loss under these gains."""
        told = torch.tensor(list(gains), dtype=torch.float32, device=self._engine.device)

        def one(at: Sequence[int], groups: Sequence[_Group]) -> float:
            sheet = self._sheet(groups)
            aim.prepare(at, sheet)
            with self._playing(told), torch.no_grad():
                return float(aim.loss(at, sheet, lambda: self._read(sheet)))

        return sum(self._each(aim.groups, one))

    def hear(
        self, lessons: Sequence[Lesson], gains: Sequence[float], temperatures: Sequence[float] = TEMPERATURES
    ) -> list[Heard]:
        """How likely each reply is under these gains, token by token, at each of these temperatures."""
        told = torch.tensor(list(gains), dtype=torch.float32, device=self._engine.device)
        found: dict[int, Heard] = {}

        def one(at: Sequence[int], groups: Sequence[_Group]) -> dict[int, Heard]:
            sheet = self._sheet(groups)
            with self._playing(told), torch.no_grad():
                logits = self._read(sheet).float()
                tables = [-sheet.logprobs(logits / temperature) for temperature in temperatures]
            there = sheet.replies >= 0
            return {
                place: Heard(tuple(tuple(table[row][there[row]].tolist()) for table in tables))
                for row, place in enumerate(at)
            }

        for some in self._each([(lesson,) for lesson in lessons], one):
            found |= some
        return [found[at] for at in range(len(lessons))]

    def base(self, mix: Mix) -> Callable[[Sheet], torch.Tensor]:
        """What reads a sheet under another mix than that of the lessons, without gradients."""

        @torch.no_grad()
        def read(sheet: Sheet) -> torch.Tensor:
            with self._held([mix]):
                return self._read(sheet)

        return read

    def _keeps_rows_apart(self) -> bool:
        """Whether each row of a batch can have gains of its own, of all these targets."""
        names = dict.fromkeys(target.adapter for target in self._targets)
        loud, silent = (Mix({name: Faders(master=master) for name in names}) for master in (1.0, 0.0))
        try:
            with self._held([loud, silent]):
                return True
        except NotInRows:
            return False

    def _sheet(self, groups: Sequence[_Group]) -> Sheet:
        return Sheet.of([lesson for group in groups for lesson in group], self._engine.device)

    @contextmanager
    def _playing(self, gains: torch.Tensor) -> Iterator[None]:
        with self._held([self._mix]), gains_with_gradients(self._engine, self._targets) as play:
            if self._engine.outdated():
                raise RuntimeError("adapters were loaded, removed or switched meanwhile: begin again")
            play(gains)
            with _checkpointed(self._engine.model) if self.checkpointing else _as_it_is():
                yield

    def _read(self, sheet: Sheet) -> torch.Tensor:
        """The logits of the positions that say something about replies, shape (rows, positions, vocabulary)."""
        given: dict[str, Any] = {"input_ids": sheet.ids, "attention_mask": sheet.attention, "use_cache": False}
        if self._keeps:
            given["logits_to_keep"] = sheet.ids.shape[1] - sheet.first
        logits: torch.Tensor = self._engine.model(**given).logits
        return logits[:, logits.shape[1] - (sheet.ids.shape[1] - sheet.first) : -1]

    def _each(
        self,
        groups: Sequence[_Group],
        work: Callable[[Sequence[int], Sequence[_Group]], _Found],
        most: int | None = None,
    ) -> list[_Found]:
        """What the work finds in batches of groups, as large as memory holds; those alike in length side by side."""
        order = sorted(range(len(groups)), key=lambda at: (max(map(len, groups[at])), at))
        found: list[_Found] = []
        done = 0
        while done < len(order):
            at = self._batch(groups, order[done:][:most])
            try:
                found.append(work(at, [groups[place] for place in at]))
                done += len(at)
                continue
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self._shrink(len(at), error)
            give_back(self._engine.device)  # here the error is forgotten, and with it what its frames held
        return found

    def _batch(self, groups: Sequence[_Group], order: Sequence[int]) -> list[int]:
        """The next groups that are read at once; at least one."""
        some: list[int] = []
        for at in order:
            lessons = [lesson for place in (*some, at) for lesson in groups[place]]
            longest, first = max(map(len, lessons)), min(len(lesson.prompt) for lesson in lessons) - 1
            logits = len(lessons) * (longest - first) * self._vocabulary
            if some and (
                len(some) >= self._most
                or len(lessons) > _MOST_ROWS
                or len(lessons) * longest > _MOST_TOKENS
                or logits > _MOST_LOGITS
            ):
                break
            some.append(at)
        return some

    def _shrink(self, groups: int, error: BaseException) -> None:
        if groups > 1:
            self._most = (groups + 1) // 2
        elif not self.checkpointing:
            self.checkpointing = True
        else:
            raise RuntimeError("there is not enough memory to learn from a text of this length: shorten it") from error


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _checkpointed(model: nn.Module) -> Iterator[None]:
    """Inside the block the decoder blocks forget what they worked out, and work it out again on the way back."""
    blocks = list(_blocks(root(model)))
    before = [vars(block).get("forward") for block in blocks]  # what spreads a model over devices puts one there too
    for block in blocks:
        vars(block)["forward"] = partial(checkpoint, block.forward, use_reentrant=False)
    try:
        yield
    finally:
        for block, forward in zip(blocks, before, strict=True):
            if forward is None:
                del vars(block)["forward"]
            else:
                vars(block)["forward"] = forward


def _blocks(model: nn.Module) -> Iterator[nn.Module]:
    taken = ""
    for name, module in model.named_modules():
        inside = bool(taken) and name.startswith(f"{taken}.")
        if not inside and name.rpartition(".")[2].isdigit() and layer_of(name) is not None:
            taken = name
            yield module
