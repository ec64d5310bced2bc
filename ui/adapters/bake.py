"""Baking as a page asks for it: a mix becomes a new adapter, one out of several, or a whole model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...hosts.protocol import HostError
from ...lora_ops.arrays import has_torch
from ...lora_ops.bakery.plan import Plan, fades_until
from ...lora_ops.bakery.start import folder_of, folders_of, parts_of
from ...lora_ops.bakery.ways import COMBINATIONS, CONCATENATED, NEED_DENSITY, WAYS, Form, Recipe
from ...lora_ops.bakery.writing import Writing
from ...lora_ops.engines.engine import Cancelled
from ...lora_ops.fade import LAST_TOKEN
from ...lora_ops.files import put_right, safe_name
from ...lora_ops.mix import Mix
from ..desk.profiles import mix_of_profile
from ..page.jobs import Job, News, clock
from ..page.messages import Name, Names, Typed
from ..page.orders import OpenPage, Refused
from . import bake_sentences
from .foreseen import gains_of
from .shelf import SHARED, shelf_json

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Baked, Desk, Keep, Merged
    from ..page.studio import Studio

#: What a page calls a whole model, beside the ways of one adapter and the combinations of several.
MERGED = "merged"
#: The types of a GGUF file, by what a page calls such a way.
GGUF = {"gguf": "float32", "gguf-half": "float16"}
_COMPARING = "Writing, and comparing its logits …"


@dataclass(frozen=True)
class Said:
    """What a page says of a bake, its numbers as they were typed.

    Attributes:
        profile: whose mix is meant; empty for the faders as they stand.
        names: the adapters that go into it.
        way: `MERGED`, `CONCATENATED`, one of `WAYS`, or one of PEFT's combinations.
        name: of what is written.
        rank, density: of a combination that has one.
        token: of a reply, whose gains are kept where faders fade.
        keep: of what is folded or concatenated: components as they are heard (""), so many ("rank"), or as many of each
            target as hold a share of its energy ("energy").
        part: that rank, or that share, in percent.
        one_rank: whether all targets of it are to have one rank.
    """

    profile: Name
    names: Names
    way: Name
    name: Name
    rank: Typed = None
    density: Typed = None
    token: Typed = None
    keep: Literal["", "rank", "energy"] = ""
    part: Typed = None
    one_rank: bool = False


@dataclass(frozen=True)
class Wish:
    """What a page wants baked, understood.

    Attributes:
        mix: the gains, at the token that was chosen.
        names: the adapters that go into it.
        how: one adapter's form, a recipe for several, what is kept of either, or None for a whole model.
        folder: where it goes.
        plan: what will come of it.
        fades_until: the token of a reply from which on no fader moves, whichever was chosen; None where none moves.
    """

    mix: Mix
    names: Sequence[str]
    how: Form | Recipe | Keep | None
    folder: Path
    plan: Plan
    fades_until: int | None


def wish_of(console: Studio, desk: Desk, said: Said) -> Wish:
    """What a page wants by what it says.

    Raises:
        ValueError: it names what is not there or does not go together, or a number that is none or cannot be.
        HostError: the host has no folder for it.
    """
    panel = console.panel
    mix = mix_of_profile(console, desk, said.profile) if said.profile else panel.effective(desk.adapters.values())
    desk.check_adapters(said.names)
    how = _how(said, mix)
    folder = console.host.model_dir if how is None else console.host.lora_dir
    if folder is None:
        raise HostError("This host has no folder to write to.")
    token = _number(said.token, "the token", int, "token")
    if token is not None and not 0 <= token <= LAST_TOKEN:
        raise Refused(f"the token must be from 0 to {LAST_TOKEN:,}", "token")
    # Where a token must be chosen and is not yet, what is planned is planned for the first.
    form = how if isinstance(how, Form | Recipe) else None
    plan = Plan.of([desk.adapters[name] for name in said.names], mix.at(token or 0), form)
    until = fades_until(mix, said.names)
    mix = mix if token is None else mix.at(token)
    if form is None and how is not None:
        mix = gains_of(mix, said.names)  # which components are heard of it stands in what is kept
    return Wish(mix, said.names, how, folder, plan, until)


def bring_back(host: Host) -> None:
    """Brings back what a bake that was killed had moved aside, adapter or model, and clears what it left half-written.

    Models have no shelf that would do it whenever somebody looks.
    """
    for folder in (host.lora_dir, host.model_dir):
        if folder is not None:
            put_right(folder)


def setting(page: OpenPage) -> News:
    """What the bakery has to know: which adapters there are, which ways, and where things go."""
    console = page.console
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
            "combinations": [one for one in COMBINATIONS if one != "cat" and (one == "svd" or has_torch())],
            "gguf": parts_of(desk) is not None,
            "merges": not desk.engine.why_not("weights"),
            "folders": [name for name in desk.adapters if parts_of(desk) is None or folder_of(desk, name)],
            "need_density": list(NEED_DENSITY),
            "lora_dir": str(console.host.lora_dir or ""),
            "model_dir": str(console.host.model_dir or ""),
        }
    }


def plan(page: OpenPage, *, said: Said) -> News:
    """What would come of a wish: where it goes, whether something is there already, its rank."""
    console, desk = page.console, _desk(page.console)
    wish = wish_of(console, desk, said)
    where = wish.folder / _file_name(said)
    resized = {}
    if wish.how is not None and not isinstance(wish.how, Form | Recipe):
        # Where a token is not chosen yet, as above: the first.
        try:
            resized = console.foreseen.plain(console, desk, wish.names, wish.mix.at(0), wish.how)
        except ValueError as error:
            raise Refused(error, "part") from error
    # A name that is taken, or a token that is not chosen yet, is no error before the button is pressed.
    return {
        "plan": {
            "where": str(where),
            "exists": where.exists(),
            "rank": wish.plan.rank,
            "silent": wish.plan.silent,
            "fades_until": wish.fades_until,
            **resized,
        }
    }


def bake(page: OpenPage, job: Job, *, said: Said, overwrite: bool = False) -> News:
    """Writes it, checks it, and says what came of it; what has its name already is replaced if `overwrite` says so."""
    from ...lora_ops.bakery.gguf import bake_desk_gguf

    console, desk = page.console, _desk(page.console)
    wish = wish_of(console, desk, said)
    began = time.monotonic()
    job.tell("Writing …")
    try:
        if said.way in GGUF:
            path = wish.folder / _file_name(said)
            file = bake_desk_gguf(desk, wish.mix, wish.names, path, dtype=GGUF[said.way], overwrite=overwrite)
            first, *more = bake_sentences.of_file(file)
            lines = [f"{first}. Took {clock(began)}.", *more]
            return {"baked": {"lines": lines, "checked": True}, "shelf": shelf_json(console)}
        made = _written(desk, wish, said.name, _writing(console, wish, job, overwrite))
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


def _writing(console: Studio, wish: Wish, job: Job, overwrite: bool) -> Writing:
    """How it gets to disk, with the page following."""
    parts = "modules" if wish.how is None else "targets"

    def progress(done: int, total: int) -> None:
        job.tell(f"{done} of {total} {parts} …" if done < total else _COMPARING, done / total)

    sources = {name: path for name, path in console.host.loaded_adapters().items() if path is not None}
    return Writing(overwrite, sources=sources, progress=progress, cancelled=job.stopped)


def _written(desk: Desk, wish: Wish, name: str, writing: Writing) -> Baked | Merged:
    """What was written, as this wish wants it."""
    from ...lora_ops import bake as bake_one
    from ...lora_ops import combine, merge, resize

    if wish.how is None:
        return merge(desk, wish.mix, wish.folder, name, desk.engine.tokens, wish.names, writing)
    if isinstance(wish.how, Form):
        return bake_one(desk, wish.mix, wish.names[0], wish.folder, name, wish.how, writing)
    if isinstance(wish.how, Recipe):
        return combine(desk, wish.mix, wish.names, wish.folder, name, wish.how, writing)
    return resize(desk, wish.mix, wish.names, wish.folder, name, wish.how, writing)


def _how(said: Said, mix: Mix) -> Form | Recipe | Keep | None:
    """The way that a page names, with what belongs to it."""
    way: Any = said.way
    if way == MERGED:
        return None
    if way in GGUF:
        return Form(uniform=False) if len(said.names) == 1 else Recipe("cat", uniform=False)
    if way in ("folded", CONCATENATED) and (keep := _keep(said, mix)) is not None:
        return keep
    if way in WAYS:
        return Form(way)
    combination: Any = "cat" if way == CONCATENATED else way
    rank = _number(said.rank, "the rank", int, "rank") if combination.endswith("svd") else None
    return Recipe(combination, rank, _number(said.density, "the part to keep", float, "density"))


def _keep(said: Said, mix: Mix) -> Keep | None:
    """Which components are kept; None for all. What is heard of a single adapter is kept unless something is said."""
    from ...lora_ops import Keep

    if not said.keep:
        if len(said.names) != 1 or mix[said.names[0]].whole:
            return None
        return Keep.of(mix, said.names, None, {"uniform": said.one_rank})
    try:
        if said.keep == "rank":
            keep = Keep(_number(said.part, "the rank", int, "part"), None, said.one_rank)
        else:
            share = _number(said.part, "the share of the energy", float, "part")
            # 0.95 is meant as 95 is: nobody keeps less than one percent.
            keep = Keep(None, share if share is None or share <= 1 else share / 100, said.one_rank)
        return Keep.of(mix, said.names, keep, {})
    except Refused:
        raise
    except ValueError as error:
        raise Refused(error, "part") from None


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
    if (reason := desk.engine.why_not("weights")) and parts_of(desk) is None and folders_of(desk) is None:
        raise HostError(f"{reason[:1].upper()}{reason[1:]}.")
    if console.host.lora_dir is None:
        raise HostError("This host has no folder to write adapters to.")
    return desk


def _file_name(said: Said) -> str:
    """What it will be called on disk."""
    name = safe_name(said.name)
    return f"{name.removesuffix('.gguf')}.gguf" if said.way in GGUF else name


def _number(value: Typed, what: str, kind: type, at: str) -> Any:
    if value in (None, ""):
        return None
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise Refused(f"{what} must be a number, not {str(value)[:20]!r}", at) from None
