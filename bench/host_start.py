"""One start of our own page builder, around the extension in a folder; says what it took. The model is not loaded."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

HEAVY = ("torch", "transformers", "peft")


def main(argv: list[str]) -> int:
    """`argv`: "page" or "parts", and the extension's folder. Prints one line of JSON."""
    what, root = argv
    print(json.dumps({"page": serve, "parts": parts}[what](Path(root))))
    return 0


def serve(root: Path) -> dict[str, Any]:
    """Builds and serves the page; when it answered, and what is loaded by then."""
    from ..hosts.standalone.host import StandaloneHost
    from ..hosts.standalone.load import Start
    from ..hosts.standalone.page import build_page

    page = build_page(StandaloneHost(Start(root)), root)
    _, url, _ = page.blocks.queue().launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **page.launch_options
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=60) as response:
        size = len(response.read())
    served = time.time()
    page.blocks.close(verbose=False)
    return {"served": served, "bytes": size, **_loaded()}


def parts(root: Path) -> dict[str, Any]:
    """What the extension's own parts take in a host that has Gradio already, in seconds."""
    import gradio as gr

    from ..hosts.standalone.host import StandaloneHost
    from ..hosts.standalone.load import Start
    from ..hosts.standalone.page import load_extension

    host = StandaloneHost(Start(root))
    before = set(sys.modules)
    clock = [time.perf_counter()]
    extension = load_extension(root)
    extension.use_host(host)
    extension.setup()
    clock.append(time.perf_counter())
    size = len(extension.custom_css()) + len(extension.custom_js())
    clock.append(time.perf_counter())
    with gr.Blocks(analytics_enabled=False):
        clock.append(time.perf_counter())  # what Gradio takes for its own part
        extension.ui()
        clock.append(time.perf_counter())
    steps = {"script.py": clock[1] - clock[0], "css and js": clock[2] - clock[1], "ui()": clock[4] - clock[3]}
    return {"steps": steps, "bytes": size, "new": sorted(set(sys.modules) - before), **_loaded()}


def _loaded() -> dict[str, Any]:
    return {"modules": len(sys.modules), "heavy": [name for name in HEAVY if name in sys.modules]}
