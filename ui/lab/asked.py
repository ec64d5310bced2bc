"""A question as the host has made it ready."""

from __future__ import annotations

from dataclasses import dataclass

from ...hosts.protocol import Request


@dataclass(frozen=True)
class Asked:
    """A question as the host has made it ready, and what to know about that."""

    label: str
    request: Request
    messages: tuple[dict[str, str], ...] = ()
    note: str = ""
