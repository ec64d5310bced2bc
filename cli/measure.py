"""`loudness` and `impact`: what an adapter's targets weigh, and what they do to a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lora_ops.files import write_aside
from . import arguments as asking
from .live_model import desk_of
from .options import Playing, shared
from .output import bar, progress, say, show_json, show_table

if TYPE_CHECKING:
    from ..lora_ops.measure.estimate import Estimate
    from ..lora_ops.measure.impact import Impact

#: A text to measure on when none is given: some of what a chat is made of.
_TEXT = "The sea is calm tonight. Could you tell me how to tie a knot that holds, and when the next ship leaves?"

Top = Annotated[int, typer.Option("--top", min=1, metavar="N", help="How many rows to show of each table.")]


class Part(str, Enum):
    """What is told one by one."""

    target = "target"
    kind = "kind"
    layer = "layer"


class What(str, Enum):
    """What is done to a part to measure it."""

    silenced = "silenced"
    alone = "alone"


By = Annotated[list[Part] | None, typer.Option("--by", help="Which tables; all if not given.", show_default=False)]


@shared
def loudness(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    playing: Playing,
    by: By = None,
    top: Top = 20,
    as_json: asking.AsJson = False,
) -> None:
    """Tell how loud each target is: the norm of what it adds, against the norm of the weight that it is added to.

    Example: `loudness loras/pirate --model demo --gain pirate:q_proj=2 --by kind`
    """
    from ..lora_ops.measure.loudness import loudness as measured

    folders = asking.named(adapters)
    gains = playing.of(list(folders))
    desk, _ = desk_of(model, folders, playing.device, playing.dtype, as_json)
    desk.check(gains)
    with progress("measuring", as_json):
        found = measured(desk).at(gains)
    parts = by or list(Part)
    values = {part.value: getattr(found, f"{part.value}s") for part in parts}
    if as_json:
        show_json({"mix": gains.to_dict(), **{f"{part}s": one for part, one in values.items()}})
        return
    _show(values, top, "loudness", lambda value: f"{value:.4f}")


@shared
def impact(
    adapters: asking.Adapters,
    model: asking.NeededModel,
    playing: Playing,
    text: Annotated[str | None, typer.Option("--text", "-t", help="The text that is read.", show_default=False)] = None,
    text_file: Annotated[
        Path | None, typer.Option("--text-file", metavar="FILE", help="A file with the text.", show_default=False)
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, metavar="N", help="Read no more of it than so many tokens.")] = 256,
    what: Annotated[What, typer.Option(help="Each part silenced, or each alone left on.")] = What.silenced,
    by: By = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate it, at a price that does not grow with the targets.")
    ] = False,
    probes: Annotated[
        int, typer.Option(min=2, max=4096, metavar="N", help="How many drawings an estimate takes.")
    ] = 16,
    top: Top = 20,
    keep_top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Make a mix of the N targets that matter most; see --save.")
    ] = None,
    silence_idle: Annotated[
        bool, typer.Option("--silence-idle", help="Make a mix without the targets that do nothing; see --save.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Where that mix goes, for --mix.", show_default=False)
    ] = None,
    overwrite: asking.Overwrite = False,
    as_json: asking.AsJson = False,
) -> None:
    """Tell what each target, kind and layer does to a text: how far the next-token distributions move without it.

    Examples:

    * `impact loras/pirate --model demo --by kind`

    * `impact loras/pirate --model demo --estimate --probes 32`

    * `impact loras/pirate --model demo --keep-top 10 --save ten.json`
    """
    if text is not None and text_file is not None:
        raise ValueError("give --text or --text-file, not both")
    if (keep_top is not None or silence_idle) != (save is not None) or (keep_top is not None and silence_idle):
        raise ValueError("--save FILE goes with one of --keep-top N and --silence-idle")
    if save is not None and estimate:
        raise ValueError("--save makes a mix of what was measured: leave out --estimate")
    if save is not None and save.exists() and not overwrite:
        raise FileExistsError(f"{save} exists already")
    folders = asking.named(adapters)
    gains = playing.of(list(folders))
    passage = _passage(text, text_file)
    desk, tokenizer = desk_of(model, folders, playing.device, playing.dtype, as_json)
    from ..lora_ops.measure.estimate import estimate_impact as estimated
    from ..lora_ops.measure.impact import impact as measured
    from ..lora_ops.measure.pruning import keep_top as keeping
    from ..lora_ops.measure.pruning import silence_idle as silencing

    ids = tokenizer(passage)["input_ids"][:tokens]
    if estimate:
        with progress("estimating", as_json) as told:
            guess = estimated(desk, ids, gains, what.value, probes=probes, progress=told)
        if as_json:
            show_json(guess.to_dict())
        else:
            _show_estimate(guess, by or list(Part), top)
        return
    parts: list[Any] = [part.value for part in by or Part]
    if save is not None and "target" not in parts:
        parts.append("target")
    with progress("measuring", as_json) as told:
        found = measured(desk, ids, gains, what.value, parts=parts, progress=told)
    if save is not None:
        made = keeping(found, keep_top) if keep_top is not None else silencing(found)
        write_aside(save, json.dumps(made.to_dict(), indent=2) + "\n")
    if as_json:
        show_json(found.to_dict())
        return
    _show({part: getattr(found, f"{part}s") for part in parts}, top, "nats", lambda value: f"{value:.2e}")
    _footnote(found, save)


def _show_estimate(found: Estimate, parts: Sequence[Part], top: int) -> None:
    """What was estimated, each number with its standard error, and what no gradient reaches with the reason."""
    for part in parts:
        nats, errors = getattr(found, f"{part.value}s"), getattr(found, f"{part.value}_errors")
        _show({part.value: nats}, top, "nats, estimated", lambda value: f"{value:.2e}", errors)
    say(f"{found.tokens} tokens, {found.probes} probes in {found.seconds:.1f} s; ± is a standard error")
    for adapter, reasons in found.why_not.items():
        for reason in sorted(set(reasons.values())):
            count = sum(one == reason for one in reasons.values())
            say(f"{adapter}: {count} target{'s' * (count != 1)} not estimated: {reason}")


def _footnote(found: Impact, save: Path | None) -> None:
    say(f"{found.tokens} tokens in {found.seconds:.1f} s")
    for reason in filter(None, (found.why_not_batched, found.why_not_resumed)):
        say(reason)
    if save is not None:
        say(f"The mix is in {save}: use it with --mix.")


def _passage(text: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{file} cannot be read: {error}") from error
    if text is not None and not text.strip():
        raise ValueError("the text is empty")
    return text or _TEXT


def _show(
    values: Mapping[str, Mapping[str, Mapping[Any, float | None]]],
    top: int,
    unit: str,
    written: Any,
    errors: Mapping[str, Mapping[Any, float]] | None = None,
) -> None:
    """A table for each part and adapter, the greatest first; with errors where they are known."""
    for part, adapters in values.items():
        for adapter, of in adapters.items():
            told = [(name, value) for name, value in of.items() if value is not None]
            ordered: Sequence[tuple[Any, float]] = sorted(told, key=lambda one: -one[1])
            if not ordered:
                continue
            greatest = ordered[0][1] or 1.0
            rows = [(str(name), written(value), bar(value / greatest)) for name, value in ordered[:top]]
            if errors is not None:
                off = errors[adapter]
                rows = [
                    (shown, f"{value} ± {written(off[name])}", line)
                    for (shown, value, line), (name, _) in zip(rows, ordered, strict=False)
                ]
            show_table((f"{adapter}: {part}", unit, ""), rows)
            if len(ordered) > top:
                say(f"… and {len(ordered) - top} more: --top {len(ordered)}")
            typer.echo()
