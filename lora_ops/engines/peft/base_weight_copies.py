"""Weights of the base model itself that an adapter's file brings along."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...shelf.adapter_keys import PREFIX

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ...shelf.adapter_files import AdapterFiles


def without_copies(
    base: nn.Module, weights: dict[str, torch.Tensor], files: AdapterFiles, refuse: Callable[[str], Exception]
) -> dict[str, torch.Tensor]:
    """The weights to load, without the base model's own.

    PEFT saves the embeddings along when they are adapted, and would write them over the model's own.

    Args:
        base: the base model, the adapter already around its modules.
        weights: by PEFT's names.
        files: of the adapter.
        refuse: makes the error, from what is wrong.

    Raises:
        Exception: one of them differs from the model's own; made by `refuse`.
    """
    kept = dict(weights)
    for key in files.copies:
        name = key.removeprefix(PREFIX)
        if _is_copied_whole(base, name.rpartition(".")[0]):
            continue
        own, saved = _own(base, name), kept.pop(key)
        if own is None or not _same(own, saved):
            raise refuse(
                f"The adapter in {files.folder} comes with its own {key}, which differs from this model's and would "
                "replace it for good"
            )
    return kept


def copies_in(model: nn.Module, names: Iterable[str]) -> Iterator[tuple[str, set[str]]]:
    """The modules of which these adapters, in a live model, keep a full copy or rows of their own."""
    from peft.utils.other import AuxiliaryTrainingWrapper

    from ...shelf.fitting import base_of

    wrapped = [(path, m) for path, m in base_of(model).named_modules() if isinstance(m, AuxiliaryTrainingWrapper)]
    for name in names:
        yield name, {path for path, module in wrapped if name in module._adapters}


def _is_copied_whole(base: nn.Module, path: str) -> bool:
    """Whether PEFT keeps a full copy of this module beside the model's own: of a tied one, without being asked."""
    from peft.utils.other import ModulesToSaveWrapper

    module: Any = base
    for part in path.split("."):
        module = getattr(module, part, None)
        if isinstance(module, ModulesToSaveWrapper):
            return True
    return False


def _own(base: nn.Module, name: str) -> torch.Tensor | None:
    module: Any = base
    *path, last = name.replace(".base_layer", "").replace(".original_module", "").split(".")
    for part in path:
        module = getattr(module, part, None)
        module = getattr(module, "original_module", module)
        while hasattr(module, "base_layer"):
            module = module.base_layer
    found: torch.Tensor | None = getattr(module, last, None)
    return found


def _same(own: torch.Tensor, saved: torch.Tensor) -> bool:
    """Whether they differ by no more than the rounding of a 16-bit number; in slices, as they can be large."""
    import torch

    if own.shape != saved.shape:
        return False
    return all(
        torch.allclose(one.float(), other.to(one.device).float(), rtol=2**-7, atol=1e-6)
        for one, other in zip(own.split(4096), saved.split(4096), strict=True)
    )
