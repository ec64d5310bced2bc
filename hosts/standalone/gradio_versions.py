"""Gradio 4.37 and 6 under one roof."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def accepted(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of the `options` that `function` has a parameter for."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}
