"""Orders as a page gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from lora_mixer.ui.page.orders import OpenPage, Orders
from lora_mixer.ui.page.studio import Studio


def obey(room: ModuleType, console: Studio, page: str, said: Mapping[str, Any], chat: Sequence[Any] = ()) -> Any:
    """What a page is answered that says this, to whichever table of a room knows the order."""
    tables = [one for one in vars(room).values() if isinstance(one, Orders)]
    known = [one for one in tables if said.get("do") in list(one)]
    return (known or tables)[0].obey(OpenPage(console, page, chat), said)
