"""Requests to a llama-server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import calls
from ..calls import Call as Call


class LlamaServerError(calls.ServerError):
    """A llama-server that is gone, refuses, or says what none says; the message tells which, for people."""


class Client(calls.Client):
    """One llama-server. Members as `engines.calls.Client` tells them."""

    kind = "a llama-server"
    error = LlamaServerError

    def last(self, event: Mapping[str, Any]) -> bool:
        """A llama-server marks the end of a reply."""
        return bool(event.get("stop"))
