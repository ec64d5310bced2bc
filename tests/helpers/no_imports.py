"""Asks a console everything that a page can ask, in a thread, while torch, transformers and PEFT must not be imported.

A program of its own, since in the process of the tests all of them are there. `no_imports.py HOST FOLDER MODEL`:
HOST is "textgen" or "standalone", FOLDER is the shelf's, MODEL is "none" (a host that has none, or is loading its
first) or "plain" (a torch model without adapters: torch and transformers are there, PEFT is not). What was imported all
the same is printed, a line each.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {"torch", "transformers", "peft"}


class Watch:
    """Sees every import that is not there yet, in every thread."""

    def __init__(self, allowed: set[str]) -> None:
        self.watched = FORBIDDEN - allowed

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in self.watched:
            frames = [frame for frame in traceback.extract_stack() if frame.filename != __file__]
            ours = [f"{Path(f.filename).relative_to(ROOT)}:{f.lineno}" for f in frames if str(ROOT) in f.filename]
            print(f"{name} in {threading.current_thread().name}: {' > '.join(ours)}")
            raise ModuleNotFoundError(name, name=name)  # as where it is not installed: all who ask are seen


def package() -> None:
    spec = importlib.util.spec_from_file_location(
        "lora_mixer", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lora_mixer"] = module
    spec.loader.exec_module(module)


def load_for_ever() -> None:
    """The host is at it all the time."""
    threading.Event().wait()


def textgen(folder: Path, model: Any) -> Any:
    """Our host in what it looks at of TextGen's modules."""
    args = types.SimpleNamespace(
        multi_user=False, lora_dir=str(folder), model_dir=str(folder), loader="Transformers", idle_timeout=0
    )
    shared = types.ModuleType("modules.shared")
    vars(shared).update(
        model=model, tokenizer=None, model_name="tiny", args=args, user_data_dir=folder, gradio={}, input_elements=[],
        generation_lock=threading.Lock(), lora_names=[], persistent_interface_state={},
    )  # fmt: skip
    utils = types.ModuleType("modules.utils")
    vars(utils).update(get_available_loras=lambda: ["None"])
    models = types.ModuleType("modules.models")
    vars(models).update(load_model=load_for_ever)
    modules = types.ModuleType("modules")
    sys.modules.update({"modules": modules, "modules.shared": shared, "modules.utils": utils, "modules.models": models})
    threading.Thread(target=models.load_model, name="host", daemon=True).start()
    return importlib.import_module("lora_mixer.hosts.textgen.host").TextGenHost()


def standalone(folder: Path, model: Any) -> Any:
    start = importlib.import_module("lora_mixer.hosts.standalone.load").Start(ROOT, state=folder.parent)
    return importlib.import_module("lora_mixer.hosts.standalone.host").StandaloneHost(start)


def keep_an_experiment(console: Any, orders: Any) -> None:
    """There is one to be looked at, opened, saved and voted on, read from a file as a page reads it."""
    results = importlib.import_module("lora_mixer.lora_ops.results.record")
    jsonl = importlib.import_module("lora_mixer.lora_ops.results.jsonl")
    mixes = importlib.import_module("lora_mixer.lora_ops.mix")
    columns = tuple(
        results.ColumnRecord(f"gain {gain}", mixes.Mix({"pirate": mixes.Faders(master=gain)})) for gain in (0.0, 1.0)
    )
    said = tuple(results.ReplyRecord(f"said {at}", (at,), "end", 0.5) for at in range(2))
    record = results.Record(model="tiny", columns=columns, trials=(results.TrialRecord("Hello?", 7, said),))
    data = base64.b64encode(jsonl.to_jsonl(record).encode()).decode()
    answer = orders.ORDERS.obey(opened(console), {"do": "read", "data": data, "name": "kept.jsonl"})
    assert "refused" not in answer, answer


def ask_everything(console: Any) -> None:
    """Every order and every job of the page, and what a page looks at by itself; refusals are right."""
    rooms = ("adapters.orders", "lab.ask", "lab.orders", "page.state", "votes.votes")
    adapters, asking, orders, state, votes = (importlib.import_module(f"lora_mixer.ui.{name}") for name in rooms)
    keep_an_experiment(console, orders)
    page = opened(console)
    for known in (None, 0):
        json.dumps(state.state(console, known))
    for room in (adapters, orders):
        for order in room.ORDERS.table:
            answered(lambda order=order, room=room: room.ORDERS.obey(page, said(room.ORDERS, order)))
    for job in adapters.JOBS.table:
        answered(lambda job=job: list(adapters.begin(page, said(adapters.JOBS, job))))
    for table in (votes.ORDERS, votes.BEGINNINGS):
        for order in table.table:
            answered(lambda order=order, table=table: table.obey(page, said(table, order)))
    for source in ("chat", "text", "many"):
        wish = asking.Wish(source, "Hello?")
        answered(lambda wish=wish: list(asking.ask(console, "page", wish, ())))
    for shown in ("shelf", "bakery", "profiles"):
        assert "refused" not in adapters.ORDERS.obey(page, {"do": shown}), shown
    list(console.host.adapter_menu_updates())
    console.host.loaded_adapters()
    console.host.merged_sources()


#: What orders take; each is given what it takes.
SAID = {
    "name": "pirate", "adapter": "pirate", "names": ["pirate"], "what": "alone", "way": "folded", "data": "SGVsbG8=",
    "note": "", "collections": [], "axis": "master 0, 1", "x": "master 0, 1", "y": "", "text": "Hello?", "keep": False,
    "most": 1, "seeds": 1, "all": True, "id": 1, "form": "html", "key": 1, "by": 1, "column": 0, "plays": "base",
    "seen": "", "new": "other", "file": "x.json", "shape": "fade_in", "percent": "1", "count": "1", "source": "text",
    "number": 1, "verdict": "tie", "mix": {"adapters": {}},
}  # fmt: skip


def said(table: Any, order: str) -> dict[str, Any]:
    """What a page of ours would say."""
    takes = table.table[order].takes.model_fields
    return {"do": order, **{field: SAID[field] for field in takes if field in SAID}}


def opened(console: Any) -> Any:
    return importlib.import_module("lora_mixer.ui.page.orders").OpenPage(console, "page")


def answered(ask: Any) -> None:
    """It is answered, or refused in words."""
    try:
        json.dumps(ask())
    except (ValueError, RuntimeError, LookupError):
        pass
    except ModuleNotFoundError:
        pass  # told already


def main(host: str, folder: Path, model: str) -> None:
    package()
    loaded, allowed = None, set()
    if model == "plain":
        import torch
        import transformers  # noqa: F401

        loaded = torch.nn.Sequential(torch.nn.Linear(2, 2))
        allowed = {"torch", "transformers"}
    # Not the first: what cannot be found is looked for by all.
    sys.meta_path.insert(0, Watch(allowed))  # type: ignore[arg-type]
    console_of = importlib.import_module("lora_mixer.ui.page.studio").Studio
    console = console_of((textgen if host == "textgen" else standalone)(folder, loaded))
    importlib.import_module("lora_mixer.ui.adapters.orders").listen(console)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            ask_everything(console)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="page")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
