"""Baking as a page asks for it: a mix becomes a new adapter, one out of several, or a whole model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.mix import Mix
from ..page.jobs import Job, News, clock
from .shelf import SHARED, shelf_json

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Desk, Target
    from ..page.studio import Studio

FOLDED, PATTERNED, CONCATENATED, MERGED = "folded", "patterned", "concatenated", "merged"
#: Below this, two logits are one and the same in float32, but for the order of sums.
_SAME, _NEAR = 1e-4, 0.05
_COMPARING = "Writing, and comparing its logits …"


@dataclass(frozen=True)
class Wish:
    """What a page wants baked.

    Attributes:
        mix: the gains.
        names: the adapters that go into it.
        way: one of the constants above, or one of PEFT's combinations.
        name: of what is written.
        rank: of a combination that has to be told; None for its own choice.
        density: which part of the numbers a combination keeps, if it drops some.
        overwrite: whether what has this name may be replaced.
    """

    mix: Mix
    names: tuple[str, ...]
    way: str
    name: str
    rank: int | None = None
    density: float | None = None
    overwrite: bool = False


def wish_of(console: Studio, desk: Desk, said: Mapping[str, Any]) -> Wish:
    """The wish in a page's message.

    Raises:
        ValueError: it names what is not there, no number where one is needed, or one that cannot be.
    """
    from ...lora_ops.bakery.summing import MOST_RANK
    from ..desk.profiles import mix_of_profile

    profile = str(said.get("profile") or "")
    mix = mix_of_profile(console, desk, profile) if profile else console.panel.effective(desk.adapters.values())
    names = tuple(str(name) for name in said["names"])
    desk.check_adapters(names)
    rank = _number(said.get("rank"), "the rank", int)
    if rank is not None and not 0 < rank <= MOST_RANK:
        raise ValueError(f"the rank must be from 1 to {MOST_RANK}")
    density = _number(said.get("density"), "the part to keep", float)
    if density is not None and not 0 < density <= 1:
        raise ValueError("the part to keep must be above 0 and up to 1")
    return Wish(mix, names, str(said["way"]), str(said["name"]), rank, density, said.get("overwrite") is True)


def why_not(console: Studio) -> str:
    """Why nothing can be baked here; empty if something can."""
    if console.host.multi_user:
        return SHARED
    if console.desk() is None:
        trouble = console.trouble
        return f"{trouble.title}. {trouble.advice}" if trouble else "There is no adapter to bake."
    return "" if console.host.lora_dir else "This host has no folder to write adapters to."


def bring_back(host: Host) -> None:
    """Brings back what a bake that was killed had moved aside, adapter or model, and clears what it left half-written.

    Models have no shelf that would do it whenever somebody looks.
    """
    from ...lora_ops.files import put_right

    for folder in (host.lora_dir, host.model_dir):
        if folder is not None:
            put_right(folder)


def setting(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    """What the bakery has to know: which adapters there are, which ways, and where things go."""
    bring_back(console.host)
    reason = why_not(console)
    desk = None if reason else console.desk()
    if desk is None:
        return {"bakery": {"why_not": reason or "There is no adapter to bake."}}
    from ...lora_ops.bakery.summing import COMBINATIONS, NEED_DENSITY

    return {
        "bakery": {
            "why_not": reason,
            "adapters": list(desk.adapters),
            "heard": desk.heard(console.panel.mix),
            "combinations": [one for one in COMBINATIONS if one != "cat"],
            "need_density": list(NEED_DENSITY),
            "lora_dir": str(console.host.lora_dir or ""),
            "model_dir": str(console.host.model_dir or ""),
        }
    }


def plan(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    """What would come of a wish: where it goes, whether something is there already, its rank."""
    from ...lora_ops.files import safe_name

    if reason := why_not(console):
        raise ValueError(reason)
    desk = _desk(console)
    wish = wish_of(console, desk, message)
    name = safe_name(wish.name)
    folder = _folder(console, wish)
    # "told" is what the page writes beside the button; a name that is taken is no error before it is pressed.
    return {
        "plan": {
            "where": str(folder / name),
            "exists": (folder / name).exists(),
            "rank": None if wish.way == MERGED else expected_rank(desk, wish),
            "silent": silent(desk, wish),
        }
    }


def expected_rank(desk: Desk, wish: Wish) -> int | None:
    """The largest rank of what will be written; None where that is the combination's business."""
    ranks = {name: {target.name: target for target in desk.adapters[name].scalable} for name in wish.names}
    largest = max((target.rank for targets in ranks.values() for target in targets.values()), default=0)
    if wish.way in (FOLDED, PATTERNED):
        return largest
    together = _ranks_together(wish, list(ranks.values()))
    if wish.way == CONCATENATED:
        return together
    # The nearest of a sum needs no more than all ranks together.
    return min(wish.rank, together) if wish.rank and wish.way == "svd" else wish.rank or largest


def _ranks_together(wish: Wish, ranks: Sequence[Mapping[str, Target]]) -> int:
    """The largest sum of ranks of what is heard in one module."""
    totals = []
    for name in dict.fromkeys(name for targets in ranks for name in targets):
        here = [targets[name] for targets in ranks if name in targets]
        loud = [target for target in here if wish.mix.gain(target) * target.scaling != 0] or here[:1]
        totals.append(sum(target.rank for target in loud))
    return max(totals, default=0)


def silent(desk: Desk, wish: Wish) -> int:
    """How many of the targets will be silent: those at which every adapter is at gain 0."""
    heard: dict[str, bool] = {}
    for adapter in wish.names:
        for target in desk.adapters[adapter].scalable:
            heard[target.name] = heard.get(target.name, False) or wish.mix.gain(target) != 0
    return list(heard.values()).count(False)


def bake(console: Studio, job: Job, message: Mapping[str, Any]) -> News:
    """Writes it, checks it, and says what came of it."""
    if reason := why_not(console):
        raise HostError(reason)
    desk = _desk(console)
    wish = wish_of(console, desk, message)
    if not wish.names:
        raise ValueError("choose at least one adapter to bake")
    began = time.monotonic()
    job.tell("Writing …")
    folder, loaded = _folder(console, wish), console.host.loaded_adapters()
    sources = {name: path for name in wish.names if (path := loaded.get(name)) is not None}
    from ...lora_ops import Cancelled

    try:
        lines, checked = _written(console, desk, wish, folder, sources, job)
    except Cancelled:
        return {"line": "Stopped: nothing was written."}
    except FileExistsError as error:
        # No failure: the page asks whether it may be replaced.
        return {"exists": str(error), "line": ""}
    return {
        "baked": {"lines": [f"{lines[0]}. Took {clock(began)}.", *lines[1:]], "checked": checked},
        "shelf": shelf_json(console),
    }


def _written(
    console: Studio, desk: Desk, wish: Wish, folder: Path, sources: Mapping[str, Path], job: Job
) -> tuple[list[str], bool]:
    """Writes it: what is said about it, and whether it was found to play what the desk plays."""
    options: dict[str, Any] = {"overwrite": wish.overwrite, "cancelled": job.stopped}

    parts = "modules" if wish.way == MERGED else "targets"

    def progress(done: int, total: int) -> None:
        job.tell(f"{done} of {total} {parts} …" if done < total else _COMPARING, done / total)

    if wish.way == MERGED:
        from ...lora_ops import merge

        options |= {"names": wish.names, "sources": sources, "progress": progress}
        return told_of_model(merge(desk, wish.mix, folder, wish.name, desk.engine.tokens, **options))
    if wish.way in (FOLDED, PATTERNED):
        from ...lora_ops import bake as bake_one

        [name] = wish.names if len(wish.names) == 1 else [_refuse_several(wish)]
        job.tell(_COMPARING)
        way: Any = wish.way
        made = bake_one(desk, wish.mix, name, folder, wish.name, way, source=sources.get(name), **options)
    else:
        from ...lora_ops.bakery.combine import combine
        from ...lora_ops.bakery.summing import Combination, Recipe

        combination: Combination = "cat" if wish.way == CONCATENATED else wish.way  # type: ignore[assignment]
        recipe = Recipe(combination, wish.rank if combination.endswith("svd") else None, wish.density)
        made = combine(
            desk, wish.mix, wish.names, folder, wish.name, recipe, sources=sources, progress=progress, **options
        )
    return told(made, exact=wish.way in (FOLDED, PATTERNED, CONCATENATED))


def told(made: Any, exact: bool) -> tuple[list[str], bool]:
    """A new adapter in words, and whether it plays what the desk plays.

    Args:
        made: a `Baked`.
        exact: whether it should be the desk to the last digit; a combination only comes near.
    """
    quiet = f", {made.silent} of them silent" if made.silent else ""
    facts = f"rank {made.rank}, {made.targets} targets{quiet}, {size(made.size)}"
    lines = [f"{made.folder.name} is in {made.folder.parent}: {facts}"]
    line, checked = compared(made, "Stock PEFT", exact)
    lines.append(line)
    if made.kept is not None:
        lines.append(f"{made.kept:.1%} of the exact sum (of its squared norm) is in it.")
    for runtime, reasons in made.objections.items():
        lines.append(f"{runtime}: {'; '.join(reasons) if reasons else 'nothing is in the way'}.")
    return lines, checked


def told_of_model(made: Any) -> tuple[list[str], bool]:
    """A new model in words, and whether it was found to play what the desk plays.

    Args:
        made: a `Merged`.
    """
    lines = [f"The model is in {made.folder}: {size(made.size)}, with {_listed(made.names)} in its weights"]
    line, checked = compared(made, "Stock transformers", exact=True)
    lines.append(line)
    if made.opened:
        lines.append("The base was in 4 or 8 bits and was opened: what it lost when it was packed stays lost.")
    return lines, checked


def compared(made: Any, reader: str, exact: bool) -> tuple[str, bool]:
    """What came of comparing logits with the desk's, in words; and whether it may be relied on.

    Args:
        made: a `Baked` or a `Merged`.
        reader: who has read it: "Stock PEFT".
        exact: whether it should be the desk to the last digit; a combination only comes near.
    """
    difference = made.greatest_difference
    if difference is None:
        return f"It was not compared with the desk: {made.why_unchecked}.", False
    if not exact:
        return (
            f"{reader} loads it. Its logits differ from the desk's by {difference:.2g} at most: this way comes near, "
            "and is not exact.",
            True,
        )
    if difference <= _SAME:
        return f"{reader} loads it, and it says what the desk says: logits differ by {difference:.2g} at most.", True
    if difference <= _NEAR:
        return (
            f"{reader} loads it; its logits differ from the desk's by {difference:.2g} at most, which is rounding.",
            True,
        )
    return (
        f"{reader} loads it, but its logits differ from the desk's by up to {difference:.2g}. In a model of 16-bit or "
        "packed numbers that can be rounding: listen to it before you use it.",
        False,
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


def _refuse_several(wish: Wish) -> str:
    raise ValueError(f"{wish.way} is for one adapter, and there are {len(wish.names)}: concatenate or combine them")


def _folder(console: Studio, wish: Wish) -> Path:
    folder = console.host.model_dir if wish.way == MERGED else console.host.lora_dir
    if folder is None:
        raise HostError("This host has no folder to write to.")
    return folder


def _desk(console: Studio) -> Desk:
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to bake.")
    return desk


def _number(value: Any, what: str, kind: type) -> Any:
    if value in (None, ""):
        return None
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a number, not {str(value)[:20]!r}") from None


def _listed(names: Sequence[str]) -> str:
    *first, last = names or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
