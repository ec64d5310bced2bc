"""What the base model itself says to everyday questions, kept as long as the model is the same: it always says that."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ...lora_ops.learning.examples import Example


class OwnReplies:
    """The base model's replies, as texts that are to stay."""

    def __init__(self) -> None:
        self._of: weakref.ref[Any] | None = None
        self._known: list[Example] = []

    def of(self, desk: Desk, stopped: Callable[[], bool], tell: Callable[[str], None]) -> list[Example]:
        """Those of a desk's model; none when it was stopped.

        Args:
            desk: of the model.
            stopped: asked now and then.
            tell: told how far it is, for people.
        """
        base = desk.engine.base
        if self._of is not None and self._of() is base:
            return self._known
        from ...lora_ops.learning.own_replies import own_replies

        def progress(done: int, total: int) -> None:
            tell(f"The base model says what is to stay: {done} of {total} replies …")

        found = own_replies(desk, progress=progress, cancelled=stopped)
        if stopped():
            return []
        self._of, self._known = weakref.ref(base), found
        return found
