"""The host's door: what text-generation-webui asks of an extension. Wiring alone; the house is behind it.

The host loads this file by path from two folders, under any clone name, and beside extensions with top-level names
of their own. So it makes the package `lora_mixer` out of its own folder first; all else is imported from there,
relatively, and only when it is needed: listing this extension costs the host no import of torch, transformers or PEFT.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_FOLDER = Path(__file__).resolve().parent

#: What the host's settings.yaml can set, as `NAME-fader_max: 3`.
params: dict[str, Any] = {
    "display_name": "LoRA Mixer",
    "is_tab": True,
    "fader_min": 0.0,
    "fader_max": 2.0,
}


class _Door:
    """What lives as long as the process, while the host may build its page, or run this very file, several times."""

    def __init__(self) -> None:
        self.host: Any = None
        self.console: Any = None

    def open(self) -> Any:
        """The console, made when the first page is built."""
        if self.console is None:
            console = _part("ui.page.console")
            host = self.host or _part("hosts.textgen.host").TextGenHost()
            self.console = _part("ui.page.studio").Studio(host, console.range_from(params))
            host.watch_changes(self.console.left_alone)
        if self.host is None:  # each time: its API may have been switched on since
            self.console.host.watch_models(self.console.desk)
            self.console.host.watch_requests(self.console.desk)
        return self.console


def _package() -> ModuleType:
    """The package `lora_mixer`, made out of this folder the first time."""
    if "lora_mixer" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "lora_mixer", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
        )
        assert spec is not None and spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules["lora_mixer"] = package
        spec.loader.exec_module(package)
    return sys.modules["lora_mixer"]


def _part(name: str) -> ModuleType:
    """A module of this extension, by its name inside the package."""
    return import_module(f"{_package().__name__}.{name}")


def _door() -> _Door:
    """The one door. The package keeps it: a host that restarts its page may run this file again, not the package."""
    package = _package()
    door: _Door = package.__dict__.setdefault("door", _Door())
    return door


def use_host(host: Any) -> None:
    """Plays in another host than text-generation-webui; called before `ui`."""
    _door().host = host


def setup() -> None:
    """Called by the host before the page is built: what must not be imported while it loads a model, is now."""
    if _door().host is None:
        _part("hosts.textgen.imports").import_beforehand()
        if _part("hosts.textgen.api_mixes").is_alone():
            _door().open()


def ui() -> None:
    """Builds the page inside the tab that the host has opened."""
    _part("ui").build(_door().open())


def model_changed() -> None:
    """For a host that tells when it has another model: faders act at once, not only when a page asks for them."""
    if (console := _door().console) is not None:
        console.desk()


def custom_css() -> str:
    """The page's style."""
    return str(_part("ui.page.assets").style())


def custom_js() -> str:
    """The page's script, as statements that run when the page has loaded."""
    return str(_part("ui.page.assets").script())
