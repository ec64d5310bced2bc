"""Where to train: the kinds and layers that earned their place, by the faders, and by what each does to a text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..target import Target
from .evidence import Evidence
from .next_training import Advice, Sure

#: Parts that together make up no more than this of all impact did not earn their place.
LITTLE = 0.05
_QLORA = "QLoRA, arXiv:2305.14314: all linear layers, rather than a higher rank, are what it takes"
#: What attention is called in common models.
_ATTENTION = re.compile(r"(?:[qkvo]_proj|out_proj|[qkv]|qkv\w*|c_attn|query\w*|key|value|dense|wq|wk|wv|wo)")
#: How PEFT reads a layer's index out of a name: old versions the last one, new ones the first.
_INDEX = (re.compile(r".*\.[^.]*\.(\d+)\."), re.compile(r".*?\.[^.]*\.(\d+)\."))


@dataclass(frozen=True)
class Places:
    """Where to train.

    Attributes:
        kinds: those that are kept, modules alone.
        parameters: those that are parameters (experts' weights), by the ends of their names.
        layers: those that are kept; None if the kinds say it all.
        exclude: single targets of those kinds and layers that are left out.
        targets: what is adapted then.
        lines: why.
    """

    kinds: tuple[str, ...]
    parameters: tuple[str, ...]
    layers: tuple[int, ...] | None
    exclude: tuple[str, ...]
    targets: tuple[Target, ...]
    lines: tuple[Advice, ...]


def places_of(evidence: Evidence) -> Places:
    """Kinds and layers that are heard, and that do something to the text, if there is one."""
    adapter = evidence.adapter
    kinds, kind_line = _earned(evidence, "kind", adapter.kinds, evidence.effect.kinds)
    layers, layer_line = _earned(evidence, "layer", adapter.layers, evidence.effect.layers)
    lines = [kind_line, layer_line] if adapter.layers else [kind_line]
    if not _heard_in(evidence, kinds, layers):  # what is kept of the kinds lies in layers that are not
        kinds, layers = adapter.kinds, adapter.layers
        why = "the kinds that earned their place lie in layers that did not: nothing can be told apart"
        lines = [Advice("target_modules", f"as it was trained: {', '.join(kinds)}", why, Sure.unknown)]
    wanted = [one.target for one in evidence.loaded if one.target.kind in kinds]
    kept = _heard_in(evidence, kinds, layers)
    restricted = layers != adapter.layers or layers != tuple(range(len(layers)))
    indexed = restricted and _by_index(wanted)
    reached = [target for target in wanted if not indexed or target.layer in layers]
    exclude = tuple(target.name for target in reached if target not in kept)
    if alone := sum(target.layer in (None, *layers) for target in wanted) - len(kept):
        told = f"without {alone} single target{'s' if alone > 1 else ''}"
        lines.append(Advice("exclude_modules", told, "they stand at 0 on the desk", Sure.heard, float(alone)))
    experts = {one.target.name for one in evidence.loaded if len(one.experts) > 1}
    return Places(
        kinds=tuple(kind for kind in kinds if any(t.kind == kind and t.name not in experts for t in kept)),
        parameters=tuple(dict.fromkeys(".".join(t.name.split(".")[-2:]) for t in kept if t.name in experts)),
        layers=tuple(layers) if indexed else None,
        exclude=exclude,
        targets=tuple(kept),
        lines=tuple(lines),
    )


def _heard_in(evidence: Evidence, kinds: Sequence[str], layers: Sequence[int]) -> list[Target]:
    """The targets of these kinds and layers that do not stand at 0."""
    targets = [one.target for one in evidence.loaded if one.target.kind in kinds]
    return [one for one in targets if (one.layer is None or one.layer in layers) and evidence.gains[one.name] != 0]


def rules(evidence: Evidence, kinds: Sequence[str]) -> list[Advice]:
    """What the old advice says of where to train."""
    if kinds and all(_ATTENTION.fullmatch(kind) for kind in evidence.adapter.kinds):
        why = f"it adapts {', '.join(kinds)} alone, and the MLP not at all: whether that would help is not known here"
        return [Advice("target_modules", "try the MLP's linear layers too", why, Sure.rule, source=_QLORA)]
    return []


def _earned(evidence: Evidence, part: str, all_of: Sequence[Any], effect: Mapping[Any, float]) -> tuple[Any, Advice]:
    """Those of all kinds, or of all layers, that earned their place, and why."""
    heard, why_heard = _heard(evidence, part, all_of)
    measured, why_measured = _moving(evidence, heard, effect)
    kept = tuple(one for one in all_of if one in measured)
    setting = "target_modules" if part == "kind" else "layers_to_transform"
    word = f"{part}s"
    told = ", ".join(kept) if part == "kind" else spans(kept)
    if len(kept) == len(all_of):
        told = f"all {len(kept)} {word}" + (f": {told}" if part == "kind" else f" that it adapts: {told}")
    if why_measured:
        return kept, Advice(setting, told, "; ".join(filter(None, (why_heard, why_measured))), Sure.measured, LITTLE)
    if why_heard:
        return kept, Advice(setting, told, why_heard, Sure.heard, 0.0)
    why = f"which {word} earned their place is not known: measure the impact on a text of yours"
    hint, number = _quietest(evidence) if part == "kind" else ("", None)
    return kept, Advice(setting, told, why + hint, Sure.unknown, number)


def _heard(evidence: Evidence, part: str, all_of: Sequence[Any]) -> tuple[list[Any], str]:
    """Without those that stand at 0 in all their targets, or that add nothing as loaded."""
    silent, empty = [], []
    for one in all_of:
        members = [spectrum for spectrum in evidence.loaded if getattr(spectrum.target, part) == one]
        if all(evidence.gains[member.target.name] == 0 for member in members):
            silent.append(one)
        elif not evidence.nothing and not any(member.reason or member.energy for member in members):
            empty.append(one)
    why = [f"{_named(silent)} stand at 0 on the desk"] if silent else []
    why += [f"{_named(empty)} add nothing: B is zero"] if empty else []
    return [one for one in all_of if one not in silent and one not in empty], "; ".join(why)


def _moving(evidence: Evidence, parts: list[Any], effect: Mapping[Any, float]) -> tuple[list[Any], str]:
    """Without those that do next to nothing to the text: from the least on, as long as they are a small share."""
    known = sorted((value, one) for one in parts if (value := effect.get(one)) is not None)
    whole = sum(value for value, _ in known)
    if not whole:
        return parts, ""
    together, idle = 0.0, []
    for value, one in known:
        together += value
        if together > LITTLE * whole:
            break
        idle.append(one)
    on = f" on {evidence.effect.tokens} tokens of one text" if evidence.effect.tokens else " on one text"
    on += ", with other faders than now" if evidence.effect.elsewhere else ""
    on += ", as estimated" if evidence.effect.estimated else ""
    (least, name), most = known[0], known[-1]
    if not idle:
        why = f"each has an impact{on}, {_named([name])} the least with {least:.2g} nats"
        return parts, f"{why}, {_named([most[1]])} the most with {most[0]:.2g}"
    share = sum(effect[one] for one in idle) / whole
    return [one for one in parts if one not in idle], f"{_named(idle)} make up {share:.1%} of all impact{on}"


def _quietest(evidence: Evidence) -> tuple[str, float | None]:
    """The kind that weighs least: told, and no reason to leave it out."""
    if len(evidence.adapter.kinds) < 2:
        return "", None
    if evidence.loudness:
        kind = min(evidence.loudness, key=lambda one: evidence.loudness[one])
        value = evidence.loudness[kind]
        return f". The quietest is {kind}, which adds {value:.2%} of its weight's norm: no reason by itself", value
    shares = {kind: share for kind in evidence.adapter.kinds if (share := evidence.share(kind)) is not None}
    if not any(shares.values()):
        return "", None
    kind = min(shares, key=lambda one: shares[one])
    return f". The least energy is in {kind}, {shares[kind]:.1%} of it: energy is not importance", shares[kind]


def _by_index(targets: Sequence[Target]) -> bool:
    """Whether PEFT, of whatever version, reads the same layer out of every name."""
    return all(
        (found := pattern.match(target.name)) is not None and int(found.group(1)) == target.layer
        for target in targets
        for pattern in _INDEX
    )


def _named(parts: Sequence[Any]) -> str:
    if isinstance(parts[0], str):
        return ", ".join(parts)
    return f"layer{'s' if len(parts) > 1 else ''} {spans(parts)}"


def spans(layers: Sequence[int]) -> str:
    """Layers for people.

    >>> spans([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
