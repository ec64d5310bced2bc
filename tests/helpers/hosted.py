"""TextGen's stand-in with a model and an adapter, and our host in it: what the tests of that host share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lora_mixer.hosts.protocol import Host

MODES = ("instruct", "chat-instruct", "chat")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    """A tiny model with the adapter "pirate", and its tokenizer."""
    from standin.textgen_model import tiny_model, tiny_tokenizer, with_adapter

    return with_adapter(tiny_model(), "pirate"), tiny_tokenizer()


@pytest.fixture
def textgen(tmp_path: Path, loaded: tuple[Any, Any]) -> Iterator[Any]:
    """A running stand-in, with a model and an adapter."""
    from standin.textgen import StandIn

    with StandIn(tmp_path, *loaded).installed() as standin:
        yield standin


@pytest.fixture
def host(textgen: Any) -> Any:
    """The host, in the stand-in that runs."""
    from lora_mixer.hosts.textgen.host import TextGenHost

    return TextGenHost()


def streamed(host: Host, request: Any) -> list[str]:
    """What the host's own generation says, as it grows."""
    with host.lock:
        return list(host.generate(request))
