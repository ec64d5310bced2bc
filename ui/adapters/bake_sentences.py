"""What came of a bake, in words: where it is, what it is, whether it says what the desk says, and who reads it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

from ...lora_ops.bakery.gguf import BakedFile
from ...lora_ops.bakery.written import Baked, Merged, Written

if TYPE_CHECKING:
    from ...lora_ops import Resized


def of(made: Baked | Merged) -> list[str]:
    """What was written, in words."""
    if isinstance(made, Merged):
        return of_model(made)
    return of_resized(made) if made.way == "resized" else of_adapter(made)  # type: ignore[arg-type] # which is one


def of_adapter(made: Baked) -> list[str]:
    """A new adapter in words."""
    facts = f"rank {made.rank}, {made.targets} targets{made.silence}, {size(made.size)}"
    lines = [f"{made.folder.name} is in {made.folder.parent}: {facts}", compared(made, "Stock PEFT")]
    if made.kept is not None:
        lines.append(f"{made.kept:.1%} of the exact sum (of its squared norm) is in it.")
    return lines + _runtimes(made)


def of_resized(made: Resized) -> list[str]:
    """An adapter of fewer components in words: what it is, and how far it is from the whole."""
    ranks = list(made.ranks.values())
    least, most = min(ranks), max(ranks)
    rank = f"rank {most}" if least == most else f"rank {least} to {most}, {mean(ranks):.1f} a target"
    facts = f"{rank}, {made.targets} targets{made.silence}, {size(made.size)} instead of {size(made.size_before)}"
    return [
        f"{made.folder.name} is in {made.folder.parent}: {facts}",
        f"Left out is {made.error:.3g} of the Frobenius norm of what it adds: {1 - made.error**2:.2%} of its energy is "
        "in it, which does not say how much it matters.",
        compared(made, "Stock PEFT") + (" The desk had the same components heard." if made.alone else ""),
        *_runtimes(made),
    ]


def _runtimes(made: Baked) -> list[str]:
    """What other runtimes make of it."""
    return [
        f"{runtime}: {'; '.join(reasons) if reasons else 'nothing is in the way'}."
        for runtime, reasons in made.objections.items()
    ]


def of_model(made: Merged) -> list[str]:
    """A new model in words."""
    lines = [
        f"The model is in {made.folder}: {size(made.size)}, with {_listed(made.names)} in its weights",
        compared(made, "Stock transformers"),
    ]
    if made.opened:
        lines.append("The base was in 4 or 8 bits and was opened: what it lost when it was packed stays lost.")
    return lines


def of_file(made: BakedFile) -> list[str]:
    """A GGUF adapter in words."""
    silent = f", of which {made.silent} were silent" if made.silent else ""
    facts = f"rank {made.rank}, {made.targets} targets{silent}, {size(made.size)}"
    off = f"{made.error:.1g} of its norm"
    if made.kept is not None:
        off = f"what was left out, {made.error:.2g} of its norm"
    return [
        f"{made.path.name} is in {made.path.parent}: {facts}",
        f"Read back, what it adds is what the mix says, but for {off}.",
        f"For llama.cpp, and what is built on it: llama-server --lora {made.path}",
    ]


def compared(made: Written, reader: str) -> str:
    """What came of comparing logits with the desk's.

    Args:
        made: what was written.
        reader: who has read it: "Stock PEFT".
    """
    by = f"{made.greatest_difference or 0:.2g}"
    if made.numbers_off is not None:
        return f"Read back, what it adds differs from what the server plays by {made.numbers_off:.1g} of its norm."
    if not made.closeness:
        return f"It was not compared with the desk: {made.why_unchecked}."
    if not made.exact:
        near = "this way comes near, and is not exact"
        return f"{reader} loads it. Its logits differ from the desk's by {by} at most: {near}."
    if made.closeness == "same":
        return f"{reader} loads it, and it says what the desk says: logits differ by {by} at most."
    if made.closeness == "near":
        return f"{reader} loads it; its logits differ from the desk's by {by} at most, which is rounding."
    return (
        f"{reader} loads it, but its logits differ from the desk's by up to {by}. In a model of 16-bit or packed "
        "numbers that can be rounding: listen to it before you use it."
    )


def size(count: int) -> str:
    """Bytes for people.

    >>> size(9_800_000)
    '9.8 MB'
    """
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"


def _listed(names: Sequence[str]) -> str:
    *first, last = names or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
