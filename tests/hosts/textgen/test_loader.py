"""Loaders of TextGen that have no place for adapters."""

from __future__ import annotations

import pytest
import torch
from standin.textgen_model import tiny_model
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.protocol import HostError


class LlamaServer:
    """Not a torch model, like that of llama.cpp."""


@pytest.mark.parametrize(
    ("model", "loader", "title"),
    [
        (LlamaServer(), "llama.cpp", "llama.cpp cannot mix adapters"),
        (LlamaServer(), None, "LlamaServer cannot mix adapters"),
        (torch.nn.Linear(2, 2), "ExLlamav3_HF", "ExLlamav3_HF cannot mix adapters"),
    ],
)
def test_another_loader_is_named_with_the_one_that_is_needed(textgen, host, model, loader, title):
    textgen.shared.model, textgen.shared.args.loader = model, loader
    trouble = host.trouble()
    assert trouble.title == title
    assert "Transformers loader" in trouble.advice
    with pytest.raises(HostError, match="Transformers loader"):
        host.ask_again(values(history=a_chat()))


def test_multi_user_troubles_name_flags_and_no_folder(textgen, host):
    textgen.shared.args.multi_user = True
    for model in (None, tiny_model(), LlamaServer()):
        textgen.shared.model = model
        assert "--lora" in host.trouble().advice
        assert str(textgen.root) not in host.trouble().advice
