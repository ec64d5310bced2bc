"""A whole adapter in one GGUF file, with the gains of a mix in it if they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...disk import telling
from ...files import aside_of
from ...mix import Mix, heard
from ...mix_check import check_mix
from ...optional_packages import needed
from ...target import Adapter, Target
from .base import Base
from .gguf_adapter import read_gguf_pairs
from .gguf_file import looks_like_gguf
from .pair import CannotSplit, Pair, Whole
from .peft_adapter import read_peft


def whole(
    adapter: Path | str,
    model: Path | str,
    path: Path | str,
    *,
    mix: Mix | None = None,
    name: str | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes an adapter as one GGUF file, as llama.cpp's own converter does, and with a mix in it if one is given.

    Where targets differ in what they are multiplied by, which such a file has one number for, B of some of them takes
    up the difference, in float32 unless a type is asked for.

    Args:
        adapter: a PEFT adapter's folder, or a GGUF adapter.
        model: the base model's GGUF file.
        path: the file to write.
        mix: the gains that go into the file; as loaded if None. Of the adapters in it one has this one's name.
        name: the adapter's name in the mix; that of its folder or file if not given.
        dtype: "float16" or "float32"; as the numbers are if None.
        overwrite: whether a file that is there already is replaced.

    Raises:
        CannotSplit, FileExistsError, OSError: as with `split`.
        ValueError: the same; or the mix fades, names what is not there, or makes numbers too large for the type.
    """
    adapter, model, path = (Path(one).expanduser() for one in (adapter, model, path))
    base = Base.read(model)
    found = read_whole(adapter, base)
    pairs = found.pairs if mix is None else mixed(found, mix, name or name_of(adapter))
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
    aside = aside_of(path)
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_pairs(aside, found.architecture, pairs, dtype, name or name_of(adapter), base.name)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return path


def mixed(found: Whole, mix: Mix, name: str) -> list[Pair]:
    """The pairs of an adapter with the gains of a mix in their scalings.

    Raises:
        ValueError: the mix fades, or names what is not there.
    """
    if mix.faded:
        raise ValueError("a file has no fades in it: take the mix as it is at one token (Mix.at)")
    if mix[name].on and not mix[name].whole:
        raise ValueError(f"only a part of {name!r} is heard ({heard(mix[name])}): bake_gguf writes that")
    targets = [
        Target(name, one.target, one.layer, one.kind, one.rank, one.scaling * one.rank, one.scaling, True)
        for one in found.pairs
    ]
    mix = Mix({name: mix[name]})
    check_mix(mix, {name: Adapter(name, "lora", tuple(targets), sum(one.parameters for one in found.pairs), 0.0)})
    gains = mix[name].gains(targets)
    return [replace(one, scaling=one.scaling * gain) for one, gain in zip(found.pairs, gains, strict=True)]


def read_whole(adapter: Path, base: Base) -> Whole:
    """An adapter of either kind, as llama.cpp adds it to this base model."""
    if adapter.is_file():
        if not looks_like_gguf(adapter):
            raise CannotSplit(f"{adapter} is no GGUF file: name a GGUF adapter, or a PEFT adapter's folder")
        return read_gguf_pairs(adapter, base)
    return read_peft(adapter, base)


def name_of(adapter: Path) -> str:
    """What an adapter is called after: its folder, or its file."""
    return adapter.stem if adapter.is_file() else adapter.resolve().name


def write_pairs(
    path: Path, architecture: str, pairs: Sequence[Pair], dtype: str | None = None, name: str = "", base: str = ""
) -> None:
    """Writes some of an adapter's pairs into one GGUF file, in a type or as they are.

    Args:
        path: the file.
        architecture: of the base model, as llama.cpp calls it.
        pairs: what it adds.
        dtype: "float16" or "float32"; as the numbers are if None.
        name: the adapter's, which other programs show.
        base: the base model's, by which they tell what it is for.
    """
    gguf = needed("gguf", "writing GGUF files")
    # One alpha for the whole file: that of most of its pairs, which stay as they are to the bit.
    alphas = [np.float32(pair.scaling * pair.rank) for pair in pairs if pair.scaling]
    alpha = max(alphas, key=alphas.count) if alphas else np.float32(1)
    if not np.isfinite(alpha):
        raise ValueError(f"{pairs[0].target}: at this gain its scaling is larger than any number of a model")
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    if name:
        writer.add_name(name)
    if base:
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, base)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
    for pair in pairs:
        a, b = pair.read()
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise CannotSplit(f"{pair.target} holds numbers that are not finite (NaN or infinite): it is damaged")
        if np.float32(pair.scaling * pair.rank) != alpha:
            b = b.astype(np.float32) * np.float32(pair.scaling * pair.rank / float(alpha))
        with np.errstate(over="ignore"):  # told in words
            a, b = (one if dtype is None else one.astype(dtype) for one in (a, b))
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise ValueError(f"{pair.target}: its numbers are too large for {dtype or 'float32'} at this gain")
        for tensor, own in zip(pair.tensors, np.split(b, len(pair.tensors), axis=-2), strict=True):
            writer.add_tensor(f"{tensor}.lora_a", np.ascontiguousarray(a))
            writer.add_tensor(f"{tensor}.lora_b", np.ascontiguousarray(own))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
