"""The standalone host: LoRA Mixer on a bare machine, with our own small chat page around it.

`main` is what `run.py demo` and `lora-mixer demo` call.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..protocol import HostError
from .folders import folders
from .guard import LOOPBACK, own_names
from .llama_start import OnLlama, check_gguf
from .load import Start, check_adapter, check_model, demo_adapters, name_adapters
from .server import OnServer

ROOT = Path(__file__).resolve().parents[2]
# Exit statuses: 0 the user ended it, 1 something failed while it ran, 2 it was called with something wrong.
FAILED, MISUSED = 1, 2


def main(argv: Sequence[str] | None = None, program: str = "run.py demo") -> int:
    """Run the page until Ctrl-C; returns the exit status. `program` is what the user typed to call it."""
    options = options_of(program).parse_args(argv)
    try:
        start = _start(options)
        _check_port(options.host, options.port)
    except HostError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED
    _stay_local()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        return _serve(options, start)
    except KeyboardInterrupt:
        print("Bye.")
        return 0


def options_of(program: str) -> argparse.ArgumentParser:
    """What can be said to `program`."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="A chat with a small model and its LoRA adapters, and the mixing desk beside it. "
        "Without options it plays SmolLM2-135M-Instruct with the two adapters that come with the project.",
        epilog=f"example: {program} --model ~/models/Llama-3.2-1B-Instruct --lora ~/loras/one --lora ~/loras/two; "
        f"on llama.cpp: {program} --gguf ~/models/llama-3.2-1b-instruct.gguf --lora ~/loras/one; "
        f"on vLLM: {program} --server http://127.0.0.1:8000 --lora ~/loras/one --shared /shared/mixes",
    )
    what = parser.add_argument_group("what to play")
    what.add_argument("--model", type=Path, metavar="DIR", help="a local transformers model (safetensors)")
    what.add_argument("--gguf", type=Path, metavar="FILE", help="a model in a GGUF file, played by llama.cpp")
    what.add_argument(
        "--lora",
        type=Path,
        metavar="DIR",
        action="append",
        help="a PEFT adapter for that model, or, on llama.cpp, a GGUF adapter; give it once for each",
    )
    here = parser.add_argument_group("in this process (--model)")
    here.add_argument(
        "--dtype",
        choices=["auto", "float32", "bfloat16", "float16"],
        default="auto",
        help="auto is float32 on the CPU and bfloat16 on a GPU",
    )
    here.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps; auto takes a CUDA GPU if there is one")
    llama = parser.add_argument_group("on llama.cpp (--gguf)")
    llama.add_argument(
        "--llama-server",
        nargs="?",
        const="llama-server",
        metavar="PROGRAM",
        help="play on this llama-server, or the one on the PATH, instead of the package xllamacpp",
    )
    llama.add_argument(
        "--context",
        type=int,
        metavar="N",
        help="tokens that a chat may have (default: 4096, if the model reads as many)",
    )
    llama.add_argument("--threads", type=int, metavar="N", help="of the processor (default: as llama.cpp finds right)")
    llama.add_argument(
        "--gpu-layers", type=int, metavar="N", help="on the graphics card (default: as llama.cpp finds right)"
    )
    server = parser.add_argument_group("on a server that runs already (--server)")
    server.add_argument(
        "--server",
        metavar="URL",
        help="a vLLM or SGLang server, or a llama-server (it is asked which); on a llama-server --lora names folders "
        "that `lora-mixer split` made, which it was started with (without: what it has is found by the paths that it "
        "tells)",
    )
    server.add_argument("--key-file", type=Path, metavar="FILE", help="a file that holds the API key of that server")
    server.add_argument(
        "--shared",
        type=Path,
        metavar="DIR",
        help="for vLLM: a folder that this page writes mixes into, and that the server sees; what is the page's own in "
        "it is removed again",
    )
    server.add_argument("--seen-as", metavar="DIR", help="where the server finds that folder (default: the same path)")
    where = parser.add_argument_group("where to show it")
    where.add_argument("--port", type=int, metavar="N", help="default: the first free one from 7860 on")
    where.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine alone)")
    where.add_argument(
        "--also",
        metavar="NAME[:PORT]",
        action="append",
        default=[],
        help="answer under this name too, as through a tunnel or a proxy; give it once for each",
    )
    where.add_argument("--share", action="store_true", help="also through a public link of Gradio's")
    where.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    return parser


def _start(options: argparse.Namespace) -> Start:
    """What to play.

    Raises:
        HostError: it is not there, or goes together with nothing else that was said.
    """
    llama, server = _on_llama(options), _on_server(options)
    if options.model is not None:
        check_model(options.model)
    for adapter in options.lora or ():
        if not options.server:
            check_adapter(adapter, on_llama=llama is not None)
    if options.model is None and llama is None and server is None and not options.lora:
        adapters = demo_adapters(ROOT)
    else:
        adapters = name_adapters(options.lora or ())
    kept = folders(ROOT)
    return Start(
        ROOT, options.model, adapters, options.device, options.dtype, kept.user_data, kept.cache, llama, server
    )


def _on_llama(options: argparse.Namespace) -> OnLlama | None:
    """How to play on llama.cpp, if that is wanted."""
    named = [name for name in ("model", "gguf", "server") if getattr(options, name)]
    if len(named) > 1:
        raise HostError(f"--{named[0]} and --{named[1]} both say what to play: leave one of them out.")
    own = ("llama_server", "context", "threads", "gpu_layers")
    only = {"gguf": own, "server": ("key_file", "shared", "seen_as")}
    for kind, names in only.items():
        if odd := next((name for name in names if getattr(options, name) is not None and kind not in named), None):
            raise HostError(f"--{odd.replace('_', '-')} goes with --{kind} alone.")
    for name in own[1:]:
        if (number := getattr(options, name)) is not None and number < (0 if name == "gpu_layers" else 1):
            raise HostError(f"--{name.replace('_', '-')} cannot be {number}.")
    if options.gguf is None:
        return None
    check_gguf(options.gguf)
    program = options.llama_server
    if program is not None and shutil.which(program) is None:
        raise HostError(f"There is no program {program} here: install llama.cpp, or leave --llama-server out.")
    return OnLlama(
        gguf=options.gguf.resolve(),
        program=program,
        context=options.context,
        threads=options.threads,
        gpu_layers=options.gpu_layers,
    )


def _on_server(options: argparse.Namespace) -> OnServer | None:
    """Which server that runs is to play, if one is."""
    if not options.server:
        return None
    if options.seen_as is not None and options.shared is None:
        raise HostError("--seen-as goes with --shared: it tells where the server finds that folder.")
    if options.seen_as is not None and not options.seen_as.startswith("/"):
        raise HostError(f"--seen-as {options.seen_as} is no path from the root of the server's files: begin it with /.")
    return OnServer(options.server, _key(options.key_file), options.shared, options.seen_as)


def _key(file: Path | None) -> str | None:
    """The key in a file: nobody sees it among the arguments of a program."""
    if file is None:
        return None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise HostError(f"The key in {file} cannot be read: {error}.") from error
    if not key or not key.isprintable():
        raise HostError(f"{file} holds no key.")
    return key


def _check_port(host: str, port: int | None) -> None:
    if port is not None and not 0 < port < 65536:
        raise HostError(f"There is no port {port}: ports go from 1 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # as the server does; elsewhere it would let two programs share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port or 0))  # 0 is any: then this is about the host alone
        except OSError as error:
            where = f"{host} port {port}" if port else host
            advice = " Name another port, or none: then the first free one is taken." if port else ""
            raise HostError(f"Cannot listen on {where}: {error.strerror or error}.{advice}") from error


def _stay_local() -> None:
    """Settle, before Gradio and transformers are imported, that neither asks the network for anything."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Gradio looks at its own page once it is up: not through a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), *LOOPBACK]))


def _serve(options: argparse.Namespace, start: Start) -> int:
    from .host import StandaloneHost

    is_demo = start.is_of_demo and not options.lora
    host = StandaloneHost(
        start,
        multi_user=options.share or options.host not in LOOPBACK,
        # The demo's adapters are manners of speech: two at once is no first impression of either.
        initial_off=list(start.adapters)[1:] if is_demo else (),
    )
    from .page import TITLE, build_page

    page = build_page(host, ROOT, [*own_names(options.host), *options.also])
    _, url, public = page.blocks.queue().launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        inbrowser=not options.no_browser,
        prevent_thread_lock=True,
        quiet=True,
        **page.launch_options,
    )
    if public:
        page.guard.also(urlsplit(public).netloc)
    print(f"\n{TITLE} is at {url}{f' and {public}' if public else ''}  (Ctrl-C ends it)\n", flush=True)
    # After the page, which tells how far this is. (Nor should two threads import large packages at once.)
    threading.Thread(target=_load, args=(host,), name="lora-mixer-load", daemon=True).start()
    try:
        while True:
            time.sleep(0.5)  # in steps, since on Windows a Ctrl-C does not wake a longer wait
    except KeyboardInterrupt:
        print("Bye.", flush=True)
    finally:
        host.close()
        page.blocks.close(verbose=False)
    return FAILED if host.failure else 0


def _load(host: Any) -> None:
    began = time.perf_counter()
    try:
        host.load()
    except HostError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except Exception:  # the page shows it; here it comes with where it happened
        traceback.print_exc()
    else:
        print(f"{host.model_name} is ready after {time.perf_counter() - began:.0f} s.", flush=True)
