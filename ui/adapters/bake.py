"""Baking as a page asks for it: a mix becomes a new adapter, one out of several, or a whole model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.bakery.plan import Plan, fades_until
from ...lora_ops.bakery.ways import COMBINATIONS, CONCATENATED, NEED_DENSITY, WAYS, Form, Recipe
from ...lora_ops.bakery.writing import Writing
from ...lora_ops.engines.engine import Cancelled
from ...lora_ops.fade import LAST_TOKEN
from ...lora_ops.files import put_right, safe_name
from ...lora_ops.mix import Mix
from ..desk.profiles import mix_of_profile
from ..page.jobs import Job, News, clock
from . import bake_sentences
from .shelf import SHARED, shelf_json

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Baked, Desk, Merged
    from ..page.studio import Studio

#: What a page calls a whole model, beside the ways of one adapter and the combinations of several.
MERGED = "merged"
_COMPARING = "Writing, and comparing its logits …"


@dataclass(frozen=True)
class Wish:
    """What a page wants baked.

    Attributes:
        mix: the gains, at the token that was chosen.
        names: the adapters that go into it.
        how: one adapter's form, a recipe for several, or None for a whole model.
        folder: where it goes.
        name: of what is written.
        overwrite: whether what has this name may be replaced.
        plan: what will come of it.
        fades_until: the token of a reply from which on no fader moves, whichever was chosen; None where none moves.
    """

    mix: Mix
    names: tuple[str, ...]
    how: Form | Recipe | None
    folder: Path
    name: str
    overwrite: bool
    plan: Plan
    fades_until: int | None


def wish_of(console: Studio, desk: Desk, said: Mapping[str, Any]) -> Wish:
    """The wish in a page's message.

    Raises:
        ValueError: it names what is not there or does not go together, or a number that is none or cannot be.
        HostError: the host has no folder for it.
    """
    profile = str(said.get("profile") or "")
    mix = mix_of_profile(console, desk, profile) if profile else console.panel.effective(desk.adapters.values())
    names = tuple(str(name) for name in said["names"])
    desk.check_adapters(names)
    how = _how(said)
    folder = console.host.model_dir if how is None else console.host.lora_dir
    if folder is None:
        raise HostError("This host has no folder to write to.")
    token = _number(said.get("token"), "the token", int)
    if token is not None and not 0 <= token <= LAST_TOKEN:
        raise ValueError(f"the token must be from 0 to {LAST_TOKEN:,}")
    # Where a token must be chosen and is not yet, what is planned is planned for the first.
    plan = Plan.of([desk.adapters[name] for name in names], mix.at(token or 0), how)
    until = fades_until(mix, names)
    mix = mix if token is None else mix.at(token)
    return Wish(mix, names, how, folder, str(said["name"]), said.get("overwrite") is True, plan, until)


def bring_back(host: Host) -> None:
    """Brings back what a bake that was killed had moved aside, adapter or model, and clears what it left half-written.

    Models have no shelf that would do it whenever somebody looks.
    """
    for folder in (host.lora_dir, host.model_dir):
        if folder is not None:
            put_right(folder)


def setting(console: Studio, page: str, message: Mapping[str, Any]) -> News:
    """What the bakery has to know: which adapters there are, which ways, and where things go."""
    bring_back(console.host)
    try:
        desk = _desk(console)
    except HostError as why_not:
        return {"bakery": {"why_not": str(why_not)}}
    return {
        "bakery": {
            "why_not": "",
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
    wish = wish_of(console, _desk(console), message)
    where = wish.folder / safe_name(wish.name)
    # A name that is taken, or a token that is not chosen yet, is no error before the button is pressed.
    return {
        "plan": {
            "where": str(where),
            "exists": where.exists(),
            "rank": wish.plan.rank,
            "silent": wish.plan.silent,
            "fades_until": wish.fades_until,
        }
    }


def bake(console: Studio, job: Job, message: Mapping[str, Any]) -> News:
    """Writes it, checks it, and says what came of it."""
    desk = _desk(console)
    wish = wish_of(console, desk, message)
    began = time.monotonic()
    job.tell("Writing …")
    try:
        made = _written(console, desk, wish, job)
    except Cancelled:
        return {"line": "Stopped: nothing was written."}
    except FileExistsError as error:
        # No failure: the page asks whether it may be replaced.
        return {"exists": str(error), "line": ""}
    first, *more = bake_sentences.of(made)
    return {
        "baked": {"lines": [f"{first}. Took {clock(began)}.", *more], "checked": made.confirmed},
        "shelf": shelf_json(console),
    }


def _written(console: Studio, desk: Desk, wish: Wish, job: Job) -> Baked | Merged:
    """What was written, as this wish wants it."""
    from ...lora_ops import bake as bake_one
    from ...lora_ops import combine, merge

    parts = "modules" if wish.how is None else "targets"

    def progress(done: int, total: int) -> None:
        job.tell(f"{done} of {total} {parts} …" if done < total else _COMPARING, done / total)

    sources = {name: path for name, path in console.host.loaded_adapters().items() if path is not None}
    writing = Writing(wish.overwrite, sources=sources, progress=progress, cancelled=job.stopped)
    if wish.how is None:
        return merge(desk, wish.mix, wish.folder, wish.name, desk.engine.tokens, wish.names, writing)
    if isinstance(wish.how, Form):
        return bake_one(desk, wish.mix, wish.names[0], wish.folder, wish.name, wish.how, writing)
    return combine(desk, wish.mix, wish.names, wish.folder, wish.name, wish.how, writing)


def _how(said: Mapping[str, Any]) -> Form | Recipe | None:
    """The way that a page names, with what belongs to it."""
    way: Any = str(said["way"])
    if way == MERGED:
        return None
    if way in WAYS:
        return Form(way)
    combination: Any = "cat" if way == CONCATENATED else way
    rank = _number(said.get("rank"), "the rank", int) if combination.endswith("svd") else None
    return Recipe(combination, rank, _number(said.get("density"), "the part to keep", float))


def _desk(console: Studio) -> Desk:
    """The desk to bake from.

    Raises:
        HostError: nothing can be baked here, and why.
    """
    if console.host.multi_user:
        raise HostError(SHARED)
    desk = console.desk()
    if desk is None:
        trouble = console.trouble
        raise HostError(f"{trouble.title}. {trouble.advice}" if trouble else "There is no adapter to bake.")
    if console.host.lora_dir is None:
        raise HostError("This host has no folder to write adapters to.")
    return desk


def _number(value: Any, what: str, kind: type) -> Any:
    if value in (None, ""):
        return None
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a number, not {str(value)[:20]!r}") from None
