"""Whether what is on disk does what the desk plays: stock PEFT or transformers reads it, and logits are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.engine import Cancelled
from ..engines.peft.engine import peft_engine
from ..engines.peft.playing import only
from ..mix import Faders, Mix
from ..shelf.fitting import base_of
from .read_back import CannotVerify, adapter_beside, logits_of, logits_of_model, room_for, why_not_beside
from .slot import SLOT
from .writing import Writing
from .written import Compared

if TYPE_CHECKING:
    from ..desk import Desk

_TOKENS = 24


@dataclass(frozen=True)
class Difference:
    """How far two sets of logits are apart.

    Attributes:
        greatest: the greatest difference of all.
        logit: the greatest logit, whatever its sign: float32 has seven digits, so what is 1e-5 beside a logit of 30 is
            rounding.
    """

    greatest: float
    logit: float

    @classmethod
    def between(cls, wanted: torch.Tensor, found: torch.Tensor) -> Difference:
        """Two sets of logits, those of the desk first."""
        return cls(float((wanted - found).abs().max()), float(wanted.abs().max()))


def verify(
    desk: Desk,
    folder: Path,
    mix: Mix,
    names: Sequence[str],
    input_ids: torch.Tensor | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Difference:
    """How far the logits of the desk playing `mix` are from those of the adapter in `folder` alone.

    The adapter is loaded into the live model by PEFT's own `load_adapter`, so that the base model is there once, and
    removed again; holds the lock meanwhile. Afterwards the model is as it was, the faders too.

    Args:
        desk: the desk.
        folder: of the adapter that was written.
        mix: what it is compared with.
        names: the adapters that play in the mix; all others are silent.
        input_ids: a text, shape (rows, tokens); without one, tokens from all over the vocabulary.
        cancelled: asked while waiting for the lock; true calls the wait off.

    Raises:
        CannotVerify: PEFT cannot load it beside the others, or loading it would change the base model.
        ValueError: PEFT did not find all of its weights in the folder, or found some that it does not know.
        Cancelled: the wait was called off.
    """
    desk.check_adapters(names)
    engine = peft_engine(desk)
    model = engine.model
    if why_not := why_not_beside(model, folder):
        raise CannotVerify(why_not)
    ids = _text(model, input_ids)
    with desk.alone(cancelled), _played(desk, mix, names):
        wanted = logits_of(model, ids)
        with adapter_beside(model, folder):
            engine.playing.only([SLOT])
            try:
                found = logits_of(model, ids)
            finally:
                engine.playing.only(names)
    return Difference.between(wanted, found)


def verify_model(
    desk: Desk,
    folder: Path,
    mix: Mix,
    names: Sequence[str],
    input_ids: torch.Tensor | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Difference:
    """How far the logits of the desk playing `mix` are from those of the whole model in `folder`.

    It is loaded a second time beside the live one, by transformers' own `from_pretrained`, where memory allows it: on
    the live model's device, else on the CPU. The lock is held while the live model plays alone.

    Args:
        desk, mix, names, input_ids, cancelled: as `verify` takes them.
        folder: of the model that was written.

    Raises:
        CannotVerify: memory does not hold it twice, or transformers does not load it.
        ValueError: transformers did not find all of its weights in the folder, or found some that it does not know.
        Cancelled: the wait was called off.
    """
    desk.check_adapters(names)
    model = peft_engine(desk).model
    ids = _text(model, input_ids)
    device = room_for(folder, ids.device)
    with desk.alone(cancelled), _played(desk, mix, names):
        wanted = logits_of(model, ids)
    if cancelled is not None and cancelled():
        raise Cancelled
    return Difference.between(wanted, logits_of_model(folder, type(base_of(model)), ids, device))


@dataclass(frozen=True)
class Checker:
    """Compares what is written with this desk, by one of the ways above, unless `writing` says not to."""

    desk: Desk
    mix: Mix
    names: Sequence[str]
    writing: Writing
    by: Callable[..., Difference] = verify

    def __call__(self, folder: Path) -> Compared:
        if not self.writing.check:
            return Compared(why_unchecked="not asked for")
        options = {"input_ids": self.writing.input_ids, "cancelled": self.writing.cancelled}
        try:
            found = self.by(self.desk, folder, self.mix, self.names, **options)
        except CannotVerify as error:
            return Compared(why_unchecked=str(error))
        return Compared(greatest_difference=found.greatest, greatest_logit=found.logit)


@contextmanager
def _played(desk: Desk, mix: Mix, names: Sequence[str]) -> Iterator[None]:
    """These adapters play as in `mix` while the block lasts, and all others are silent."""
    before = desk.mix
    try:
        desk.apply(Mix({name: mix[name] if name in names else Faders(on=False) for name in desk.adapters}))
        with only(peft_engine(desk).playing, names):
            yield
    finally:
        desk.apply(before)


def _text(model: Any, input_ids: torch.Tensor | None) -> torch.Tensor:
    """The text to compare on, where the model is: without one, two rows of tokens from all over the vocabulary."""
    device = next(model.parameters()).device
    if input_ids is not None:
        return input_ids.to(device)
    size = model.config.get_text_config().vocab_size
    ids = torch.arange(2 * _TOKENS, device=device) * 7919 % size
    return ids.view(2, _TOKENS)
