"""A real llama-server keeps to what all engines promise."""

from __future__ import annotations

import pytest
from helpers.conformance import Conformance, Stage
from helpers.llama import Llama, said

from lora_mixer.lora_ops.engines.llama_server import Server


class TestLlamaServer(Conformance):
    @pytest.fixture
    def stage(self, llama: Llama, whole_llama: Server) -> Stage:
        # The engine on trial moves pirate alone; butler, which is none of its own, stays as the server was started.
        return Stage(
            llama.engine("pirate"),
            llama.prompt,
            base=lambda: said(whole_llama, llama.prompt, [{"id": 0, "scale": 0.0}, {"id": 1, "scale": 1.0}], 8),
            loaded=lambda: said(whole_llama, llama.prompt, [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 1.0}], 8),
        )
