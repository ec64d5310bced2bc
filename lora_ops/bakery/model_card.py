"""The README.md of an adapter or model that was written: what was done to what, and what the source said of itself."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..mix import Faders
from ..optional_packages import needed
from ..shelf.adapter_weights import CARD, AdapterWeights
from .story import Story

_TAG = "lora-mixer"
_MAX_SOURCE = 200_000  # characters; a longer card is no card
_PACKAGES = ("peft", "transformers", "torch", "safetensors")


def model_card(story: Story) -> str:
    """The text of README.md: front matter, what was done, the mix, and the sources' own cards."""
    hub = needed("huggingface_hub", "writing a model card")
    cards = [_source_card(hub, weights) for weights in story.sources]
    fields: dict[str, Any] = {}
    for card in cards:
        if card is not None:
            fields = {**card.data.to_dict(), **fields}
    fields.pop("model-index", None)  # measured on something else
    tags = [*_listed(fields.get("tags")), _TAG, *(["lora"] if story.library == "peft" else [])]
    fields |= {"library_name": story.library, "tags": list(dict.fromkeys(tags))}
    if story.base_model:
        fields.setdefault("base_model", story.base_model)
    facts = [(word, plain(value)) for word, value in _facts(story)]
    body = [f"# {plain(story.name)}", story.what, _table(("", ""), facts)]
    body += ["## The mix", _mix(story)]
    for weights, card in zip(story.sources, cards, strict=True):
        if card is not None and card.text.strip():
            body += [f"## What the card of {plain(weights.name)} says", _quoted(card.text.strip())]
    data = hub.ModelCardData(**fields).to_yaml(line_break="\n")
    return f"---\n{data}\n---\n\n" + "\n\n".join(body) + "\n"


def versions() -> dict[str, str]:
    """What it was made with: LoRA Mixer and the packages that matter."""
    from ... import __version__

    found = {"LoRA Mixer": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "Python": platform.python_version()}


def plain(text: str) -> str:
    """A text that Markdown shows as it is, in one line and in a cell of a table."""
    line = " ".join(text.split())
    for character in "\\`*_{}[]<>#|!":
        line = line.replace(character, f"\\{character}")
    return line


def _facts(story: Story) -> list[tuple[str, str]]:
    rows = list(story.facts.items())
    for weights in story.sources:
        kept = f", adapter_model.safetensors with SHA-256 {weights.sha256}" if weights.sha256 else ""
        rows.append(("source" if len(story.sources) == 1 else f"source {plain(weights.name)}", weights.name + kept))
    rows.append(("made with", ", ".join(f"{package} {number}" for package, number in versions().items())))
    return rows


def _mix(story: Story) -> str:
    rows = []
    for weights in story.sources:
        faders = story.mix[weights.name]
        rows += [(plain(weights.name), plain(what), f"{gain:g}") for what, gain in positions(faders)]
    text = _table(("adapter", "fader", "gain"), rows)
    words = "A target's gain is the product of all that name it; whatever is not named counts as 1."
    if any(faders.crossfade for faders in story.mix.adapters.values()):
        words += " A crossfade at t is one factor of it: 1 - t times the product at 0, and t times that at 1."
    return f"{text}\n\n{words}"


def positions(faders: Faders) -> list[tuple[str, float]]:
    """Where the faders of one adapter stand, in words: the master, and all others that are not at 1."""
    if not faders.on:
        return [("off", 0.0)]
    moved = [("master", faders.master)]
    for word, gains in (("kind", faders.kinds), ("layer", faders.layers), ("target", faders.modules)):
        moved += [(f"{word} {key}", gain) for key, gain in gains.items() if gain != 1]
    if (between := faders.crossfade) is not None:
        moved.append((f"crossfade at {between.stand}", 1.0))
        for end, side in ((0, between.a), (1, between.b)):
            moved += [(f"at {end}: {what}", gain) for what, gain in positions(side)]
    return moved


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _source_card(hub: Any, weights: AdapterWeights) -> Any | None:
    """The source's own card, if it has one that can be read; a link that leaves its folder is none."""
    if weights.source is None:
        return None
    path = Path(weights.source) / CARD
    try:
        if path.resolve().parent != Path(weights.source).resolve() or path.stat().st_size > _MAX_SOURCE:
            return None
        return hub.ModelCard(path.read_text(encoding="utf-8"), ignore_metadata_errors=True)
    except (OSError, ValueError, TypeError):
        return None


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _listed(tags: Any) -> list[str]:
    return [str(tag) for tag in tags] if isinstance(tags, list | tuple) else [str(tags)] if tags else []
