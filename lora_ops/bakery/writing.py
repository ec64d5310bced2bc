"""What goes with anything that is written, a new adapter or a whole model: what it may replace, and who follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..engines.engine import Cancelled

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Writing:
    """How something new gets to disk; nothing of it has to be said.

    Attributes:
        overwrite: whether what has its name already, an adapter or a model, may be replaced.
        dtype: of the weights, as torch has it or by its name; as they are loaded if not given.
        sources: the folders that loaded adapters came from, by name: their card, metadata, hash and tokenizer are kept.
        check: whether stock PEFT or transformers reads it once, where there is a desk, and logits are compared.
        input_ids: the text to compare on, shape (rows, tokens); without one, tokens from all over the vocabulary.
        progress: told how many of how many targets or modules are done.
        cancelled: asked between them, and while waiting for the lock; true calls it off.
    """

    overwrite: bool = False
    dtype: torch.dtype | str | None = None
    sources: Mapping[str, Path] = field(default_factory=dict)
    check: bool = True
    input_ids: torch.Tensor | None = None
    progress: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def done(self, done: int, total: int) -> None:
        """So much of it is done; told, and the moment at which it may be called off.

        Raises:
            Cancelled: it was.
        """
        if self.cancelled is not None and self.cancelled():
            raise Cancelled
        if self.progress is not None:
            self.progress(done, total)


AS_USUAL = Writing()
