"""A llama-server for our own page: the files that it is started with, or where one listens already."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..adapter_loading import Say
from ..protocol import HostError

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import Part, PartsStore, Server

#: Tokens that a chat may have, where its model does not say that it reads less; and how many replies grow side by side.
CONTEXT, SLOTS = 4096, 4


@dataclass(frozen=True)
class OnLlama:
    """How a model is played on llama.cpp.

    Attributes:
        gguf: the model's file; None where a server runs already.
        url: where that one listens.
        key: what it wants to hear.
        program: a llama-server to run; None for that of the package xllamacpp.
        context: how many tokens a chat may have; None for `CONTEXT`.
        threads: of the processor; as the server finds right if None.
        gpu_layers: how many layers go to the graphics card; as the server finds right if None.
    """

    gguf: Path | None = None
    url: str = ""
    key: str | None = None
    program: str | None = None
    context: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None

    @property
    def model_name(self) -> str:
        """What people call the model."""
        return self.gguf.stem if self.gguf else f"llama-server at {urlsplit(self.url).netloc or self.url}"


class OwnServers:
    """Starts the servers of one model.

    Args:
        how: a model's file, and what it is played with.
        parts: the folder in which parts of adapters are kept.
    """

    def __init__(self, how: OnLlama, parts: Path) -> None:
        assert how.gguf is not None
        self.gguf, self._how, self._parts = how.gguf, how, parts

    def split(self, adapters: Mapping[str, Path], say: Say) -> list[Part]:
        """The parts of these adapters, made if they are not there yet; those of adapters that are gone go.

        Raises:
            HostError: llama.cpp has no form for one of them, it is for another model, damaged, or the disk is full.
        """
        from ...lora_ops.engines.llama_server import PartsStore
        from ...lora_ops.engines.llama_server.command_line import share

        store = PartsStore(self._parts)
        store.clear()
        found = share(adapters, lambda name, most: self._split(store, name, adapters[name], most, say), self._longest)
        return [part for parts in found.values() for part in parts]

    def _split(self, store: PartsStore, name: str, adapter: Path, longest: int | None, say: Say) -> list[Part]:
        """The parts of one, whose paths take no more than `longest`."""
        from ...lora_ops.engines.llama_server import CannotSplit
        from ...lora_ops.optional_packages import MissingPackage

        def told(done: int, of: int) -> None:
            say(f"Splitting {name} for llama.cpp: {done} of {of} …", done / of)

        try:
            # A checkpoint's name has a slash in it, which no name of a file can have.
            own = store.parts(adapter, self.gguf, name=name.replace("/", "-"), longest=longest, progress=told)
        except CannotSplit as error:
            raise HostError(f"llama.cpp cannot play {name}: {error}.") from error
        except MissingPackage as error:
            raise HostError(f"{name} could not be split for llama.cpp: {error}.") from error
        except (ValueError, OSError) as error:
            raise HostError(f"{name} could not be split for llama.cpp: {error}.") from error
        return [replace(part, adapter=name) for part in own]

    def start(self, parts: list[Part], say: Say) -> Server:
        """A server with these parts.

        Raises:
            HostError: it does not start.
        """
        from ...lora_ops.engines.llama_server import ServerError, start

        text = f"Starting llama.cpp with {len(parts)} files of adapters …" if parts else "Starting llama.cpp …"
        say(text)
        how = self._how
        try:
            return start(
                self.gguf,
                parts,
                program=how.program,
                context=how.context or min(CONTEXT, self._most() or CONTEXT),
                slots=SLOTS,
                threads=how.threads,
                gpu_layers=how.gpu_layers,
                waiting=lambda: say(text),
            )
        except (ServerError, OSError) as error:
            text = str(error)
            raise HostError(f"{text[:1].upper()}{text[1:]}") from error

    def has_template(self) -> bool:
        """Whether the model comes with a chat template of its own."""
        return bool(self._fields().get("tokenizer.chat_template"))

    def _most(self) -> int | None:
        """How many tokens the model was made to read, if its file says so."""
        fields = self._fields()
        length = fields.get(f"{fields.get('general.architecture')}.context_length")
        return length if isinstance(length, int) and length > 0 else None

    def _fields(self) -> Mapping[str, Any]:
        from ...lora_ops.engines.llama_server.base import Base

        return Base.read(self.gguf).file.fields

    @property
    def _longest(self) -> int | None:
        """How long the paths of all parts may be: a program is told them on its command line, the package is not."""
        from ...lora_ops.engines.llama_server.command_line import LONGEST

        return LONGEST if self._how.program or importlib.util.find_spec("xllamacpp") is None else None


def check_gguf(file: Path) -> None:
    """Raise a HostError that says why `file` is no model that llama.cpp plays."""
    from ...lora_ops.engines.llama_server.base import Base

    if not file.exists():
        raise HostError(f"The model file {file} does not exist.")
    if file.is_dir():
        raise HostError(
            f"{file} is a folder: --gguf takes a model's .gguf file, and --model a folder of transformers'."
        )
    _read(lambda: Base.read(file))


def check_gguf_adapter(file: Path) -> None:
    """Raise a HostError that says why `file` is no adapter that llama.cpp plays."""
    from ...lora_ops.engines.llama_server.gguf_adapter import read_gguf_adapter

    _read(lambda: read_gguf_adapter(file))


def _read(read: Callable[[], object]) -> None:
    try:
        read()
    except (ValueError, OSError) as error:
        text = str(error)
        raise HostError(f"{text[:1].upper()}{text[1:]}.") from error
