"""TextGen's llama.cpp loader: adapters come and go with a real llama-server, and all that is said obeys the faders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin.textgen import StandIn
from standin.textgen_page import a_chat, values

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.textgen import asked_mix
from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare
from lora_mixer.lora_ops.engines import llama_server

DEMO = Path(__file__).resolve().parents[3] / "demo" / "adapters"
MODEL = "smollm2.gguf"
QUIET = Mix({"pirate": Faders(master=0.0)})
ASKED = values(history=a_chat(("Who are you?", "Nobody.")), seed=7, max_new_tokens=10, top_k=1, temperature=1.0)


@pytest.fixture(scope="module")
def textgen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """TextGen with the demo's model on llama.cpp, and its two adapters on the shelf."""
    root = tmp_path_factory.mktemp("textgen")
    standin = StandIn(root)
    standin.shared.args.loader, standin.shared.args.extra_flags = "llama.cpp", "--jinja"
    models = Path(standin.shared.args.model_dir)
    models.mkdir()
    (models / MODEL).symlink_to(gguf_file())
    for name in ("pirate", "butler"):
        shutil.copytree(DEMO / name, Path(standin.shared.args.lora_dir, name))
    with standin.installed():
        standin.shared.model, standin.shared.tokenizer = standin.models.load_model(MODEL, "llama.cpp")
        yield standin
        standin.models.unload_model()


@pytest.fixture
def host(textgen: StandIn) -> Iterator[TextGenHost]:
    """The host, with pirate loaded."""
    host = TextGenHost()
    if "pirate" not in host.loaded_adapters():
        host.load_adapters(["pirate"], keep=True)
    yield host
    if (engine := host.engine) is not None:
        engine.play(Mix())


def said(host: TextGenHost, textgen: StandIn) -> str:
    """What TextGen's own chat answers."""
    state = textgen.ui.gather_interface_values(*ASKED)
    list(textgen.chat.generate_chat_reply_wrapper("", state, regenerate=True))
    return str(state["history"]["internal"][-1][1])


def test_a_request_that_asks_for_a_mix_hears_that_and_the_chat_its_faders(host: TextGenHost, textgen: StandIn) -> None:
    desk = Desk(host.engine, host.lock)
    loud = said(host, textgen)
    before = asked_mix.ASKED.set(QUIET)
    try:
        silent = said(host, textgen)
    finally:
        asked_mix.ASKED.reset(before)
    assert said(host, textgen) == loud != silent
    desk.apply(QUIET)
    assert said(host, textgen) == silent


def test_adapters_come_and_go_and_the_user_s_own_flags_stay(textgen: StandIn) -> None:
    host, args = TextGenHost(), textgen.shared.args
    if host.loaded_adapters():
        host.unload_adapters()
    assert host.model is textgen.shared.model and host.loaded_adapters() == {}
    trouble = host.trouble()
    assert trouble is not None and trouble.title == "No adapter is loaded"
    base = said(host, textgen)

    told: list[Any] = []
    assert host.load_adapters(["pirate"], on_loaded=told.append) == {"pirate": "pirate"} == told[0]
    assert host.trouble() is None
    assert host.loaded_adapters() == {"pirate": Path(args.lora_dir).resolve() / "pirate"}
    assert args.extra_flags.startswith("--jinja --cache-ram 0 --lora ")
    pirate = said(host, textgen)
    assert pirate != base
    host.load_adapters(["butler"], keep=True)
    assert list(host.loaded_adapters()) == ["pirate", "butler"]
    host.unload_adapters(["butler"])
    assert said(host, textgen) == pirate
    host.unload_adapters()
    assert args.extra_flags == "--jinja" and host.loaded_adapters() == {}
    assert said(host, textgen) == base


def test_every_target_has_a_fader_of_the_name_that_it_has_on_peft(host: TextGenHost) -> None:
    engine = host.engine
    assert engine is not None and engine is host.engine
    names = {target.name for target in engine.adapters["pirate"].targets}
    assert len(names) == 210 and "model.layers.3.self_attn.q_proj" in names


def test_the_chat_hears_the_faders(host: TextGenHost, textgen: StandIn) -> None:
    desk = Desk(host.engine)
    loud = said(host, textgen)
    desk.apply(QUIET)
    quiet = said(host, textgen)
    desk.reset()
    assert said(host, textgen) == loud != quiet


def test_columns_say_what_the_chat_says_under_their_mixes(host: TextGenHost, textgen: StandIn) -> None:
    desk = Desk(host.engine)
    request = host.ask_again(ASKED)
    assert request.sampling.max_new_tokens == 10 and request.seed == 7
    run = compare(
        desk, None, request.token_ids, [Column("loud", Mix()), Column("quiet", QUIET)],
        seed=request.seed, generation=request.sampling,
        alone=lambda: host.generate(request),
    )  # fmt: skip
    list(run)
    loud, quiet = (column.text.strip() for column in run.result.columns)
    assert loud == said(host, textgen)
    desk.apply(QUIET)
    assert quiet == said(host, textgen) != loud


def test_a_fader_that_is_moved_in_mid_reply_is_obeyed(host: TextGenHost, textgen: StandIn) -> None:
    desk = Desk(host.engine)
    request = host.ask_again(ASKED)
    with host.lock:
        loud = list(host.generate(request))
        moved = []
        for text in host.generate(request):
            moved.append(text)
            if len(moved) == 3:
                desk.apply(QUIET)
    assert moved[:3] == loud[:3] and moved[-1].startswith(loud[2]) and moved[-1] != loud[-1]


def test_an_adapter_that_llama_cpp_cannot_play_is_refused_and_the_chat_goes_on(
    host: TextGenHost, textgen: StandIn
) -> None:
    odd = Path(textgen.shared.args.lora_dir, "odd")
    shutil.copytree(DEMO / "pirate", odd)
    config = odd / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    server, flags = textgen.shared.model, textgen.shared.args.extra_flags
    try:
        with pytest.raises(HostError, match="odd cannot be played by llama.cpp"):
            host.load_adapters(["odd"], keep=True)
    finally:
        shutil.rmtree(odd)
    assert textgen.shared.model is server and textgen.shared.args.extra_flags == flags


def test_a_server_that_does_not_start_with_them_starts_again_without(host: TextGenHost, textgen: StandIn) -> None:
    host.load_adapters(["butler"], keep=True)
    host.unload_adapters(["butler"])
    homes = (textgen.shared.user_data_dir / "lora-mixer" / "parts").iterdir()
    (parts,) = (one for home in homes if (one := llama_server.read_parts(home))[0].adapter == "butler")
    first = parts[0].path
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    try:
        with pytest.raises(HostError, match="did not start with these adapters"):
            host.load_adapters(["butler"], keep=True)
    finally:
        first.write_bytes(whole)
    assert list(host.loaded_adapters()) == ["pirate"] and host.trouble() is None


def test_an_adapter_of_the_user_s_own_flags_has_one_fader_and_stays(textgen: StandIn, tmp_path: Path) -> None:
    host, args = TextGenHost(), textgen.shared.args
    host.unload_adapters()
    own = llama_server.whole(DEMO / "butler", gguf_file(), tmp_path / "mine.gguf")
    args.extra_flags = f"--lora {own}"
    textgen.models.unload_model(keep_model_name=True)
    textgen.shared.model, textgen.shared.tokenizer = textgen.models.load_model(MODEL, "llama.cpp")
    try:
        engine = host.engine
        assert engine is not None
        (mine,) = engine.adapters.values()
        assert len(mine.targets) == 1 and host.loaded_adapters() == {mine.name: own}
        host.load_adapters(["pirate"], keep=True)
        assert set(host.loaded_adapters()) == {mine.name, "pirate"}
        with pytest.raises(HostError, match="extra flags"):
            host.unload_adapters([mine.name])
        host.unload_adapters(["pirate"])
        assert args.extra_flags == f"--lora {own}" and list(host.loaded_adapters()) == [mine.name]
    finally:
        args.extra_flags = "--jinja"
        textgen.models.unload_model(keep_model_name=True)
        textgen.shared.model, textgen.shared.tokenizer = textgen.models.load_model(MODEL, "llama.cpp")


def test_a_server_that_dies_in_mid_reply_is_told(host: TextGenHost, textgen: StandIn) -> None:
    request = host.ask_again(
        values(history=a_chat(("Count to a thousand.", "1")), max_new_tokens=400, ban_eos_token=True)
    )
    with pytest.raises(HostError, match="could not generate"), host.lock:
        for at, _ in enumerate(host.generate(request)):
            if at == 1:
                textgen.shared.model.process.kill()
                textgen.shared.model.process.wait()
    textgen.models.unload_model(keep_model_name=True)
    textgen.shared.model, textgen.shared.tokenizer = textgen.models.load_model(MODEL, "llama.cpp")
    assert host.trouble() is None and list(host.loaded_adapters()) == ["pirate"], "the flags are as they were"
