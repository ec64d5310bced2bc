"""`inspect`: what an adapter is, from its files alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lora_ops.shelf.adapter_files import AdapterFiles, looks_like_adapter, read_adapter
from .arguments import AsJson
from .exits import MISUSED
from .output import show_facts, show_json, show_table, size

if TYPE_CHECKING:
    from ..lora_ops.shelf.gguf_on_shelf import GGUFAdapter
    from ..lora_ops.shelf.shelf import Entry

Folders = Annotated[
    list[Path],
    typer.Argument(metavar="FOLDER", help="An adapter, or a folder that holds adapters.", show_default=False),
]


def inspect(
    folders: Folders,
    hashed: Annotated[bool, typer.Option("--hash", help="Also work out the SHA-256 of the weights.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what adapters are: method, ranks, alphas, targets, base model, size, and who else can read them.

    Only the configuration and the header of the weights are read. A folder without an adapter of its own is a shelf:
    all adapters and checkpoints in it are listed.

    Examples:

    * `inspect loras/pirate`

    * `inspect loras --json`
    """
    from ..lora_ops.shelf.shelf import shelf

    told: list[dict[str, Any]] = []
    failed = False
    for folder in (folder.expanduser() for folder in folders):
        if looks_like_adapter(folder) or not folder.is_dir():
            files = read_adapter(folder)
            facts = _facts(files, hashed)
            told.append({"name": folder.resolve().name, **facts})
            if not as_json:
                _show(folder, facts)
            continue
        entries = shelf(folder)
        # A folder that is no adapter is no damage.
        failed |= any(entry.error and looks_like_adapter(entry.folder) for entry in entries)
        for entry in entries:
            told.append({"name": entry.name, **_of_entry(entry, hashed)})
        if not as_json:
            _show_shelf(folder, told[len(told) - len(entries) :])
    if as_json:
        show_json(told)
    if failed:
        raise typer.Exit(MISUSED)


def _of_entry(entry: Entry, hashed: bool) -> dict[str, Any]:
    if entry.gguf:
        return _gguf_facts(entry.gguf)
    return _facts(entry.files, hashed) if entry.files else _trouble(entry)


def _gguf_facts(gguf: GGUFAdapter) -> dict[str, Any]:
    """Of a GGUF adapter on a shelf, as far as its header tells."""
    return {
        "folder": str(gguf.path),
        "method": "lora",
        "ranks": list(gguf.ranks),
        "alphas": [gguf.alpha] if gguf.alpha else [],
        "targets": len(gguf.weights),
        "kinds": list(gguf.kinds),
        "layers": list(gguf.layers),
        "base_model": gguf.base_model or gguf.architecture,
        "parameters": gguf.parameters,
        "dtype": gguf.dtype,
        "size": gguf.size,
        "time": gguf.time,
        "special": ["a GGUF adapter, for llama.cpp alone"],
    }


def _trouble(entry: Entry) -> dict[str, Any]:
    return {"error": entry.error, "adapter": looks_like_adapter(entry.folder)}


def _facts(files: AdapterFiles, hashed: bool) -> dict[str, Any]:
    from ..lora_ops.bakery.runtimes import objections
    from ..lora_ops.shelf.adapter_weights import shapes_of
    from ..lora_ops.shelf.lora_fields import traits

    facts = {
        "folder": str(files.folder),
        "method": files.method,
        "rank_stabilised": files.rank_stabilised,
        "ranks": list(files.ranks),
        "alphas": list(files.alphas),
        "targets": len(files.targets),
        "kinds": list(files.kinds),
        "layers": list(files.layers),
        "saved": list(files.saved),
        "base_model": files.base_model,
        "parameters": files.parameters,
        "dtype": files.dtype,
        "size": files.size,
        "time": files.time,
        "step": files.step,
        "special": [trait.sentence for trait in traits(files.config)],
        "changes_base": files.changes_base,
        "problems": list(files.problems),
        "objections": objections(files.config, shapes_of(files.folder)),
    }
    return {**facts, "sha256": files.content_hash()} if hashed else facts


def _show(folder: Path, facts: dict[str, Any]) -> None:
    stabilised = ", rank-stabilised" if facts["rank_stabilised"] else ""
    lines = {
        "adapter": str(folder),
        "method": f"{facts['method']}{stabilised}",
        "rank": _several(facts["ranks"]),
        "alpha": _several(facts["alphas"]),
        "targets": f"{facts['targets']} ({', '.join(facts['kinds'])})",
        "layers": _layers(facts["layers"]),
        "base model": facts["base_model"] or "not told",
        "parameters": f"{facts['parameters']:,} as {facts['dtype']}, {size(facts['size'])}",
        "written": datetime.fromtimestamp(facts["time"]).strftime("%Y-%m-%d %H:%M"),
    }
    if facts["saved"]:
        lines["full copies"] = ", ".join(facts["saved"])
    if facts["step"] is not None:
        lines["training step"] = str(facts["step"])
    if facts["special"]:
        lines["special"] = "; ".join(facts["special"])
    for runtime, reasons in facts["objections"].items():
        lines[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    if facts["changes_base"]:
        lines["beware"] = facts["changes_base"]
    if facts["problems"]:
        lines["odd"] = "; ".join(facts["problems"])
    if "sha256" in facts:
        lines["SHA-256"] = facts["sha256"]
    show_facts(lines)


def _show_shelf(folder: Path, told: list[dict[str, Any]]) -> None:
    if not told:
        typer.echo(f"There is no adapter in {folder}.")
        return
    head = ("name", "method", "rank", "alpha", "targets", "size", "base model")
    rows = []
    for one in told:
        if "error" in one:
            rows.append((one["name"], "damaged" if one["adapter"] else "no adapter", *("",) * 5))
        else:
            rank, alpha = _several(one["ranks"]), _several(one["alphas"])
            base = one["base_model"].rpartition("/")[2]
            rows.append((one["name"], one["method"], rank, alpha, str(one["targets"]), size(one["size"]), base))
    show_table(head, rows, left=len(head))
    special = {one["name"]: "; ".join(one["special"]) for one in told if one.get("special")}
    wrong = {one["name"]: one["error"] for one in told if "error" in one}
    for notes in (special, wrong):
        if notes:
            typer.echo()
            show_facts(notes)


def _several(numbers: list[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers[:6]) + (" …" if len(numbers) > 6 else "")


def _layers(layers: list[int]) -> str:
    if not layers:
        return "none"
    whole = layers == list(range(layers[0], layers[-1] + 1))
    return f"{len(layers)}: {layers[0]} to {layers[-1]}" if whole else ", ".join(map(str, layers))
