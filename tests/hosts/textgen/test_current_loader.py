"""Which loader has the model is told by the model itself, whatever the host's settings say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lora_mixer.hosts.textgen.current_loader import loader_of
from lora_mixer.hosts.textgen.llama_cpp import LlamaCpp
from lora_mixer.hosts.textgen.loader import Foreign
from lora_mixer.hosts.textgen.transformers import Transformers


@pytest.mark.parametrize("multi_user", [False, True])
def test_without_a_model_there_is_none(textgen: Any, multi_user: bool) -> None:
    textgen.shared.model = None
    assert loader_of(multi_user) is None


def test_the_model_decides_and_not_what_is_set(textgen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    textgen.shared.args.loader = "llama.cpp"
    assert isinstance(loader_of(False), Transformers)
    textgen.shared.model = torch.nn.Linear(2, 2)
    assert isinstance(loader_of(False), Transformers)
    textgen.shared.model = SimpleNamespace()
    assert isinstance(loader_of(False), Foreign)
    monkeypatch.setattr("lora_mixer.hosts.textgen.current_loader.is_llama_server", lambda model: True)
    assert isinstance(loader_of(False), LlamaCpp)
