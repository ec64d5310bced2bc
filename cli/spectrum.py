"""`spectrum` and `resize`: what rank an adapter needed, and the same adapter at that rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import arguments as asking
from .gguf import GGUF, Check, bake_gguf, files_of
from .live_model import desk_of
from .measure import By, Part, Top
from .options import Mixing, Output, Playing, shared
from .output import bar, progress, say, show_facts, show_json, show_table, size

if TYPE_CHECKING:
    from ..lora_ops.bakery.resize import Keep, Resized
    from ..lora_ops.measure.spectrum import Spectrum, TargetSpectrum
    from ..lora_ops.mix import Mix

#: The shares of the first table.
_SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
_NOTE = "Energy is not importance: a component of little energy may be what the adapter is for. Hear it before you cut."


@shared
def spectrum(
    adapters: asking.Adapters,
    mixing: Mixing,
    energy: Annotated[
        float, typer.Option("--energy", metavar="SHARE", help="How much of what a target adds is to be held.")
    ] = 0.95,
    by: By = None,
    top: Top = 20,
    as_json: asking.AsJson = False,
) -> None:
    """Tell what rank an adapter needed: how many components hold how much of what each target adds.

    Reads the adapter's folder or GGUF file alone, no base model. Energy is the squared norm; the components are the
    singular values of scaling × B A.

    Example: `spectrum loras/pirate --energy 0.9 --by kind`
    """
    from ..lora_ops.bakery.llama_layout import read_gguf_weights
    from ..lora_ops.energy import check_share
    from ..lora_ops.measure.spectrum import spectrum_weights
    from ..lora_ops.mix_check import check_mix
    from ..lora_ops.shelf.adapter_weights import read_weights

    check_share(energy)
    folders = files_of(adapters)
    gains = mixing.of(list(folders))
    parts = [
        read_gguf_weights(path, name).weights if path.is_file() else read_weights(path, name)
        for name, path in folders.items()
    ]
    check_mix(gains, {one.name: one.adapter for one in parts})
    with progress("measuring", as_json):
        found = spectrum_weights(parts).at(gains)
    if as_json:
        show_json({"mix": gains.to_dict(), "energy": energy, **{name: _plain(found, name, energy) for name in folders}})
        return
    for name in folders:
        typer.echo(f"{name}: {found.told(name, energy)}\n")
        known = [one for one in found.adapters[name] if not one.reason]
        if any(one.energy for one in known):
            _show_shares(known)
            for part in by or list(Part):
                _show_part(name, part, known, energy, top)
        for target, reason in list(found.reasons[name].items())[:top]:
            say(f"{target}: {reason}")
    say(_NOTE)


@shared
def resize(
    adapters: asking.Adapters,
    output: Output,
    playing: Playing,
    rank: Annotated[
        int | None, typer.Option("--rank", metavar="N", help="Keep so many components of every target.")
    ] = None,
    energy: Annotated[
        float | None,
        typer.Option(
            "--energy", metavar="SHARE", help="Keep as many of each target as hold this share of what it adds: 0.95."
        ),
    ] = None,
    one_rank: Annotated[
        bool,
        typer.Option("--one-rank", help="Pad smaller ranks with zeros (vLLM before 0.32 knows one rank alone)."),
    ] = False,
    model: asking.Model = None,
    gguf: GGUF = None,
    check: Check = False,
    as_json: asking.AsJson = False,
) -> None:
    """Write a LoRA adapter, or the sum of several, at a smaller rank: the strongest components of what a target adds.

    Say `--rank` or `--energy`; `spectrum` tells what they keep. With `--model`, stock PEFT reads the result once, and
    its logits are compared with the desk's: as many components heard, or all of the sum where there are several.

    Examples:

    * `resize loras/pirate -o loras/pirate-small --energy 0.95`

    * `resize loras/pirate loras/butler -o loras/both --rank 8 --model demo`

    * `resize pirate.gguf -o pirate-small.gguf --energy 0.95 --gguf smollm2.gguf`
    """
    from ..lora_ops.bakery.resize import Keep

    said = {of: value for of, value in (("rank", rank), ("energy", energy)) if value is not None}
    if gguf is not None:
        others = [option for option, given in {"--model": model, "--one-rank": one_rank}.items() if given]

        def kept(mix: Mix, names: Sequence[str]) -> Keep:
            return Keep.of(mix, names, None, said)

        bake_gguf(adapters, gguf, output, playing.of, others, check, as_json, keep=kept)
        return
    if check:
        raise ValueError("--check has a llama-server play a GGUF file: name the base model's with --gguf")
    from ..lora_ops.bakery.resize import resize as resize_loaded
    from ..lora_ops.bakery.resize import resize_weights
    from ..lora_ops.shelf.adapter_weights import read_weights

    folders = asking.named(adapters)
    gains, place = playing.of(list(folders)), output.place()
    keep = Keep.of(gains, list(folders), None, {**said, "uniform": one_rank})
    if model is None:
        parts = [read_weights(path, name) for name, path in folders.items()]
        with progress("resizing", as_json) as told:
            made = resize_weights(parts, gains, *place, keep, output.writing(progress=told))
    else:
        desk, _ = desk_of(model, folders, playing.device, playing.dtype, as_json)
        with progress("resizing", as_json) as told:
            writing = output.writing(sources=folders, progress=told)
            made = resize_loaded(desk, gains, list(folders), *place, keep, writing)
    if as_json:
        show_json(made.to_dict())
    else:
        _tell(made)


def _plain(found: Spectrum, name: str, energy: float) -> dict[str, Any]:
    def target(one: TargetSpectrum) -> dict[str, Any]:
        if one.reason:
            return {"reason": one.reason}
        return {
            "rank": one.target.rank,
            "needed": one.needed(energy),
            "effective_rank": one.effective_rank,
            "stable_rank": one.stable_rank,
            "values": list(one.values),
        }

    return {
        "told": found.told(name, energy),
        "curve": list(found.curve(name)),
        "targets": {one.target.name: target(one) for one in found.adapters[name]},
    }


def _show_shares(known: list[TargetSpectrum]) -> None:
    held = sum(len(one.values) for one in known)
    rows = []
    for share in _SHARES:
        needed = [one.needed(share) for one in known]
        all_of = f"{sum(needed):,} of {held:,}"
        rows.append((f"{share:.0%}", f"{mean(needed):.1f}", f"{min(needed)} to {max(needed)}", all_of))
    show_table(("energy", "components a target", "least to most", "in all"), rows)
    typer.echo()


def _show_part(name: str, part: Part, known: list[TargetSpectrum], energy: float, top: int) -> None:
    """A table with a row for each kind, layer or target; those that need most first, layers in their order."""
    key: Callable[[TargetSpectrum], Any] = {
        Part.target: lambda one: one.target.name,
        Part.kind: lambda one: one.target.kind,
        Part.layer: lambda one: one.target.layer,
    }[part]
    groups: dict[Any, list[TargetSpectrum]] = {}
    for one in known:
        if key(one) is not None:
            groups.setdefault(key(one), []).append(one)
    if not groups:
        return
    needed = {group: mean(one.needed(energy) for one in members) for group, members in groups.items()}
    ordered: Iterable[Any] = sorted(needed) if part is Part.layer else sorted(needed, key=lambda group: -needed[group])
    most = max(needed.values()) or 1.0
    rows = [
        (
            str(group),
            f"{needed[group]:.1f}",
            f"{mean(one.effective_rank for one in groups[group]):.1f}",
            f"{mean(one.stable_rank for one in groups[group]):.1f}",
            bar(needed[group] / most),
        )
        for group in ordered
    ]
    shown = rows if part is Part.layer else rows[:top]
    show_table((f"{name}: {part.value}", f"for {energy * 100:.4g} %", "effective rank", "stable rank", ""), shown)
    if len(rows) > len(shown):
        say(f"… and {len(rows) - len(shown)} more: --top {len(rows)}")
    typer.echo()


def _tell(made: Resized) -> None:
    ranks = sorted(made.ranks.values())
    facts = {
        "written": str(made.folder),
        "rank": f"{mean(ranks):.1f} a target, {ranks[0]} to {ranks[-1]}" if ranks[0] != ranks[-1] else str(ranks[0]),
        "targets": f"{made.targets}{made.silence}",
        "size": f"{size(made.size)}, was {size(made.size_before)}",
        "parameters": f"{made.parameters:,}, were {made.parameters_before:,}",
        "left out": f"{made.error:.3%} of the norm of what it adds",
        "difference": _difference(made),
    }
    for runtime, reasons in sorted(made.objections.items()):
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    show_facts(facts)


def _difference(made: Resized) -> str:
    if made.greatest_difference is None:
        return f"not compared ({made.why_unchecked})"
    other = "of the desk with as many components heard" if made.alone else "of the whole"
    return (
        f"{made.greatest_difference:.2g} at most between its logits, read by stock PEFT, and those {other}, which are "
        f"up to {made.greatest_logit:.3g}"
    )
