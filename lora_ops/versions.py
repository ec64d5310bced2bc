"""What is installed here: the first thing to know about an error. Nothing is imported to find out."""

from __future__ import annotations

import platform
from importlib import metadata

from .. import __version__

#: What an error may be about.
PACKAGES = (
    "torch", "transformers", "peft", "gradio", "accelerate", "bitsandbytes", "safetensors", "tokenizers",
    "huggingface-hub", "pydantic", "alembic", "sqlalchemy", "scipy", "plotly",
)  # fmt: skip


def installed() -> dict[str, str]:
    """The versions of those packages that are there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def in_a_line() -> str:
    """This version, that of Python, the system, and the packages."""
    packages = ", ".join(f"{name} {version}" for name, version in installed().items())
    return f"LoRA Mixer {__version__}, Python {platform.python_version()}, {platform.platform()}; {packages}"
