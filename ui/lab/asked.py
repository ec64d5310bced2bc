"""A question as the host has made it ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...hosts.protocol import Request
from ...lora_ops.lab.batches import Question

if TYPE_CHECKING:
    from ...hosts.protocol import Host


@dataclass(frozen=True)
class Asked(Question):
    """A question that a host has made ready, and can answer by its own way of generating.

    Attributes:
        request: what the host knows of it.
    """

    request: Request = field(kw_only=True)

    @classmethod
    def of(cls, label: str, request: Request, messages: tuple[dict[str, str], ...] = ()) -> Asked:
        """The question that a request is."""
        return cls(
            label,
            request.prompt,
            request.token_ids,
            request.stop_strings,
            request.skip_special_tokens,
            request.opening,
            messages,
            request=request,
        )

    def answered_by(self, host: Host, seed: int) -> Iterator[str]:
        """The host's own reply, as it grows, under what the desk plays."""
        return host.generate(replace(self.request, seed=seed))
