"""The shelf as a page shows it, and what is done with what lies on it: load, unload, annotate, compare checkpoints."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hosts.protocol import HostError
from ..lora_ops.mix import Faders, Mix
from .columns import MOST
from .works import Job, News, clock

if TYPE_CHECKING:
    from ..lora_ops.shelf.shelf import Entry, ShelfNotes
    from .console import Console

SHARED = "Strangers share this page (multi-user mode): adapters stay as they are, and nothing is written to disk."
NOTES = "shelf.json"


def look(console: Console, page: str, message: Mapping[str, Any]) -> News:
    """All that lies on the shelf; nothing where the page knows it already."""
    shown = shelf_json(console)
    return {} if message.get("known") == shown["digest"] else {"shelf": shown}


def shelf_json(console: Console) -> News:
    """The shelf as a page draws it."""
    host = console.host
    shown: News = {"folder": "", "folders": [], "entries": [], "collections": [], "loaded": [], "empty": SHARED}
    shown |= {"writes": host.user_data is not None, "why_not": SHARED if host.multi_user else why_not_load(console)}
    if not host.multi_user:
        folders = [str(folder) for folder in host.shelf_folders()]
        loaded = loaded_adapters(console)
        notes = shelf_notes(console)
        runs = _runs(entries_of(console), loaded, notes)
        empty = f"There is no adapter in {folders[0]} yet." if folders else "This host has no folder of adapters."
        shown |= {"folder": folders[0] if folders else "", "folders": folders, "loaded": list(loaded), "empty": empty}
        shown |= {"entries": runs, "collections": sorted(notes.collections, key=str.casefold)}
    text = json.dumps(shown, sort_keys=True)
    return {**shown, "digest": hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()}


def loaded_adapters(console: Console) -> dict[str, Path | None]:
    """The adapters in the model, but for one that is there for a moment to be compared."""
    from ..lora_ops.bakery.slot import SLOT

    return {name: folder for name, folder in console.host.loaded_adapters().items() if name != SLOT}


def entries_of(console: Console) -> list[Entry]:
    """What lies on the host's shelf, held against the model that is loaded."""
    from ..lora_ops.shelf.shelf import shelf

    return shelf(console.host.shelf_folders(), console.host.model)


def shelf_notes(console: Console) -> ShelfNotes:
    """One's own notes; where nothing may be kept there are none."""
    from ..lora_ops.shelf.shelf import ShelfNotes

    folder = console.host.user_data
    return ShelfNotes(folder / NOTES if folder else None)


def why_not_load(console: Console) -> str:
    """Why nothing can be loaded at the moment; empty if it can."""
    host = console.host
    if host.model is not None:
        return ""
    trouble = host.trouble()
    return f"{trouble.title}. {trouble.advice}" if trouble else "There is no model to load adapters into."


def _runs(entries: Sequence[Entry], loaded: Mapping[str, Path | None], notes: ShelfNotes) -> list[News]:
    """The adapters in order, each with its checkpoints; a run that has checkpoints alone has a line of its own."""
    names = {str(folder): name for name, folder in loaded.items() if folder is not None}
    of_shelf = {entry.name for entry in entries}
    # Of adapters that the host loaded itself the folder is not always known: then the name tells.
    names_alone = {name: name for name, folder in loaded.items() if folder is None and name in of_shelf}
    written, collections = notes.notes, notes.collections
    runs: dict[str, News] = {}
    for entry in entries:
        found = (
            names.get(str(entry.folder)) or names.get(str(entry.folder.resolve())) or names_alone.get(entry.name, "")
        )
        own = [name for name, members in collections.items() if entry.name in members]
        row = _row(entry, found, written.get(entry.name, ""), own)
        if not entry.is_checkpoint:
            runs[entry.run] = row
        else:
            runs.setdefault(entry.run, _run(entry, written, collections))["entries"].append(row)
    return list(runs.values())


def _row(entry: Entry, loaded: str, note: str, collections: Sequence[str]) -> News:
    from ..lora_ops.shelf.adapter_files import looks_like_adapter

    files = entry.files
    row = {**_NOTHING, "id": entry.name, "name": entry.name, "where": str(entry.folder), "error": entry.error}
    row |= {"fits": entry.fits, "time": entry.time, "loaded": loaded, "note": note, "collections": list(collections)}
    row["missing"] = files is None and not looks_like_adapter(entry.folder)
    if files is not None:
        row |= {
            "method": files.method,
            "rslora": files.rank_stabilised,
            "rank": list(files.ranks),
            "alpha": list(files.alphas),
            "kinds": list(files.kinds),
            "layers": len(files.layers),
            "targets": len(files.targets),
            "saved": list(files.saved),
            "base": files.base_model,
            "size": files.size,
            "parameters": files.parameters,
            "dtype": files.dtype,
            "problems": list(files.problems),
            "step": files.step,
        }
    return {**row, "entries": []}


def _run(entry: Entry, written: Mapping[str, str], collections: Mapping[str, Sequence[str]]) -> News:
    """A training run whose folder holds checkpoints, and no adapter itself."""
    own = [name for name, members in collections.items() if entry.run in members]
    row = {**_NOTHING, "id": entry.run, "name": entry.run, "where": str(entry.folder.parent), "run": True}
    return {**row, "note": written.get(entry.run, ""), "collections": own, "entries": []}


_NOTHING: News = {
    "run": False, "missing": False, "error": "", "fits": "", "loaded": "", "method": "", "rslora": False,
    "rank": [], "alpha": [], "kinds": [], "layers": 0, "targets": 0, "saved": [], "base": "", "size": 0,
    "parameters": 0, "dtype": "", "time": 0.0, "problems": [], "step": None, "note": "", "collections": [],
}  # fmt: skip


def note(console: Console, page: str, message: Mapping[str, Any]) -> News:
    """Writes a note about an adapter, and says which collections it is in."""
    notes, name = shelf_notes(console), str(message["name"])
    wanted = [str(one).strip() for one in message["collections"]]
    notes.write(name, str(message["note"]))
    there = [title for title, members in notes.collections.items() if name in members]
    for title in wanted:
        if title and title not in there:
            notes.collect(title, [name])
    for title in there:
        if title not in wanted:
            notes.discard(title, [name])
    return {}


# -- jobs


def load(console: Console, job: Job, message: Mapping[str, Any]) -> News:
    """Loads adapters, at a gain."""
    names, gain, began = [str(name) for name in message["names"]], checked_gain(message), time.monotonic()
    job.tell(f"Loading {_listed(names)} …")
    loaded = console.host.load_adapters(
        names, keep=bool(message["keep"]), on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), gain))
    )
    console.refresh()
    at = f" at gain {gain:g}" if gain != 1 else ""
    told = [name if name == peft else f"{name} (as {peft})" for name, peft in loaded.items()]
    return {"said": f"Loaded {_listed(told)}{at} in {clock(began)}.", "shelf": shelf_json(console)}


def unload(console: Console, job: Job, message: Mapping[str, Any]) -> News:
    """Takes adapters out of the model, by their PEFT names; all of them when none are named."""
    names = message["names"]
    job.tell(f"Unloading {_listed(names) if names else 'all adapters'} …")
    console.host.unload_adapters(None if names is None else [str(name) for name in names])
    console.refresh()
    left = loaded_adapters(console)
    # What was done, not how things stand: the host's own menu may load one the next moment, and this still says so.
    said = f"Unloaded {_listed(names)}." if left and names else "Unloaded every adapter: that left the base model."
    return {"said": said, "shelf": shelf_json(console)}


def checkpoints(console: Console, job: Job, message: Mapping[str, Any]) -> News:
    """Loads what there is of a training run, and makes a column of each: that one alone is on."""
    from ..lora_ops.shelf.shelf import stages

    run, gain, began = str(message["name"]), checked_gain(message), time.monotonic()
    members = stages(entries_of(console), run)
    if len(members) < 2:
        raise HostError(f"Fewer than two checkpoints of {run} can be loaded: there is nothing to compare.")
    left_out = ""
    if len(members) > MOST:
        left_out = f" There can be no more than {MOST} columns: {len(members)} checkpoints were thinned out evenly."
        last = len(members) - 1
        members = [members[round(at * last / (MOST - 1))] for at in range(MOST)]
    job.tell(f"Loading {len(members)} stages of {run} …")
    loaded = console.host.load_adapters(
        [entry.name for entry in members], on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), gain))
    )
    console.refresh()
    desk = console.desk()
    if desk is None:
        raise HostError("The model went away in this very moment: try again.")
    off = {name: Faders(on=False) for name in desk.adapters}
    columns = []
    for entry in members:
        name = loaded[entry.name]
        columns.append((entry.name.removeprefix(f"{run}/"), Mix({**off, name: Faders(master=gain)})))
    console.lab.change(console.lab.setup.fill(columns))
    said = f"{len(columns)} stages of {run} are loaded, a column each, in {clock(began)}.{left_out}"
    return {"said": said, "shelf": shelf_json(console), "columns": True}


def checked_gain(message: Mapping[str, Any]) -> float:
    """The gain in a page's message.

    Raises:
        ValueError: it is no finite number.
    """
    gain = float(message.get("gain", 1))
    if not isfinite(gain):
        raise ValueError(f"the gain to load at must be a finite number, not {gain}")
    return gain


def _listed(names: Sequence[str]) -> str:
    *first, last = names or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
