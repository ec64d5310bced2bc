"""Which loader of TextGen has loaded the model that it has at the moment."""

from __future__ import annotations

from .chat import host_module
from .generation_calls import is_torch_model
from .llama_cpp import LlamaCpp, is_llama_server
from .loader import Foreign, Loader
from .transformers import Transformers


def loader_of(multi_user: bool) -> Loader | None:
    """The loader of the host's model; None without a model."""
    model = host_module("shared").model
    if model is None:
        return None
    if is_torch_model(model):
        return Transformers(model, multi_user)
    return LlamaCpp(model, multi_user) if is_llama_server(model) else Foreign(model, multi_user)
