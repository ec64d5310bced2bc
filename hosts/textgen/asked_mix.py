"""The mix that a request to TextGen's API asks for: known to what answers that request, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import LlamaServerEngine
    from ...lora_ops.mix import Mix
    from .llama_reply import Scales

#: Follows a request into every thread that its web framework answers it in. None: it is to hear the faders.
ASKED: ContextVar[Mix | None] = ContextVar("lora_mixer_asked", default=None)


def scales_at(engine: LlamaServerEngine) -> Callable[[int], Scales]:
    """The scales from a generated token on (0 is the first), for whoever is being answered."""

    def at(token: int) -> Scales:
        mix = ASKED.get()
        return engine.lora_at(token) if mix is None else engine.lora(mix.at(token))

    return at
