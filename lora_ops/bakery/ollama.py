"""A mix for Ollama: one GGUF adapter, and a Modelfile that puts it on a base model.

https://docs.ollama.com/modelfile, and `parser/parser.go` of Ollama: an instruction and its value on a line, paths
absolute or from the Modelfile on, values in quotes only where they begin with one, and characters that are not printed
dropped without a word; of adapters there may be one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import write_aside
from ..mix import Mix
from .gguf import BakedFile, bake_gguf
from .llama_layout import LlamaWeights

_FILE = "Modelfile"
#: A model's name, as `types/model/name.go` has it; that of the library may have a host, a namespace and a tag.
_NEW = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
_KNOWN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/-]{0,400}")


@dataclass(frozen=True, kw_only=True)
class ForOllama:
    """What was written for Ollama.

    Attributes:
        adapter: the GGUF file.
        modelfile: the file beside it.
        name: what the model is to be called.
        commands: what makes it known to Ollama, and runs it.
    """

    adapter: BakedFile
    modelfile: Path
    name: str
    commands: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON, but for the adapter."""
        return {"modelfile": str(self.modelfile), "name": self.name, "commands": list(self.commands)}


def write_for_ollama(
    sources: Sequence[LlamaWeights],
    mix: Mix,
    folder: Path,
    base: Path,
    name: str,
    *,
    start_from: str | None = None,
    overwrite: bool = False,
) -> ForOllama:
    """Writes a mix as a GGUF adapter and a Modelfile into a folder.

    Args:
        sources: the adapters.
        mix: the gains, and as much of one adapter as is heard.
        folder: where to; it is made where it is missing.
        base: the base model's GGUF file.
        name: what the model is to be called in Ollama; what cannot stand in its names becomes a dash.
        start_from: a model that Ollama has already, of the same weights, instead of that file.
        overwrite: whether files that are there already are replaced.

    Raises:
        ValueError: a name or a path that a Modelfile cannot hold; or as `bake_gguf`.
        FileExistsError: there are such files.
        OSError: they cannot be written.
    """
    folder, base = folder.expanduser().absolute(), base.expanduser().absolute()
    called = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
    if not _NEW.fullmatch(called):
        raise ValueError(
            f"{name[:80]!r} cannot be a model's name in Ollama: choose one with letters or digits (--name)"
        )
    if start_from is not None and not _KNOWN.fullmatch(start_from):
        raise ValueError(f"{start_from[:80]!r} is no name of a model in Ollama: write it as smollm2:135m")
    if not str(base).isprintable():
        raise ValueError(f"a Modelfile cannot hold the path {str(base)!r}: rename what cannot be printed")
    modelfile = folder / _FILE
    if modelfile.exists() and not overwrite:
        raise FileExistsError(f"{modelfile} exists already: choose another folder, or allow it to be overwritten")
    adapter = bake_gguf(sources, mix, folder / f"{called}.gguf", overwrite=overwrite)
    write_aside(modelfile, f"FROM {start_from or base}\nADAPTER ./{adapter.path.name}\n")
    modelfile.chmod(0o644)
    commands = (f"ollama create {called} -f {shlex.quote(str(modelfile))}", f"ollama run {called}")
    return ForOllama(adapter=adapter, modelfile=modelfile, name=called, commands=commands)
