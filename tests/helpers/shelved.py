"""Adapters on disk for tiny models, and the standalone host that has them on its shelf."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from helpers import tiny
from helpers.browser import ROOT

from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Loaded, Start
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio


def shelve(folder: Path, **config: Any) -> Path:
    """Saves an adapter for `tiny.llama()` in `folder`; `config` as `tiny.lora` takes it."""
    model = tiny.add(tiny.llama(), tiny.lora(**config))
    inside = folder.parent / f".{folder.name}"
    model.save_pretrained(str(inside))
    shutil.copytree(inside / "pirate", folder, dirs_exist_ok=True)
    shutil.rmtree(inside)
    described = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    described["base_model_name_or_path"] = "tiny/llama"
    (folder / "adapter_config.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def shelf_host(home: Path, model: Any = None, **options: Any) -> StandaloneHost:
    """A host with a tiny model that keeps everything in `home`; on the shelf: `home / "loras"`, and the demo's own."""
    host = StandaloneHost(Start(ROOT, Path("tiny"), {}, state=home), **options)
    host.use(Loaded(tiny.llama() if model is None else model, tiny.tokenizer(), 1000))
    return host


def opened(host: StandaloneHost) -> Studio:
    """A console on this host, as the page builds it."""
    console = Studio(host)
    adapters.listen(console)
    host.on_model = console.desk  # type: ignore[assignment]
    return console


def ask(console: Studio, do: str, **said: Any) -> dict[str, Any]:
    """What Python answers a page's order; fails if it is refused."""
    answer = adapters.ORDERS.obey(OpenPage(console, "page"), {"do": do, **said})
    assert "refused" not in answer, answer["refused"]
    return answer


def refused(console: Studio, do: str, **said: Any) -> str:
    """Why an order is refused."""
    return str(adapters.ORDERS.obey(OpenPage(console, "page"), {"do": do, **said})["refused"]["why"])


def work(console: Studio, do: str, values: Any = (), **said: Any) -> dict[str, Any]:
    """What came of a job, all its news in one."""
    news: dict[str, Any] = {}
    for one in adapters.begin(OpenPage(console, "page", values), {"do": do, "key": do, **said}):
        news |= one
    return news


def entry(console: Studio, name: str) -> dict[str, Any]:
    """One line of the shelf, checkpoints too."""
    entries = ask(console, "shelf")["shelf"]["entries"]
    every = {one["id"]: one for run in entries for one in (run, *run["entries"])}
    found: dict[str, Any] = every[name]
    return found


def adapters_tab(page: Any) -> Any:
    """Goes to the page of adapters; the shelf on it."""
    page.get_by_role("tab", name="LoRA Mixer", exact=True).first.click()
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Adapters", exact=True).click()
    shelf = page.locator("#lora-mixer-shelf-card")
    shelf.wait_for()
    return shelf


def mix_tab(page: Any) -> Any:
    """Goes to the desk; the desk."""
    page.get_by_role("tab", name="LoRA Mixer", exact=True).first.click()
    page.locator("#lora-mixer-tabs").get_by_role("tab", name="Mix", exact=True).click()
    desk = page.locator("#lora-mixer-desk .lora-mixer-desk")
    desk.wait_for()
    return desk
