"""A live model with its adapters, for the commands that need one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hosts.standalone.folders import folders
from ..hosts.standalone.load import Start, check_adapter, check_model, load_here
from .output import say

if TYPE_CHECKING:
    from ..lora_ops.desk import Desk

ROOT = Path(__file__).resolve().parent.parent
DEMO = "demo"


def model_name(model: str) -> str:
    """What the page calls this model, in votes and profiles."""
    return Start(ROOT, None if model == DEMO else Path(model).expanduser(), {}).model_name


def desk_of(model: str, adapters: Mapping[str, Path], device: str, dtype: str, quiet: bool) -> tuple[Desk, Any]:
    """The desk on a base model with these adapters, all of them active, and the tokenizer.

    Raises:
        HostError: model or adapter cannot be loaded, and why.
        ValueError: an adapter's files are damaged.
    """
    from ..lora_ops.desk import Desk
    from ..lora_ops.shelf.adapter_files import read_adapter

    folder = None if model == DEMO else Path(model).expanduser()
    if folder is not None:
        check_model(folder)
    for path in adapters.values():
        check_adapter(path)
        read_adapter(path)
    import transformers

    transformers.logging.disable_progress_bar()
    start = Start(ROOT, folder, dict(adapters), device, dtype, cache=folders(ROOT).cache)
    loaded = load_here(start, (lambda text: None) if quiet else say)
    return Desk(loaded.model), loaded.tokenizer
