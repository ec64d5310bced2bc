"""What the standalone page plays: the demo's model and adapters, or any local ones."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops.imported import imported
from ..adapter_loading import change
from ..protocol import HostError, Request, Trouble
from .growing import Partial
from .llama_start import OnLlama, check_gguf_adapter
from .server import OnServer

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from ...lora_ops.shelf.shelf import Place
    from .player import Player
    from .prompt import Settings

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
        cache: where is kept what can be made again, the demo's model once it is converted and parts of adapters; None
            for `.cache` in `root`.
        llama: how the model is played on llama.cpp; None for transformers. `model` is None then.
        server: where one runs already that has a model; `model` and `llama` are None then.
    """

    root: Path
    model: Path | None = None
    adapters: dict[str, Path] = field(default_factory=dict)
    device: str = "auto"
    dtype: str = "auto"
    state: Path | None = None
    cache: Path | None = None
    llama: OnLlama | None = None
    server: OnServer | None = None

    @property
    def model_name(self) -> str:
        if self.server is not None:
            return self.server.model_name
        if self.llama is not None:
            return self.llama.model_name
        return self.model.resolve().name if self.model else DEMO_MODEL

    @property
    def is_of_demo(self) -> bool:
        """Whether the model is the one that comes with the project."""
        return self.model is None and self.llama is None and self.server is None

    @property
    def parts(self) -> Path:
        """Where parts of adapters are kept."""
        return (self.cache or self.root / ".cache").resolve() / "parts"


@dataclass(frozen=True)
class Loaded:
    """A model of transformers in this process, with its adapters, its tokenizer, and how many parameters it has without
    the adapters. Members as `player.Player` tells them."""

    model: Any
    tokenizer: Any
    parameters: int
    #: Whoever started it knows.
    model_name = ""

    @property
    def engine(self) -> Engine | None:
        if imported("peft") is None:  # without it no adapter can be in the model
            return None
        from ...lora_ops.engines.peft.engine import PeftEngine

        return PeftEngine.of(self.model, self.tokenizer)

    @property
    def facts(self) -> str:
        return f"{str(self.model.dtype).removeprefix('torch.')} on {self.model.device.type}"

    def trouble(self) -> Trouble | None:
        return None

    def adapters(self) -> dict[str, Path | None]:
        if "peft" not in sys.modules:
            return {}
        from ...lora_ops.engines.peft.loading import loaded_adapters

        return loaded_adapters(self.model)

    def changed(self, load: Mapping[str, Place], keep: Sequence[str]) -> Loaded:
        return replace(self, model=change(self.model, load, keep, upcast=True))

    def request(self, messages: list[dict[str, str]], settings: Settings, opening: str) -> Request:
        from .prompt import build_request

        return build_request(self.model, self.tokenizer, messages, settings, opening)

    def stream(self, request: Request, stop: threading.Event) -> Iterator[Partial]:
        from .stream import stream

        return stream(self.model, self.tokenizer, request, stop)

    def count(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def close(self) -> None:
        """It goes when nobody refers to it any more."""


def demo_adapters(root: Path) -> dict[str, Path]:
    """The adapters that come with the project, by name; the one to hear first comes first."""
    folders = [path.parent for path in (root / "demo" / "adapters").glob("*/adapter_config.json")]
    return name_adapters(sorted(folders, key=lambda folder: (folder.name != FIRST_HEARD, folder.name)))


def name_adapters(folders: Iterable[Path]) -> dict[str, Path]:
    """A name for each adapter, folder or file: its own, made unique and fit for PEFT (which allows no dots)."""
    named: dict[str, Path] = {}
    for folder in folders:
        own = folder.resolve()
        plain = re.sub(r"[^\w-]+", "_", own.stem if own.is_file() else own.name).strip("_") or "adapter"
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


def check_adapter(folder: Path, on_llama: bool = False) -> None:
    """Raise a HostError that says why `folder` is no PEFT adapter that we load; nor a GGUF adapter, on llama.cpp."""
    from ...lora_ops.shelf.adapter_files import AdapterFileError, read_adapter

    if folder.is_file() and on_llama:
        return check_gguf_adapter(folder)
    if folder.is_file() and folder.suffix.lower() == ".gguf":
        raise HostError(f"{folder} is for llama.cpp: name its model's file too, with --gguf FILE.")
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


def load(start: Start, say: Callable[[str], None]) -> Player:
    """Load what `start` names; `say` is told in a sentence what is going on. Takes seconds to minutes.

    Raises HostError with what is wrong and what to do.
    """
    say(f"Loading {start.model_name} …")
    if start.server is not None:
        from .which_server import on_server

        return on_server(start.server, start.adapters, say)
    if start.llama is None:
        return load_here(start, say)
    from .llama import on_own_server

    return on_own_server(start.llama, start.adapters, start.parts, say)


def demo_on_llama(start: Start, adapters: Mapping[str, Path], say: Callable[[str], None]) -> Player:
    """The demo's model on llama.cpp, with these adapters.

    Raises HostError with what is wrong and what to do.
    """
    from ...demo.base_model import gguf_file
    from .llama import on_own_server

    try:
        return on_own_server(OnLlama(gguf_file()), adapters, start.parts, say)
    except FileNotFoundError as error:
        raise HostError(str(error)) from error


def load_here(start: Start, say: Callable[[str], None]) -> Loaded:
    """`load`, of a model of transformers in this process."""
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
