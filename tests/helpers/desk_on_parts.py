"""A desk on files that a llama-server would have loaded, where no server runs: for what is read from them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lora_mixer.lora_ops.engines.llama_server import Part
from lora_mixer.lora_ops.engines.llama_server.part import adapters_of
from lora_mixer.lora_ops.mix import Mix
from lora_mixer.lora_ops.mix_check import check_mix, check_names


class DeskOnParts:
    """As much of a desk as that takes."""

    def __init__(self, parts: Sequence[Part], model: Path | None) -> None:
        self.adapters = adapters_of(parts)
        base = SimpleNamespace()
        self.engine: Any = SimpleNamespace(
            name="llama.cpp", parts=tuple(parts), model_file=model, base=base, why_not=lambda what: ""
        )

    def check_adapters(self, names: Sequence[str]) -> None:
        check_names(names, self.adapters)

    def check(self, mix: Mix) -> None:
        check_mix(mix, self.adapters)

    def heard(self, mix: Mix) -> list[str]:
        return [name for name in self.adapters if mix[name].on]
