"""What engines have in common that name a mix in each request: one at rest, and rows that are an exception to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..mix import Mix
from .engine import NotInRows

if TYPE_CHECKING:
    from ..target import Adapter, Target
    from .engine import Turn
    from .sampling import Sampling

IN_USE = "rows of this server are in use: wait until they end"


class Requested:
    """A server that plays to each request what that asks for. Members as `engines.engine.Engine` tells them."""

    adapters: Mapping[str, Adapter]

    def __init__(self) -> None:
        self._writing = threading.RLock()
        self._rest = Mix()
        self._plays: tuple[Mix, ...] = ()
        self._rows_of: int | None = None

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot run side by side; empty if they can."""
        raise NotImplementedError

    def check_no_rows(self) -> None:
        """Refuses while rows are in use, by whomever."""
        if self._rows_of is not None:
            raise RuntimeError(IN_USE)

    def scaling(self, target: Target) -> Any:
        """What multiplies a target's output right now: a number, or one for each row in use."""
        if target.adapter not in self.adapters or target.name not in self.adapters[target.adapter].names:
            raise ValueError(f"{target.name} of {target.adapter!r} has no scaling here. {target.reason}".rstrip())
        found = [mix.gain(target) * target.scaling for mix in self._plays or (self._rest,)]
        return found[0] if len(found) == 1 else found

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While the block lasts nobody else looks for adapters or moves a fader."""
        with self._writing:
            yield

    def check_free(self) -> None:
        """Refuses what would wait for this very thread, for ever."""
        if self._rows_of == threading.get_ident():
            raise RuntimeError(IN_USE)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """As `changing`, and refused while rows are in use."""
        with self._writing:
            self.check_no_rows()
            yield

    @contextmanager
    def rows(self, mixes: Sequence[Mix]) -> Iterator[Turn]:
        """Several mixes, each with requests of its own; nothing is to be done as a reply grows."""
        if why_not := self.why_not_rows(mixes):
            raise NotInRows(why_not)
        with self._writing:
            self._rows_of, self._plays = threading.get_ident(), tuple(mixes)
        try:
            yield lambda token: None
        finally:
            with self._writing:
                self._rows_of, self._plays = None, ()

    def limit(self, sampling: Sampling) -> int | None:
        """How many tokens a reply may have by the settings."""
        return sampling.max_new_tokens

    def let_go(self) -> None:
        """Nothing is kept ready."""

    def out_of_memory(self, error: BaseException) -> bool:
        """The server's memory is its own business."""
        return False

    def give_back(self) -> None:
        """Nothing is held."""
