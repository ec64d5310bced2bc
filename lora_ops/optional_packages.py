"""Packages that only some features need: imported late, and missed politely."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class MissingPackage(RuntimeError):
    """A feature needs a package that is not installed; the message says which, and how to get it."""


def needed(module: str, feature: str = "this") -> ModuleType:
    """The module of that name.

    Args:
        module: what to import: "plotly.graph_objects".
        feature: what needs it, for the message: "drawing charts".

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        package = module.partition(".")[0]
        raise MissingPackage(
            f"{feature} needs the package {package}, which is not installed: run `pip install {package}`, or, for all "
            "that LoRA Mixer needs, `pip install -r requirements.txt` in its folder (in TextGen: in the shell that its "
            "cmd script opens), and start again"
        ) from error
