"""When PEFT may be imported inside TextGen: while the host loads no model.

The host imports transformers and PEFT in whichever thread loads a model, and so would we. Two threads that do it at
once meet halves of each other's modules, and the host's load ends in an error. So PEFT is imported before there is a
page, where the host is set to the loader that it is needed for; and otherwise, where somebody asks for it, only while
no thread of the host is loading.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module

from ...lora_ops.imported import imported
from ..protocol import HostError
from .chat import host_module


def import_beforehand() -> None:
    """Imports PEFT, and with it transformers, where the host plays models that PEFT is for; called without a page.

    With another loader it is left alone: it takes seconds, and may not even be installed.
    """
    if host_module("shared").args.loader == "Transformers" and imported("peft") is None and not loading():
        try:
            import_module("peft")
        except ImportError:
            return  # whoever needs it says so


def import_peft() -> None:
    """Sees to it that PEFT is there.

    Raises:
        HostError: it is not, and the host is loading a model at this moment.
    """
    if imported("peft") is not None:
        return
    if loading():
        raise HostError("TextGen is loading a model at this moment: try again when that is done.")
    import_module("peft")


def loading() -> bool:
    """Whether a thread of the host is loading a model, which it holds no lock for, and tells nobody."""
    load = getattr(host_module("models").load_model, "__code__", None)
    for number, frame in sys._current_frames().items():
        while number != threading.get_ident() and frame is not None:
            if frame.f_code is load:
                return True
            frame = frame.f_back  # type: ignore[assignment]
    return False
