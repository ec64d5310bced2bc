"""Errors that ought not to reach a page, with a prompt in them that ought to reach no log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lora_mixer.ui.lab import compare_page as comparing
from lora_mixer.ui.page import wire
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio

PROMPT = "My secret recipe for apple pie"


def fails(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError(f"the model has come to grief over {PROMPT!r}")


def of_a_comparison(console: Studio) -> None:
    said = {"do": "compare", "source": "text", "text": PROMPT, "seeds": 1, "batched": True, "length": None}
    with pytest.raises(Exception, match="come to grief"):  # what Gradio shows
        list(wire.telling(comparing.STARTS.begin, OpenPage(console, "page"), json.dumps(said), comparing._ended))


def values() -> list[Any]:
    from dataclasses import asdict

    from lora_mixer.hosts.standalone.history import History
    from lora_mixer.hosts.standalone.prompt import Settings

    return [History(), *asdict(Settings(max_new_tokens=6, do_sample=False)).values()]
