"""A model that sees, in TextGen on llama.cpp: a reply to a picture obeys the faders, on a server with real eyes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from helpers.eyes import picture, write_eyes
from standin.textgen import StandIn
from standin.textgen_llama import PICTURE, with_pictures
from standin.textgen_page import values

from lora_mixer.demo.base_model import gguf_file
from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.page.panel import Panel
from lora_mixer.ui.page.studio import Studio

DEMO = Path(__file__).resolve().parents[3] / "demo" / "adapters"
LOUD, QUIET = (Mix({"pirate": Faders(master=gain)}) for gain in (1.0, 0.0))
PROMPT = f"<|im_start|>user\n{PICTURE}\nWhat is this?<|im_end|>\n<|im_start|>assistant\n"
LONG = 16


@pytest.fixture(scope="module")
def textgen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """TextGen on llama.cpp with a model that sees, and pirate loaded."""
    root = tmp_path_factory.mktemp("textgen")
    standin = StandIn(root)
    args = standin.shared.args
    args.loader, args.mmproj = "llama.cpp", write_eyes(root / "eyes.gguf")
    models = Path(args.model_dir)
    models.mkdir()
    (models / "smollm2.gguf").symlink_to(gguf_file())
    shutil.copytree(DEMO / "pirate", Path(args.lora_dir, "pirate"))
    with standin.installed():
        standin.shared.model, standin.shared.tokenizer = standin.models.load_model("smollm2.gguf", "llama.cpp")
        yield standin
        standin.models.unload_model()


@pytest.fixture(scope="module")
def console(textgen: StandIn) -> Studio:
    host = TextGenHost()
    console = Studio(host)
    host.load_adapters(["pirate"], on_loaded=lambda given: console.seat(dict.fromkeys(given.values(), 1.0)))
    return console


def state(textgen: StandIn, seen: bytes) -> dict[str, Any]:
    asked = values(seed=7, max_new_tokens=LONG, top_k=1, temperature=1.0)
    return {**textgen.ui.gather_interface_values(*asked), "raw_images": [seen], "ban_eos_token": True}


def by_hand(textgen: StandIn, scale: float, seen: bytes, said: str = "", most: int = LONG) -> str:
    """What the server itself answers to a picture, with every part at this scale and nothing of ours between."""
    server = textgen.shared.model
    address = f"http://127.0.0.1:{server.port}"
    parts = httpx.get(f"{address}/lora-adapters", timeout=60).json()
    body = {
        "prompt": with_pictures(PROMPT.replace(PICTURE, server.media_marker) + said, [seen]),
        "lora": [{"id": part["id"], "scale": scale} for part in parts],
        "n_predict": most, "top_k": 1, "samplers": ["top_k"], "ignore_eos": True, "cache_prompt": False,
    }  # fmt: skip
    return str(httpx.post(f"{address}/completion", json=body, timeout=60).json()["content"])


def test_a_reply_to_a_picture_is_heard_under_the_faders(textgen: StandIn, console: Studio) -> None:
    assert textgen.shared.is_multimodal
    said = {}
    for mix, scale in ((LOUD, 1.0), (QUIET, 0.0)):
        console.move(Panel(mix))
        said[scale] = [textgen.shared.model.generate(PROMPT, state(textgen, picture(seed))) for seed in (0, 1)]
        assert said[scale] == [by_hand(textgen, scale, picture(seed)) for seed in (0, 1)]
    assert said[1.0] != said[0.0]
    assert len({*said[1.0], *said[0.0]}) > 2, "the picture is seen"


def test_a_move_in_the_middle_of_it_is_obeyed_and_the_picture_is_still_seen(textgen: StandIn, console: Studio) -> None:
    console.move(Panel(LOUD))
    texts = []
    for text in textgen.shared.model.generate_with_streaming(PROMPT, state(textgen, picture(0))):
        texts.append(text)
        if len(texts) == LONG // 2:
            console.move(Panel(QUIET))
    before, after = texts[LONG // 2 - 1], texts[-1]
    left = LONG - len(textgen.shared.model.encode(before))
    assert after == before + by_hand(textgen, 0.0, picture(0), before, left)
    assert after != by_hand(textgen, 1.0, picture(0))


def test_a_chat_with_a_picture_is_not_asked_in_columns(textgen: StandIn, console: Studio) -> None:
    asked = values(seed=7, max_new_tokens=LONG)
    with pytest.raises(HostError, match="picture"):
        console.host.ask(f"What is in {PICTURE}?", asked)
    assert console.host.ask("What is in it?", asked).token_ids
