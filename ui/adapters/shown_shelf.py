"""The shelf as it was drawn last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from ..page.jobs import News


class ShownShelf:
    """The shelf as it was drawn last: where nothing has changed, thousands of adapters are not drawn again."""

    def __init__(self) -> None:
        self._last: tuple[Any, News] = (None, {})

    def drawn(self, of: Any, draw: Callable[[], News]) -> News:
        """What `draw` makes, and a digest of it.

        Args:
            of: all that goes into the drawing.
            draw: asked where that is not what it was the last time.
        """
        last, news = self._last
        if of != last:
            drawn = draw()
            text = json.dumps(drawn, sort_keys=True)
            digest = hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
            news = {**drawn, "digest": digest}
            self._last = (of, news)
        return news
