"""What the standalone page plays: the demo's model and adapters, or any local ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..adapter_loading import change
from ..protocol import HostError

DEMO_MODEL = "SmolLM2-135M-Instruct"
#: Of the demo's adapters, the one to hear first: it is on every linear layer, so every fader does something.
FIRST_HEARD = "pirate"


@dataclass(frozen=True)
class Start:
    """What to load.

    Attributes:
        root: the folder of this project.
        model: a local transformers model, or None for the demo's.
        adapters: adapter folders by the names they get; None for the demo's own.
        device: "auto", or what torch calls a device.
        dtype: "auto" (float32 on the CPU, bfloat16 elsewhere), or what torch calls a dtype.
        state: where profiles, baked adapters and the like are kept; None for `user_data` in `root`.
        cache: where the demo's model is kept once it is converted; None for `.cache` in `root`.
    """

    root: Path
    model: Path | None = None
    adapters: dict[str, Path] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    state: Path | None = None
    cache: Path | None = None

    @property
    def model_name(self) -> str:
        return self.model.resolve().name if self.model else DEMO_MODEL


@dataclass(frozen=True)
class Loaded:
    """A model with its adapters, its tokenizer, and how many parameters it has without the adapters."""

    model: Any
    tokenizer: Any
    parameters: int


def demo_adapters(root: Path) -> dict[str, Path]:
    """The adapters that come with the project, by name; the one to hear first comes first."""
    folders = [path.parent for path in (root / "demo" / "adapters").glob("*/adapter_config.json")]
    return name_adapters(sorted(folders, key=lambda folder: (folder.name != FIRST_HEARD, folder.name)))


def name_adapters(folders: Iterable[Path]) -> dict[str, Path]:
    """A name for each adapter folder: the folder's own, made unique and fit for PEFT (which allows no dots)."""
    named: dict[str, Path] = {}
    for folder in folders:
        plain = re.sub(r"[^\w-]+", "_", folder.resolve().name).strip("_") or "adapter"
        name, number = plain, 1
        while name in named:
            number += 1
            name = f"{plain}-{number}"
        named[name] = folder
    return named


def check_model(folder: Path) -> None:
    """Raise a HostError that says why `folder` is no local transformers model that we load."""
    _check_folder(folder, "model", "config.json")
    if not any(folder.glob("*.safetensors")):
        raise HostError(
            f"The model in {folder} has no *.safetensors file. Only safetensors are loaded, since a pickle "
            "(.bin, .pt) can run any code: convert the model to safetensors first."
        )


def check_adapter(folder: Path) -> None:
    """Raise a HostError that says why `folder` is no PEFT adapter that we load."""
    from ...lora_ops.shelf.adapter_files import AdapterFileError, read_adapter

    _check_folder(folder, "adapter", "adapter_config.json")
    try:
        read_adapter(folder)
    except AdapterFileError as error:
        raise HostError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


def _check_folder(folder: Path, what: str, config: str) -> None:
    if not folder.exists():
        raise HostError(f"The {what} folder {folder} does not exist.")
    if not folder.is_dir():
        raise HostError(f"{folder} is a file; the {what} must be a folder with a {config} in it.")
    if not (folder / config).is_file():
        raise HostError(f"There is no {config} in {folder}, so it is no {what} folder.")


def load(start: Start, say: Callable[[str], None]) -> Loaded:
    """Load what `start` names; `say` is told in a sentence what is going on. Takes seconds to minutes.

    Raises HostError with what is wrong and what to do.
    """
    say(f"Loading {start.model_name} …")
    import torch

    device = _device(start.device)
    dtype = _dtype(start.dtype, device)
    cache = start.cache or start.root / ".cache"
    model, tokenizer = _load_local(start.model) if start.model else _load_demo(cache, say)
    try:
        model = model.to(device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:  # a device that is not there, or too small
        raise HostError(f"The model does not go to {device} as {start.dtype}: {_first_line(error)}") from error
    parameters = sum(parameter.numel() for parameter in model.parameters())
    for name, folder in start.adapters.items():
        say(f"Loading the adapter {name} …")
        model = add_adapter(model, name, folder)
    model.requires_grad_(False)
    assert isinstance(model, torch.nn.Module)
    return Loaded(model.eval(), tokenizer, parameters)


def add_adapter(model: Any, name: str, folder: Path) -> Any:
    """`model` with the adapter in `folder` under `name`, beside those that are there.

    Raises HostError when the adapter does not fit the model, and says where.
    """
    from ...lora_ops.engines.peft.loading import loaded_adapters
    from ...lora_ops.shelf.shelf import Place

    place = Place(name, folder, name, folder.resolve())
    return change(model, {name: place}, list(loaded_adapters(model)), upcast=True)


def _load_local(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **options)
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype="auto", use_safetensors=True, **options)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise HostError(f"transformers cannot load the model in {folder}: {_first_line(error)}") from error
    return model, tokenizer


def _load_demo(cache: Path, say: Callable[[str], None]) -> tuple[Any, Any]:
    from ...demo.base_model import converted_folder, load_base

    if not converted_folder(cache).is_dir():
        say(f"Converting {DEMO_MODEL} for its first start, about half a minute …")
    try:
        return load_base(cache)
    except FileNotFoundError as error:
        raise HostError(str(error)) from error
    except OSError as error:
        raise HostError(f"The model could not be kept in {cache}: {_first_line(error)}") from error


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise HostError(f"torch knows no device {name!r}. Try cpu, cuda, cuda:1 or mps.") from error


def _dtype(name: str, device: Any) -> Any:
    import torch

    if name == "auto":
        return torch.float32 if device.type in ("cpu", "mps") else torch.bfloat16
    return getattr(torch, name)


def _first_line(error: BaseException) -> str:
    """What it says first; where that announces a list, the list too."""
    lines = [stripped for line in str(error).splitlines() if (stripped := line.strip())]
    if not lines:
        return type(error).__name__
    return " ".join(lines) if lines[0].endswith(":") else lines[0]
