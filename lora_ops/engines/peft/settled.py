"""Whether a model is settled: nobody is building adapters into it, or taking them out, in this very moment.

PEFT does that layer by layer, in the thread that asked for it, and tells nobody. Who looks meanwhile meets half of an
adapter; who writes a scaling meanwhile writes into what is still being made, and some initialisations go by it. So what
threads are doing is read off their stacks: no lock of ours could know of a host, or of another extension, that loads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import PurePath
from types import FrameType
from typing import TYPE_CHECKING

from ...imported import imported

if TYPE_CHECKING:
    from torch import nn

#: Functions that build adapters into a model, or take them out of it, wherever in PEFT they stand.
_BUILDERS = frozenset({
    "add_adapter", "add_weighted_adapter", "change_adapters", "delete_adapter", "from_pretrained", "get_peft_model",
    "hotswap_adapter", "inject_adapter", "inject_adapter_in_model", "load_adapter", "merge_and_unload",
    "set_peft_model_state_dict", "unload",
})  # fmt: skip
#: Folders that such a function stands in: PEFT itself and ours, and transformers' door to it.
_HOMES = frozenset({"peft", "integrations"})


def unsettled(model: nn.Module) -> bool:
    """Whether another thread is building adapters into this model, or taking some out.

    Args:
        model: a `PeftModel`, or the base model: whichever of the two the other thread has in its hands.
    """
    if imported("peft") is None:
        return False
    from .survey import root

    base = root(model)
    return any(value is base for frame in _building() for value in _models_of(frame))


def _building() -> Iterator[FrameType]:
    """The calls that are under way in other threads and build adapters."""
    own = threading.get_ident()
    for thread, top in sys._current_frames().items():
        frame: FrameType | None = top if thread != own else None
        while frame is not None:
            if frame.f_code.co_name in _BUILDERS and _HOMES.intersection(PurePath(frame.f_code.co_filename).parts):
                yield frame
            frame = frame.f_back


def _models_of(frame: FrameType) -> Iterator[object]:
    """The base models that a call was given: by themselves, inside of a tuner, or of a `PeftModel`."""
    given = frame.f_locals
    for name in ("self", "model"):
        value = given.get(name)
        yield value
        for part in ("base_model", "model"):  # not by getattr: a `PeftModel` that is half made answers no question
            value = getattr(value, "_modules", {}).get(part)
            yield value
