"""The shelf as a page shows it, and what is done with what lies on it: load, unload, annotate, compare checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from ...hosts.protocol import HostError, OpensUp
from ...lora_ops.advice import shared_faders
from ...lora_ops.engines.engine import Cancelled
from ...lora_ops.imported import imported
from ...lora_ops.limits import LOUDEST
from ...lora_ops.mix import Faders, Mix
from ...lora_ops.refusals import shown
from ..lab.columns import MOST
from ..page.jobs import Job, News, clock
from ..page.messages import Name, Names, Words
from ..page.orders import OpenPage
from ..page.trouble import told

if TYPE_CHECKING:
    from ...lora_ops.shelf.notes import ShelfNotes, Written
    from ...lora_ops.shelf.shelf import Entry
    from ..page.studio import Studio


def checked_gain(gain: Any) -> float:
    """The gain to load at.

    Raises:
        ValueError: it is no finite number, or more than one of 32 bits can be.
    """
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not -LOUDEST <= gain <= LOUDEST:
        raise ValueError(f"the gain to load at must be a finite number of 32 bits, not {shown(gain)}")
    return float(gain)


Gain = Annotated[float, BeforeValidator(checked_gain)]

SHARED = "Strangers share this page (multi-user mode): adapters stay as they are, and nothing is written to disk."
NOTES = "shelf.json"
STOPPED = "Stopped: the adapters are as they were."


def look(page: OpenPage, *, known: Name = "") -> News:
    """All that lies on the shelf; nothing where the page knows it already."""
    shown = shelf_json(page.console)
    return {} if known == shown["digest"] else {"shelf": shown}


def shelf_json(console: Studio) -> News:
    """The shelf as a page draws it."""
    host = console.host
    shown: News = {"folder": "", "folders": [], "entries": [], "collections": [], "loaded": [], "empty": SHARED}
    shown |= {"writes": host.user_data is not None, "why_not": SHARED if host.multi_user else why_not_load(console)}
    shown["notes_why"] = ""
    if host.multi_user:
        return console.shown_shelf.drawn(shown, lambda: shown)
    from ...lora_ops.shelf.notes import NotesError, Written

    folders = [str(folder) for folder in host.shelf_folders()]
    loaded, entries, whole = loaded_adapters(console), entries_of(console), whole_adapters(console)
    try:
        written = shelf_notes(console).look()
    except NotesError as error:  # the adapters are there all the same
        written = Written()
        shown |= {"writes": False, "notes_why": told(error)}
    empty = f"There is no adapter in {folders[0]} yet." if folders else "This host has no folder of adapters."
    shown |= {"folder": folders[0] if folders else "", "folders": folders, "loaded": list(loaded), "empty": empty}
    shown["collections"] = sorted(written.collections, key=str.casefold)
    return console.shown_shelf.drawn(
        (shown, entries, loaded, written, whole), lambda: {**shown, "entries": _runs(entries, loaded, written, whole)}
    )


def loaded_adapters(console: Studio) -> dict[str, Path | None]:
    """The adapters in the model, but for one that is there for a moment to be compared."""
    from ...lora_ops.bakery.slot import SLOT

    return {name: folder for name, folder in console.host.loaded_adapters().items() if name != SLOT}


def entries_of(console: Studio) -> list[Entry]:
    """What lies on the host's shelf, held against the model that is loaded.

    PEFT has its word in what fits. Where it is not imported yet, which is not for a page to do, nothing is said of it;
    loading says it then.
    """
    from ...lora_ops.engines.llama_server import LlamaServerEngine
    from ...lora_ops.shelf.shelf import shelf

    host = console.host
    engine = host.engine
    if isinstance(engine, LlamaServerEngine):
        return shelf(host.shelf_folders(), engine.model_file)
    return shelf(host.shelf_folders(), host.model if imported("peft") else None)


def whole_adapters(console: Studio) -> dict[str, bool]:
    """Adapters that stand in one file with one fader, and those that were opened up."""
    host = console.host
    return dict(host.whole_adapters()) if isinstance(host, OpensUp) else {}


def shelf_notes(console: Studio) -> ShelfNotes:
    """One's own notes; where nothing may be kept there are none."""
    from ...lora_ops.shelf.notes import ShelfNotes

    folder = console.host.user_data
    return ShelfNotes(folder / NOTES if folder else None)


def why_not_load(console: Studio) -> str:
    """Why nothing can be loaded at the moment; empty if it can."""
    host = console.host
    if host.model is not None:
        return ""
    trouble = host.trouble()
    return f"{trouble.title}. {trouble.advice}" if trouble else "There is no model to load adapters into."


def _runs(
    entries: Sequence[Entry], loaded: Mapping[str, Path | None], written: Written, whole: Mapping[str, bool]
) -> list[News]:
    """The adapters in order, each with its checkpoints; a run that has checkpoints alone has a line of its own."""
    names = {str(folder): name for name, folder in loaded.items() if folder is not None}
    of_shelf = {entry.name for entry in entries}
    # Of adapters that the host loaded itself the folder is not always known: then the name tells.
    names_alone = {name: name for name, folder in loaded.items() if folder is None and name in of_shelf}
    own: dict[str, list[str]] = {}
    for title, members in written.collections.items():
        for name in members:
            own.setdefault(name, []).append(title)
    runs: dict[str, News] = {}
    for entry in entries:
        found = (
            names.get(str(entry.folder)) or names.get(str(entry.folder.resolve())) or names_alone.get(entry.name, "")
        )
        row = _row(entry, found, written.notes.get(entry.name, ""), own.get(entry.name, ()))
        row["whole"] = _WHOLE[whole.get(found)]
        if not entry.is_checkpoint:
            runs[entry.run] = row
        else:
            if entry.run not in runs:
                runs[entry.run] = _run(entry, written.notes.get(entry.run, ""), own.get(entry.run, ()))
            runs[entry.run]["entries"].append(row)
    return list(runs.values())


def _row(entry: Entry, loaded: str, note: str, collections: Sequence[str]) -> News:
    from ...lora_ops.shelf.adapter_files import looks_like_adapter

    files, gguf = entry.files, entry.gguf
    row = {**_NOTHING, "id": entry.name, "name": entry.name, "where": str(entry.folder), "error": entry.error}
    row |= {"fits": entry.fits, "time": entry.time, "loaded": loaded, "note": note, "collections": list(collections)}
    row["missing"] = entry.folder.is_dir() and files is None and not looks_like_adapter(entry.folder)
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
    if gguf is not None:
        row |= {
            "method": "lora",
            "rank": list(gguf.ranks),
            "alpha": [gguf.alpha] if gguf.alpha else [],
            "kinds": list(gguf.kinds),
            "layers": len(gguf.layers),
            "targets": len(gguf.weights),
            "base": gguf.base_model or gguf.architecture,
            "size": gguf.size,
            "parameters": gguf.parameters,
            "dtype": gguf.dtype,
        }
    return {**row, "entries": []}


def _run(entry: Entry, note: str, collections: Sequence[str]) -> News:
    """A training run whose folder holds checkpoints, and no adapter itself."""
    row = {**_NOTHING, "id": entry.run, "name": entry.run, "where": str(entry.folder.parent), "run": True}
    return {**row, "note": note, "collections": list(collections), "entries": []}


_NOTHING: News = {
    "run": False, "missing": False, "error": "", "fits": "", "loaded": "", "method": "", "rslora": False,
    "rank": [], "alpha": [], "kinds": [], "layers": 0, "targets": 0, "saved": [], "base": "", "size": 0,
    "parameters": 0, "dtype": "", "time": 0.0, "problems": [], "step": None, "note": "", "collections": [], "whole": "",
}  # fmt: skip
#: How a page is told that an adapter stands in one file, or was opened up.
_WHOLE: Mapping[bool | None, str] = {None: "", False: "whole", True: "open"}


def note(page: OpenPage, *, name: Name, note: Words, collections: Names) -> News:
    """Writes a note about an adapter, and says which collections it is in."""
    shelf_notes(page.console).describe(name, note, collections)
    return {}


# -- jobs


def load(page: OpenPage, job: Job, *, names: Names, keep: bool, gain: Gain = 1.0) -> News:
    """Loads adapters, at a gain."""
    console, began = page.console, time.monotonic()
    job.tell(f"Loading {_listed(names)}{_after(console)} …")
    try:
        loaded = console.host.load_adapters(
            names,
            keep=keep,
            on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), gain)),
            tell=_teller(job),
        )
    except Cancelled:
        return {"said": STOPPED, "shelf": shelf_json(console)}
    console.refresh()
    at = f" at gain {gain:g}" if gain != 1 else ""
    told = [name if name == peft else f"{name} (as {peft})" for name, peft in loaded.items()]
    return {"said": f"Loaded {_listed(told)}{at} in {clock(began)}.", "shelf": shelf_json(console)}


def unload(page: OpenPage, job: Job, *, names: Names | None) -> News:
    """Takes adapters out of the model, by their PEFT names; all of them when none are named."""
    console = page.console
    job.tell(f"Unloading {_listed(names) if names else 'all adapters'}{_after(console)} …")
    console.host.unload_adapters(names)
    console.refresh()
    left = loaded_adapters(console)
    # What was done, not how things stand: the host's own menu may load one the next moment, and this still says so.
    said = f"Unloaded {_listed(names)}." if left and names else "Unloaded every adapter: that left the base model."
    return {"said": said, "shelf": shelf_json(console)}


def open_up(page: OpenPage, job: Job, *, name: Name) -> News:
    """Gives an adapter that stands in one file a fader for each target; its master stays where it is."""
    console, host = page.console, page.console.host
    if not isinstance(host, OpensUp):
        raise HostError(f"{host.name} has no adapters in one file.")
    job.tell(f"Splitting {name}{_after(console)} …")
    began, master = time.monotonic(), console.panel.mix[name].master
    seat = lambda given: console.seat(dict.fromkeys(given.values(), master))  # noqa: E731
    try:
        host.open_up(name, on_loaded=seat, tell=_teller(job))
    except Cancelled:
        return {"said": STOPPED, "shelf": shelf_json(console)}
    console.refresh()
    said = f"Opened up {name} in {clock(began)}: {_faders(console, name)}."
    return {"said": said, "shelf": shelf_json(console)}


def close_up(page: OpenPage, job: Job, *, name: Name) -> News:
    """The way back: one file with one fader, as it was."""
    console, host = page.console, page.console.host
    if not isinstance(host, OpensUp):
        raise HostError(f"{host.name} has no adapters in one file.")
    job.tell(f"Putting {name} back into one file{_after(console)} …")
    master = console.panel.mix[name].master
    host.close_up(name, on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), master)))
    console.refresh()
    return {"said": f"{name} is one file again, as the extra flags had it.", "shelf": shelf_json(console)}


def checkpoints(page: OpenPage, job: Job, *, name: Name, gain: Gain = 1.0) -> News:
    """Loads what there is of a training run, and makes a column of each: that one alone is on."""
    from ...lora_ops.shelf.shelf import stages

    console, run, began = page.console, name, time.monotonic()
    members = stages(entries_of(console), run)
    if len(members) < 2:
        raise HostError(f"Fewer than two checkpoints of {run} can be loaded: there is nothing to compare.")
    left_out = ""
    if len(members) > MOST:
        left_out = f" There can be no more than {MOST} columns: {len(members)} checkpoints were thinned out evenly."
        last = len(members) - 1
        members = [members[round(at * last / (MOST - 1))] for at in range(MOST)]
    job.tell(f"Loading {len(members)} stages of {run}{_after(console)} …")
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


def _faders(console: Studio, name: str) -> str:
    """How many faders an adapter has, where that is not one for each target."""
    desk = console.desk()
    adapter = desk.adapters.get(name) if desk is not None else None
    shared = adapter is not None and shared_faders(adapter) != ""
    return f"{len(adapter.targets)} faders" if adapter is not None and shared else "every target has a fader"


def _teller(job: Job) -> Callable[[str, float | None], None]:
    """What tells a job how far it is. What is counted can be stopped between two counts, and nothing was changed."""

    def tell(text: str, part: float | None) -> None:
        if job.stopped():
            raise Cancelled
        job.tell(text, part)

    return tell


def _after(console: Studio) -> str:
    """What adapters wait for, where somebody has the model: no more is heard of it until then."""
    return " as soon as the comparison ends" if console.comparing else ""


def _listed(names: Sequence[str]) -> str:
    *first, last = names or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
